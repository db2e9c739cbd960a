#include "client/shell/pack.h"

#include <fmt/ranges.h>
#include <simdjson.h>
#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "client/shell/interrupt.h"
#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/crc32c.h"
#include "common/sizes.h"

namespace quern::shell {
namespace {

// Of those that were left out.
constexpr size_t kNamedFiles = 10;

struct PackCounts {
  uint64_t files = 0;
  uint64_t bytes = 0;
  uint64_t binary = 0;
  uint64_t too_large = 0;
  uint64_t unreadable = 0;
  uint64_t links = 0;
  std::vector<std::string> binary_names;  // the first

  void Count(const std::string& path, const PackedText& file) {
    switch (file.verdict) {
      case PackVerdict::kText:
        ++files;
        bytes += file.text.size();
        break;
      case PackVerdict::kBinary:
        ++binary;
        if (binary_names.size() < kNamedFiles) binary_names.push_back(path);
        break;
      case PackVerdict::kTooLarge:
        ++too_large;
        break;
      case PackVerdict::kUnreadable:
        ++unreadable;
        break;
    }
  }
};

// As of files that are put alone, in the same words; why one is left out instead.
void PrintFile(Shell* shell, const std::string& source, const std::string& target,
               const PackedText& file) {
  if (!shell->json()) return;
  JsonLine line;
  line.Add("source", source);
  switch (file.verdict) {
    case PackVerdict::kText:
      line.Add("path", target)
          .Add("bytes", file.text.size())
          .Add("crc32c", fmt::format("{:08x}", Crc32c(file.text)));
      break;
    case PackVerdict::kBinary:
      line.Add("skipped", "binary");
      break;
    case PackVerdict::kTooLarge:
      line.Add("skipped", "too_large");
      break;
    case PackVerdict::kUnreadable:
      line.Add("skipped", "unreadable");
      break;
  }
  shell->Print(line);
}

bool IsText(std::string_view bytes) {
  return std::memchr(bytes.data(), '\0', bytes.size()) == nullptr &&
         simdjson::validate_utf8(bytes.data(), bytes.size());
}

void PrintCounts(Shell* shell, const PackCounts& counts, const client::FileStatus& status) {
  if (shell->json()) {
    shell->Print(JsonLine()
                     .Add("path", status.path)
                     .Add("bytes", status.length)
                     .Add("files", counts.files)
                     .Add("text_bytes", counts.bytes)
                     .Add("skipped_binary", counts.binary)
                     .Add("skipped_too_large", counts.too_large)
                     .Add("skipped_unreadable", counts.unreadable)
                     .Add("skipped_links", counts.links));
    return;
  }
  const std::string packed = fmt::format(
      "packed {} file{} ({}); left out: {} binary, {} too large, {} unreadable, {}",
      FormatCount(counts.files), counts.files == 1 ? "" : "s", FormatBinarySize(counts.bytes),
      counts.binary, counts.too_large, counts.unreadable, CountOf(counts.links, "link"));
  const bool is_whole = counts.binary + counts.too_large + counts.unreadable + counts.links == 0;
  is_whole ? shell->Note(packed) : shell->Warn(packed);
  if (counts.binary == 0) return;
  const uint64_t more = counts.binary - counts.binary_names.size();
  shell->Warn(fmt::format("binary, or text that is not UTF-8: {}{}",
                          fmt::join(counts.binary_names, ", "),
                          more == 0 ? "" : fmt::format(" and {} more", more)));
}

}  // namespace

// zlib's gz functions read files that are not packed as they are, which names ending in .gz may be.
PackedText ReadText(const std::string& path, size_t max_bytes) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rbe"), gzclose);
  if (file == nullptr) return {};
  const bool unpack = path.ends_with(".gz");
  gzbuffer(file.get(), 128 << 10);
  PackedText result;
  std::string buffer(256 << 10, '\0');
  while (true) {
    const int n = gzread(file.get(), buffer.data(), static_cast<unsigned>(buffer.size()));
    if (n < 0) return {};
    // Packed bytes under a name that does not say so are binary, as any tool would see them.
    if (!unpack && gzdirect(file.get()) == 0) return {.verdict = PackVerdict::kBinary, .text = ""};
    if (n == 0) {
      // A packed file that was cut off gives what it has, and then this.
      int code = Z_OK;
      gzerror(file.get(), &code);
      if (code == Z_BUF_ERROR) return {};
      break;
    }
    if (result.text.size() + static_cast<size_t>(n) > max_bytes) {
      return {.verdict = PackVerdict::kTooLarge, .text = ""};
    }
    result.text.append(buffer, 0, static_cast<size_t>(n));
  }
  result.verdict = IsText(result.text) ? PackVerdict::kText : PackVerdict::kBinary;
  return result;
}

std::string PackLine(std::string_view path, std::string_view text) {
  std::string escaped;
  const std::string_view id = IsUtf8(path) ? path : escaped = CleanLine(path, SIZE_MAX);
  return JsonLine().Add("id", id).Add("text", text).ToString() + "\n";
}

absl::Status PackDirectory(Shell* shell, const std::string& directory, const std::string& target,
                           const LocalTreeOptions& options, client::FileWriter* writer) {
  ASSIGN_OR_RETURN(const LocalTree tree, ListLocalTree(directory, options));
  PackCounts counts;
  counts.unreadable = tree.skipped.size();
  counts.links = tree.links;
  const auto progress =
      shell->StartProgress(directory, tree.entries.size(), ProgressOptions::Unit::kItems);
  for (const LocalEntry& entry : tree.entries) {
    RETURN_IF_ERROR(CheckInterrupt());
    progress->Add(1);
    if (entry.is_directory) continue;
    const PackedText file = ReadText(entry.path);
    counts.Count(entry.path, file);
    if (file.verdict == PackVerdict::kText) {
      RETURN_IF_ERROR(writer->Append(PackLine(entry.path, file.text)));
    }
    PrintFile(shell, entry.path, target, file);
  }
  progress->Finish();
  ASSIGN_OR_RETURN(const client::FileStatus status, writer->Close());
  PrintCounts(shell, counts, status);
  return absl::OkStatus();
}

}  // namespace quern::shell
