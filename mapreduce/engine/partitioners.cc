#include "mapreduce/engine/partitioners.h"

#include <algorithm>

#include "mapreduce/engine/key_prefix.h"

namespace quern::mr {

RangePartitioner::RangePartitioner(std::vector<std::string> bounds) : bounds_(std::move(bounds)) {
  for (const std::string& bound : bounds_) prefixes_.push_back(KeyPrefix(bound));
}

// The number of bounds that are not above the key.
uint32_t RangePartitioner::Partition(std::string_view key, uint32_t partitions) const {
  const uint64_t prefix = KeyPrefix(key);
  const auto range = std::equal_range(prefixes_.begin(), prefixes_.end(), prefix);
  size_t at = static_cast<size_t>(range.first - prefixes_.begin());
  const size_t end = static_cast<size_t>(range.second - prefixes_.begin());
  while (at < end && bounds_[at] <= key) ++at;
  return std::min(static_cast<uint32_t>(at), partitions - 1);
}

}  // namespace quern::mr
