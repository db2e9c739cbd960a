// `put --pack`: a directory of texts as one file of JSON lines, which jobs read far faster than
// many small files.
//
//   {"id": "/usr/share/doc/bash/FAQ", "text": "..."}
//
// One line per file, in byte order of the paths. Files that end in .gz are unpacked. What is not
// text (a NUL, or not UTF-8), is too large, or cannot be read is left out and counted (the first
// ones named), and so are links that are not to be followed.
#pragma once

#include <cstdint>
#include <string>

#include "client/file_writer.h"
#include "client/shell/local_tree.h"
#include "client/shell/shell.h"

namespace quern::shell {

inline constexpr size_t kMaxPackedBytes = 64 << 20;  // of one file, unpacked

enum class PackVerdict { kText, kBinary, kTooLarge, kUnreadable };
struct PackedText {
  PackVerdict verdict = PackVerdict::kUnreadable;
  std::string text;
};
// Reads one file, unpacked.
PackedText ReadText(const std::string& path, size_t max_bytes = kMaxPackedBytes);
// The line of one file, with its line end. Bytes of the path that are not UTF-8 stand in the id as
// \xe9, so that two such files have two ids.
std::string PackLine(std::string_view path, std::string_view text);

// Packs everything below `directory` and closes the writer of `target`.
absl::Status PackDirectory(Shell* shell, const std::string& directory, const std::string& target,
                           const LocalTreeOptions& options, client::FileWriter* writer);

}  // namespace quern::shell
