// Which numbers of a list are equal.
//
// A table of bounded size: what does not fit into it any more waits for another round over the
// list. So the memory is 8 bytes a number and at most 32 MiB, whatever the list holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quern::text {

// Keeps its tables from list to list; used by one thread.
class EqualHashes {
 public:
  static constexpr size_t kMostSlots = size_t{1} << 21;

  // `most_slots`: a power of two.
  explicit EqualHashes(size_t most_slots = kMostSlots) : most_slots_(most_slots) {}

  // Of fewer than 2^32 - 1 numbers that are hashes: all their bits are as good.
  void Find(const std::vector<uint64_t>& hashes);

  // Of the list that Find has seen: the first number that is equal to the i-th, which may be
  // itself.
  uint32_t first(size_t i) const { return firsts_[i]; }
  // How often the i-th number comes.
  uint32_t count(size_t i) const { return counts_[firsts_[i]]; }

 private:
  struct Slot {
    uint64_t hash = 0;
    uint32_t round = 0;
    uint32_t first = 0;
  };

  void Clear(size_t slots);
  size_t FindSome(const std::vector<uint64_t>& hashes, size_t from);

  const size_t most_slots_;
  std::vector<Slot> slots_;
  size_t mask_ = 0;
  uint32_t round_ = 0;            // slots of others are empty
  std::vector<uint32_t> firsts_;  // by place in the list
  std::vector<uint32_t> counts_;  // the same; only of those that are the first
};

}  // namespace quern::text
