// How input files are cut into records: one implementation a format, found by name. Nothing outside
// this folder knows a format.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/engine/block.h"
#include "mapreduce/engine/record_reader.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {

// What an input of a job says about its records.
struct InputSettings {
  uint64_t record_bytes = 0;  // length of the records of the format fixed; 0 = not set
  std::string columns = {};   // those of the format parquet that are read; empty = all
};

struct ReadOptions {
  InputSettings settings;
  std::string path;         // of the file
  std::string scratch_dir;  // for records that do not fit in memory
  size_t memory_bytes = 16 << 20;
  // A line or a whole file that has more is set aside, whatever a small file expands to.
  uint64_t most_bytes = kMaxRecordBytes;
};

// How much of a file one task reads.
enum class FileUse {
  kNothing,  // it holds no record
  kWhole,    // one task reads all of it
  kPieces,   // any number of tasks read any pieces of it
};

// Stateless; every method may be called by any thread.
//
// The rule for pieces: each record belongs to one place in the file, and to the piece in which that
// place lies. So whatever the cuts are, the pieces of a file together give each record once.
class InputFormat {
 public:
  // Of a file's start, enough for every format to know how it may be cut.
  static constexpr size_t kFirstBytes = 64 << 10;

  virtual ~InputFormat() = default;
  virtual std::string_view name() const = 0;
  // The format that a file of this name is read in: another one where an input may have several.
  virtual const InputFormat& FormatOf(std::string_view) const { return *this; }
  // The format that its records look like to user code, which knows what to make of those.
  virtual std::string_view record_form() const { return name(); }
  // Whether RecordReader::header says anything.
  virtual bool has_headers() const { return false; }
  // FailedPrecondition, with what to do, when this build lacks a library that the format needs.
  virtual absl::Status Installed() const { return absl::OkStatus(); }
  // InvalidArgument "setting: what is wrong. Try: ..." for what the format lacks or does not have.
  virtual absl::Status Check(const InputSettings& settings) const;
  // Whether a file that begins like this may be read in pieces.
  virtual bool Splittable(std::string_view first_bytes) const = 0;
  // What becomes of a file in the plan of a job. An empty file holds no record, as a rule.
  virtual FileUse Plan(uint64_t length, std::string_view first_bytes) const;
  // The records of the piece [offset, offset + length); `file` is borrowed. InvalidArgument when
  // the file cannot be read in this format, or not in pieces.
  virtual absl::StatusOr<std::unique_ptr<RecordReader>> Open(const ReadOptions& options,
                                                             ReadableFile* file, uint64_t offset,
                                                             uint64_t length) const = 0;
  // The first place at or behind `offset` where a record begins, of a splittable file; its length
  // when there is none.
  virtual absl::StatusOr<uint64_t> Resync(const ReadOptions& options, ReadableFile* file,
                                          uint64_t offset) const;
};

// Fewer when the file is shorter.
absl::StatusOr<std::string> ReadFirstBytes(ReadableFile* file,
                                           size_t bytes = InputFormat::kFirstBytes);

// InvalidArgument for a name that no format has.
absl::StatusOr<const InputFormat*> FindInputFormat(std::string_view name);
// In the order in which they are shown to users.
const std::vector<std::string>& InputFormatNames();

}  // namespace quern::mr
