// Cuts input files into records.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {

// The records that start in one piece of a file, in order. Used by one thread.
class RecordReader {
 public:
  virtual ~RecordReader() = default;
  // Moves to the next record; false at the end and on an error.
  virtual bool Next() = 0;
  const absl::Status& status() const { return status_; }

  // Of the present record; views are valid until the next Next.
  uint64_t offset() const { return offset_; }
  std::string_view value() const { return value_; }
  // What the record says of itself under this name ("WARC-Target-URI"), valid as long as value();
  // empty when it says nothing, as always in a format without headers.
  virtual std::string_view header(std::string_view name) const {
    static_cast<void>(name);
    return {};
  }

 protected:
  bool Fail(const absl::Status& status) {
    status_ = status;
    return false;
  }

  uint64_t offset_ = 0;
  std::string_view value_;
  absl::Status status_;
};

struct RecordOptions {
  std::string format;         // text | jsonl | whole | fixed
  uint64_t record_bytes = 0;  // of the format fixed
  std::string scratch_dir;    // for records that do not fit in memory
  size_t memory_bytes = 16 << 20;
};

// Whether the mapper's key is the path (whole) rather than the offset.
bool KeyIsPath(std::string_view format);

// InvalidArgument for an unknown format. `file` is borrowed.
//
// The rule for pieces: every record belongs to the piece in which its first byte lies, so whatever
// the cuts are, the pieces of a file together give each record once. gzip and zstd contents are
// decompressed; such a file has one piece.
absl::StatusOr<std::unique_ptr<RecordReader>> OpenRecords(const RecordOptions& options,
                                                          ReadableFile* file, uint64_t offset,
                                                          uint64_t length);

}  // namespace quern::mr
