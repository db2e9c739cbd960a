// The engine's own partitioners.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/hash.h"
#include "mapreduce/engine/partitioner.h"

namespace quern::mr {

// By XXH3 of the key: the same in every process, on every machine and in every version, since a
// reader of the output may look for a key in the one part that can hold it.
class HashPartitioner final : public Partitioner {
 public:
  uint32_t Partition(std::string_view key, uint32_t partitions) const override {
    return static_cast<uint32_t>((Hash64(key) >> 32) * partitions >> 32);
  }
};

// By upper bounds (exclusive) of all partitions but the last, in increasing order (range_bounds.h).
class RangePartitioner final : public Partitioner {
 public:
  explicit RangePartitioner(std::vector<std::string> bounds);
  uint32_t Partition(std::string_view key, uint32_t partitions) const override;

 private:
  const std::vector<std::string> bounds_;
  std::vector<uint64_t> prefixes_;  // of the bounds
};

}  // namespace quern::mr
