// The records of one piece of an input file, whatever its format (mapreduce/formats/).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/status.h"

namespace quern::mr {

// In the order of the file. Used by one thread.
class RecordReader {
 public:
  virtual ~RecordReader() = default;
  // Moves to the next record; false at the end and on an error.
  virtual bool Next() = 0;
  const absl::Status& status() const { return status_; }

  // Of the present record; views are valid until the next Next.
  //
  // Which record it is: grows from record to record, and is the same whatever the cuts. In most
  // formats it is the offset of the record's first byte in the file's (decompressed) contents.
  uint64_t offset() const { return offset_; }
  std::string_view value() const { return value_; }
  // Formats without keys of their own have none: the engine then makes one of the offset.
  bool has_key() const { return has_key_; }
  std::string_view key() const { return key_; }
  // What the record says of itself under this name ("WARC-Target-URI"), valid as long as value();
  // empty when it says nothing, as always in a format without headers.
  virtual std::string_view header(std::string_view name) const {
    static_cast<void>(name);
    return {};
  }

  // How far the file has been read, in bytes of the file, for progress and for samples.
  virtual uint64_t position() const { return offset_; }
  // Reason -> records that were passed over because their bytes are no record.
  const std::map<std::string, uint64_t>& set_aside() const { return set_aside_; }

 protected:
  bool Fail(const absl::Status& status) {
    status_ = status;
    return false;
  }
  void SetKey(std::string_view key) {
    key_ = key.data() == nullptr ? std::string_view("") : key;  // there, and empty
    has_key_ = true;
  }
  void SetAside(const std::string& reason) { ++set_aside_[reason]; }

  uint64_t offset_ = 0;
  std::string_view value_;
  absl::Status status_;

 private:
  std::string_view key_;
  bool has_key_ = false;
  std::map<std::string, uint64_t> set_aside_;
};

}  // namespace quern::mr
