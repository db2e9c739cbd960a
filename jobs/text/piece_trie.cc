#include "jobs/text/piece_trie.h"

#include <utility>

namespace quern::text {

bool PieceTrie::Add(std::string_view piece, uint32_t value) {
  uint32_t node = kRoot;
  for (const char c : piece) {
    const uint32_t child = Step(node, c);
    node = child == kNone ? AddChild(node, static_cast<unsigned char>(c)) : child;
  }
  if (values_[node] != kNone) return false;
  values_[node] = value;
  return true;
}

uint32_t PieceTrie::AddChild(uint32_t node, unsigned char byte) {
  const auto child = static_cast<uint32_t>(values_.size());
  values_.push_back(kNone);
  if (node == kRoot) return first_[byte] = child;
  if (2 * values_.size() > slots_.size()) {
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
    for (const Slot& slot : old) {
      if (slot.key != 0) slots_[SlotOf(slot.key)] = slot;
    }
  }
  const uint64_t key = KeyOf(node, byte);
  slots_[SlotOf(key)] = {key, child};
  return child;
}

size_t PieceTrie::LongestPrefix(std::string_view text) const {
  size_t longest = 0;
  uint32_t node = kRoot;
  for (size_t i = 0; i < text.size(); ++i) {
    node = Step(node, text[i]);
    if (node == kNone) break;
    if (values_[node] != kNone) longest = i + 1;
  }
  return longest;
}

}  // namespace quern::text
