// Strings with numbers, byte after byte: which of them does a text begin with?
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace quern::text {

// Filled by one thread, then read by any number.
class PieceTrie {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kRoot = 0;

  PieceTrie() : first_(), slots_(256), values_(1, kNone) { first_.fill(kNone); }

  // False when the string is there already; no string is empty.
  bool Add(std::string_view piece, uint32_t value);

  // The node after one more byte; kNone when no string goes on so.
  uint32_t Step(uint32_t node, char byte) const {
    const auto next = static_cast<unsigned char>(byte);
    if (node == kRoot) return first_[next];
    return slots_[SlotOf(KeyOf(node, next))].child;
  }
  // The same after all of `bytes`.
  uint32_t Walk(uint32_t node, std::string_view bytes) const {
    for (size_t i = 0; i < bytes.size() && node != kNone; ++i) node = Step(node, bytes[i]);
    return node;
  }
  // Of the string that ends at this node; kNone when none does.
  uint32_t value(uint32_t node) const { return node == kNone ? kNone : values_[node]; }

  // Bytes of the longest string that `text` begins with; 0 when there is none.
  size_t LongestPrefix(std::string_view text) const;

 private:
  struct Slot {
    uint64_t key = 0;  // of no child: the root's are elsewhere
    uint32_t child = kNone;
  };

  static uint64_t KeyOf(uint32_t node, unsigned char byte) { return uint64_t{node} << 8 | byte; }
  size_t SlotOf(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t at = (key * 0x9e3779b97f4a7c15) >> 32 & mask;
    while (slots_[at].key != key && slots_[at].key != 0) at = (at + 1) & mask;
    return at;
  }
  uint32_t AddChild(uint32_t node, unsigned char byte);

  std::array<uint32_t, 256> first_;  // children of the root
  std::vector<Slot> slots_;          // open addressing; a power of two, at most half full
  std::vector<uint32_t> values_;     // by node
};

}  // namespace quern::text
