#include "jobs/command/combine_buffer.h"

#include <algorithm>

namespace quern::command {

void CombineBuffer::Add(std::string_view key, std::string_view value) {
  uint64_t prefix = 0;
  for (size_t i = 0; i < sizeof(prefix); ++i) {
    prefix = prefix << 8 | (i < key.size() ? static_cast<uint8_t>(key[i]) : 0);
  }
  records_.push_back({prefix, bytes_.size(), key.size(), value.size()});
  bytes_ += key;
  bytes_ += value;
}

void CombineBuffer::TakeSorted(const Visit& visit) {
  std::stable_sort(records_.begin(), records_.end(), [this](const Record& a, const Record& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : KeyOf(a) < KeyOf(b);
  });
  for (const Record& record : records_) {
    const size_t value_at = record.offset + record.key_size;
    visit(KeyOf(record), std::string_view(bytes_).substr(value_at, record.value_size));
  }
  bytes_.clear();
  records_.clear();
}

}  // namespace quern::command
