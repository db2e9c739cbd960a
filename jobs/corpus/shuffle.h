// The order of documents in a finished corpus: shuffled, and a matter of the documents alone. It
// does not depend on how the input was cut, on the number of tasks, or on what failed meanwhile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mapreduce/api/mapreduce.h"

namespace quern::corpus {

// Makes keys that sort documents into this order:
//
//   8 bytes   XXH3-64 of the id, with the seed: where the document stands
//   16 bytes  XXH3-128 of the text, for documents that stand in the same place
//   8 bytes   XXH3-64 of the line, for those that differ only in what else is known of them
//
// all from high to low. Documents with equal keys are equal.
class ShuffleKeys {
 public:
  // params.seed, 0 unless it is set; fails the job when that is no number.
  void Start(TaskContext& context);
  // Valid until the next call.
  std::string_view KeyOf(std::string_view id, std::string_view text, std::string_view line);

 private:
  uint64_t seed_ = 0;
  std::string key_;
};

// The first 8 bytes of such a key, with the seed 0.
std::string PlaceOf(std::string_view id);

// Which of so many shards a key belongs to: each has an equal range of the places, so that the
// shards one after another are the whole order, whatever their number.
uint32_t ShardOf(std::string_view key, uint32_t shards);

class ShardPartitioner : public Partitioner {
 public:
  uint32_t Partition(std::string_view key, uint32_t partitions) const override {
    return ShardOf(key, partitions);
  }
};

}  // namespace quern::corpus
