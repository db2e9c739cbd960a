#include "chunkserver/store/visit_bytes.h"

#include <algorithm>
#include <string>

namespace quern::chunkserver {

absl::Status VisitBytes(File* file, uint64_t start, uint64_t end,
                        const std::function<void(std::string_view)>& visit) {
  constexpr uint64_t kStep = uint64_t{1} << 20;
  std::string buffer;
  while (start < end) {
    buffer.resize(std::min(end - start, kStep));
    ASSIGN_OR_RETURN(const size_t got, file->Pread(start, buffer.size(), buffer.data()));
    if (got < buffer.size()) return DataLossError("{}: ends at {}", file->path(), start + got);
    visit(buffer);
    start += got;
  }
  return absl::OkStatus();
}

}  // namespace quern::chunkserver
