// A sorted set of 32-bit references, about 4.4 bytes each however many there are.
//
// A B-tree of two levels: leaves of at most 512 sorted values, and a sorted array of leaves. A leaf
// grows by an eighth, so nearly all memory is in use; an ordinary B-tree that is filled in random
// order is only two thirds full. Inserting and erasing moves at most one leaf. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/status.h"

namespace quern::master {

class ChunkRefSet {
 public:
  // False when it was there already.
  bool Insert(uint32_t ref);
  // False when it was not there.
  bool Erase(uint32_t ref);
  bool Contains(uint32_t ref) const;
  // At most `limit` values from `from` on, in order.
  std::vector<uint32_t> From(uint32_t from, size_t limit) const;
  size_t size() const { return size_; }

  // Internal: what is wrong. For tests.
  absl::Status Validate() const;

 private:
  static constexpr uint16_t kMaxLeaf = 512;
  // Never empty; its values lie between its `first` and the next leaf's.
  struct Leaf {
    uint32_t first = 0;
    uint16_t size = 0;
    uint16_t capacity = 0;
    std::unique_ptr<uint32_t[]> values;

    const uint32_t* begin() const { return values.get(); }
    const uint32_t* end() const { return values.get() + size; }
    void Reserve(uint16_t wanted);
  };
  // The leaf that has the value if any does.
  size_t LeafOf(uint32_t ref) const;
  void Split(size_t leaf);

  std::vector<Leaf> leaves_;
  size_t size_ = 0;
};

}  // namespace quern::master
