// Records of a mapper that a combiner is to see: collected, sorted by key, and handed on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace quern::command {

// Records of one key stay in their order.
class CombineBuffer {
 public:
  using Visit = std::function<void(std::string_view key, std::string_view value)>;
  static constexpr size_t kFullBytes = size_t{32} << 20;

  void Add(std::string_view key, std::string_view value);
  bool full() const { return bytes_.size() + records_.size() * sizeof(Record) >= kFullBytes; }
  bool empty() const { return records_.empty(); }
  // All of them, by key; the buffer is empty afterwards.
  void TakeSorted(const Visit& visit);

 private:
  struct Record {
    uint64_t prefix;  // the first bytes of the key, most significant first
    size_t offset;
    size_t key_size;
    size_t value_size;
  };
  std::string_view KeyOf(const Record& record) const {
    return std::string_view(bytes_).substr(record.offset, record.key_size);
  }

  std::string bytes_;
  std::vector<Record> records_;
};

}  // namespace quern::command
