#include "mapreduce/formats/warc/warc_start.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <system_error>

#include "mapreduce/formats/file_cursor.h"
#include "mapreduce/formats/warc/gzip_search.h"
#include "mapreduce/formats/warc/header_fields.h"
#include "mapreduce/formats/warc/member_source.h"

namespace quern::mr {

namespace {

// One alone stands before the contents of many a frame of zstd.
constexpr std::string_view kZeros("\0\0\0\0", 4);
static_assert(kVersionLineBytes == kZeros.size() + kWarcStart.size() + 2);
// A frame's magic is shorter.
constexpr size_t kMarkBytes = kVersionLineBytes;
constexpr size_t kTrialHeadBytes = 16 << 10;

absl::StatusOr<bool> BeginsFrame(FileCursor* cursor) {
  ASSIGN_OR_RETURN(const std::string_view trial, cursor->Peek(kZstdTrialBytes));
  return BeginsZstdRecord(trial);
}

// Whether the head at the cursor has a length at which a record may end. Without this proof a frame
// that has lost its own head, and holds one of a record as it is, would be taken for a plain file.
absl::StatusOr<bool> IsRecord(ReadableFile* file, FileCursor* cursor) {
  ASSIGN_OR_RETURN(const std::string_view bytes, cursor->Peek(kTrialHeadBytes));
  const size_t head = EndOfHead(bytes.substr(0, kTrialHeadBytes));
  if (head == std::string_view::npos) return false;
  std::string_view lines = bytes.substr(0, head);
  TakeLine(&lines);
  HeaderFields fields;
  fields.Parse(lines);
  const std::string_view text = fields.Find("Content-Length");
  uint64_t length = 0;
  const char* const text_end = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), text_end, length);
  const uint64_t begin = cursor->offset() + head;
  if (text.empty() || error != std::errc() || end != text_end) return false;
  if (length > file->length() - begin) return false;
  FileCursor behind(file);
  behind.SeekTo(begin + length);
  ASSIGN_OR_RETURN(const std::string_view next, behind.Peek(4));
  return next.empty() || next.starts_with("\r\n\r\n") || next.starts_with("\n\n");
}

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
  bool maybe_plain = false;
  while (cursor.offset() < member) {
    ASSIGN_OR_RETURN(const std::string_view bytes, cursor.Peek(kMarkBytes));
    if (bytes.size() < kMarkBytes) break;
    const size_t plain = FindVersionLine(bytes);
    const size_t frame = bytes.find(kZstdFrameMagic);
    const size_t at = std::min(plain, frame);
    if (at == std::string_view::npos) {
      cursor.Skip(bytes.size() - kMarkBytes + 1);
      continue;
    }
    if (cursor.offset() + at >= member) break;
    cursor.Skip(at);
    const bool is_frame = frame < plain;
    ASSIGN_OR_RETURN(const bool proven, is_frame ? BeginsFrame(&cursor) : IsRecord(file, &cursor));
    if (proven) return is_frame ? WarcContents::kZstd : WarcContents::kPlain;
    maybe_plain = maybe_plain || !is_frame;
    cursor.Skip(1);
  }
  if (member < file->length()) return WarcContents::kGzip;
  return maybe_plain ? WarcContents::kPlain : WarcContents::kNone;
}

}  // namespace quern::mr
