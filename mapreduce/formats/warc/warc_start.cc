#include "mapreduce/formats/warc/warc_start.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "mapreduce/formats/file_cursor.h"
#include "mapreduce/formats/warc/gzip_search.h"
#include "mapreduce/formats/warc/member_source.h"

namespace quern::mr {

namespace {

// One alone stands before the contents of many a frame of zstd.
constexpr std::string_view kZeros("\0\0\0\0", 4);
// What stands before a record and how it begins; a frame's magic is shorter.
constexpr size_t kMarkBytes = kZeros.size() + kWarcStart.size() + 2;

}  // namespace

size_t FindVersionLine(std::string_view bytes) {
  for (size_t at = 0; (at = bytes.find(kWarcStart, at)) != std::string_view::npos; ++at) {
    const std::string_view number = bytes.substr(at + kWarcStart.size());
    const bool starts_line =
        (at > 0 && bytes[at - 1] == '\n') || bytes.substr(0, at).ends_with(kZeros);
    if (starts_line && (number.starts_with("1.") || number.starts_with("0."))) return at;
  }
  return std::string_view::npos;
}

absl::StatusOr<WarcContents> FindFirstRecord(ReadableFile* file) {
  // A record of one kind may hold a file of another: what comes first is what the file is.
  ASSIGN_OR_RETURN(const uint64_t member, GzipSearch(file).Find(0));
  FileCursor cursor(file, file->length());
  while (cursor.offset() < member) {
    ASSIGN_OR_RETURN(const std::string_view bytes, cursor.Peek(kMarkBytes));
    if (bytes.size() < kMarkBytes) break;
    const size_t plain = FindVersionLine(bytes);
    const size_t frame = bytes.find(kZstdFrameMagic);
    const uint64_t first = cursor.offset() + std::min(plain, frame);
    if (std::min(plain, frame) == std::string_view::npos) {
      cursor.Skip(bytes.size() - kMarkBytes + 1);
      continue;
    }
    if (first >= member) break;
    if (plain < frame) return WarcContents::kPlain;
    cursor.Skip(frame);
    ASSIGN_OR_RETURN(const std::string_view trial, cursor.Peek(kZstdTrialBytes));
    if (BeginsZstdRecord(trial)) return WarcContents::kZstd;
    cursor.Skip(1);
  }
  return member < file->length() ? WarcContents::kGzip : WarcContents::kNone;
}

}  // namespace quern::mr
