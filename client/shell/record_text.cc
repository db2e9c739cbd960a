#include "client/shell/record_text.h"

#include <string>

#include "common/sizes.h"

namespace quern::shell {

namespace {

constexpr size_t kWriteBytes = 256 << 10;

// The records of the present block; in `large` when they have to be put together.
absl::StatusOr<std::string_view> ReadRecords(BlockScanner* scanner, std::string* large) {
  if (!scanner->IsLarge()) return scanner->Read();
  large->clear();
  while (true) {
    ASSIGN_OR_RETURN(const std::string_view part, scanner->ReadPart());
    if (part.empty()) break;
    large->append(part);
  }
  if (scanner->part_is_right()) return std::string_view(*large);
  scanner->GiveUp();
  return std::string_view();
}

}  // namespace

bool LooksLikeRecordFile(std::string_view first_bytes) {
  return first_bytes.starts_with(kRecordMark);
}

absl::Status WriteRecordsAsText(PeekableFile* file, uint64_t length,
                                const std::function<absl::Status(std::string_view)>& write) {
  BlockScanner scanner(file, 0, length);
  std::string large;
  std::string text;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, scanner.Next());
    if (!more) break;
    ASSIGN_OR_RETURN(std::string_view records, ReadRecords(&scanner, &large));
    std::string_view key;
    std::string_view value;
    while (TakeRecord(&records, &key, &value)) {
      text.append(key);
      if (!value.empty()) text.append("\t").append(value);
      text += '\n';
    }
    if (text.size() < kWriteBytes) continue;
    RETURN_IF_ERROR(write(text));
    text.clear();
  }
  RETURN_IF_ERROR(write(text));
  if (scanner.damaged() == 0) return absl::OkStatus();
  return DataLossError("{} damaged; the records of all others have been shown",
                       CountOf(scanner.damaged(), "block"));
}

}  // namespace quern::shell
