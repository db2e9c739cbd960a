// Finds gzip members of WARC files by looking at the bytes.
#pragma once

#include <cstdint>
#include <memory>

#include "common/codecs/inflater.h"
#include "common/status.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/formats/file_cursor.h"

namespace quern::mr {

// Used by one thread.
class GzipSearch {
 public:
  // `file` is borrowed.
  explicit GzipSearch(ReadableFile* file);

  // The first place at or behind `from` with bytes that look like a member of this file: a header,
  // and contents that begin with "WARC/". The file's length when there is none.
  absl::StatusOr<uint64_t> Find(uint64_t from);

  // The same, and so much more of a proof that two tasks which meet at a border agree about it:
  // members with the right checksums follow one another from there on for more than 64 KiB, or to
  // the end of the file.
  //
  // A record may hold a WARC file. When its bytes do not shrink, deflate stores them as they are
  // and the members inside look like those around them, but for 65,535 bytes at most: then the
  // header of the next stored block stands between.
  absl::StatusOr<uint64_t> FindBorder(uint64_t from);

 private:
  absl::StatusOr<bool> BeginsRecord();
  absl::StatusOr<bool> ChainFrom(uint64_t offset);
  absl::StatusOr<bool> PassMember(FileCursor* cursor);

  ReadableFile* const file_;
  FileCursor cursor_;
  Inflater inflater_;
  const std::unique_ptr<char[]> scrap_;  // for contents that nobody wants
};

}  // namespace quern::mr
