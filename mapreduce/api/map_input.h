// One input record, as a mapper sees it.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quern {

// Where a record was read.
struct InputSource {
  std::string_view path;
  uint64_t offset = 0;  // of the record's first byte in the file (in its decompressed contents)
};

// Every view lives until Map returns.
class MapInput {
 public:
  // A record whose key is its offset, written as decimal text when somebody asks for it.
  MapInput(InputSource source, std::string_view value) : source_(source), value_(value) {}
  MapInput(InputSource source, std::string_view key, std::string_view value)
      : source_(source), value_(value), key_(key), has_key_(true) {}
  MapInput(const MapInput&) = delete;
  MapInput& operator=(const MapInput&) = delete;

  // text, jsonl, fixed: the record's offset; whole: the path.
  std::string_view key() const {
    if (has_key_) return key_;
    const auto end = std::to_chars(digits_, digits_ + sizeof(digits_), source_.offset).ptr;
    return {digits_, static_cast<size_t>(end - digits_)};
  }
  // text, jsonl: the line without its line feed; fixed: the record's bytes; whole: the contents.
  std::string_view value() const { return value_; }
  const InputSource& source() const { return source_; }

 private:
  InputSource source_;
  std::string_view value_;
  std::string_view key_;
  bool has_key_ = false;
  mutable char digits_[20];
};

}  // namespace quern
