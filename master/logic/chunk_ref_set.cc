#include "master/logic/chunk_ref_set.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

namespace quern::master {

void ChunkRefSet::Leaf::Reserve(uint16_t wanted) {
  if (wanted <= capacity) return;
  const auto grown = static_cast<uint16_t>(std::min<int>(kMaxLeaf, wanted + wanted / 8 + 1));
  std::unique_ptr<uint32_t[]> larger(new uint32_t[grown]);
  std::copy(begin(), end(), larger.get());
  values = std::move(larger);
  capacity = grown;
}

size_t ChunkRefSet::LeafOf(uint32_t ref) const {
  const auto after =
      std::upper_bound(leaves_.begin(), leaves_.end(), ref,
                       [](uint32_t value, const Leaf& leaf) { return value < leaf.first; });
  return after == leaves_.begin() ? 0 : static_cast<size_t>(after - leaves_.begin()) - 1;
}

// References that come in ascending order leave full leaves behind.
void ChunkRefSet::Split(size_t index) {
  const bool is_last = index + 1 == leaves_.size();
  Leaf& full = leaves_[index];
  const auto kept = static_cast<uint16_t>(is_last ? full.size * 15 / 16 : full.size / 2);
  Leaf upper;
  upper.Reserve(static_cast<uint16_t>(full.size - kept));
  upper.size = static_cast<uint16_t>(full.size - kept);
  std::copy(full.begin() + kept, full.end(), upper.values.get());
  upper.first = upper.values[0];
  Leaf lower;
  lower.Reserve(kept);
  lower.size = kept;
  std::copy(full.begin(), full.begin() + kept, lower.values.get());
  lower.first = full.first;
  full = std::move(lower);
  leaves_.insert(leaves_.begin() + static_cast<ptrdiff_t>(index) + 1, std::move(upper));
}

bool ChunkRefSet::Insert(uint32_t ref) {
  if (leaves_.empty()) leaves_.emplace_back();
  size_t index = LeafOf(ref);
  if (leaves_[index].size == kMaxLeaf) {
    if (Contains(ref)) return false;
    Split(index);
    index = LeafOf(ref);
  }
  Leaf& leaf = leaves_[index];
  const auto place = std::lower_bound(leaf.begin(), leaf.end(), ref) - leaf.begin();
  if (place < leaf.size && leaf.values[static_cast<size_t>(place)] == ref) return false;
  leaf.Reserve(static_cast<uint16_t>(leaf.size + 1));
  uint32_t* const values = leaf.values.get();
  std::copy_backward(values + place, values + leaf.size, values + leaf.size + 1);
  values[place] = ref;
  ++leaf.size;
  leaf.first = values[0];
  ++size_;
  return true;
}

bool ChunkRefSet::Erase(uint32_t ref) {
  if (leaves_.empty()) return false;
  const size_t index = LeafOf(ref);
  Leaf& leaf = leaves_[index];
  const auto place = std::lower_bound(leaf.begin(), leaf.end(), ref) - leaf.begin();
  if (place == leaf.size || leaf.values[static_cast<size_t>(place)] != ref) return false;
  uint32_t* const values = leaf.values.get();
  std::copy(values + place + 1, values + leaf.size, values + place);
  --leaf.size;
  --size_;
  if (leaf.size == 0) {
    leaves_.erase(leaves_.begin() + static_cast<ptrdiff_t>(index));
    return true;
  }
  leaf.first = values[0];
  // A leaf that is mostly empty moves into its neighbour, so that memory follows the size.
  if (leaf.size > kMaxLeaf / 4 || index + 1 == leaves_.size()) return true;
  Leaf& next = leaves_[index + 1];
  if (leaf.size + next.size > kMaxLeaf / 2) return true;
  leaf.Reserve(static_cast<uint16_t>(leaf.size + next.size));
  std::copy(next.begin(), next.end(), leaf.values.get() + leaf.size);
  leaf.size = static_cast<uint16_t>(leaf.size + next.size);
  leaves_.erase(leaves_.begin() + static_cast<ptrdiff_t>(index) + 1);
  return true;
}

bool ChunkRefSet::Contains(uint32_t ref) const {
  if (leaves_.empty()) return false;
  const Leaf& leaf = leaves_[LeafOf(ref)];
  return std::binary_search(leaf.begin(), leaf.end(), ref);
}

std::vector<uint32_t> ChunkRefSet::From(uint32_t from, size_t limit) const {
  std::vector<uint32_t> refs;
  if (leaves_.empty()) return refs;
  for (size_t index = LeafOf(from); index < leaves_.size() && refs.size() < limit; ++index) {
    const Leaf& leaf = leaves_[index];
    const uint32_t* first = std::lower_bound(leaf.begin(), leaf.end(), from);
    const auto count = std::min(static_cast<size_t>(leaf.end() - first), limit - refs.size());
    refs.insert(refs.end(), first, first + count);
  }
  return refs;
}

absl::Status ChunkRefSet::Validate() const {
  size_t counted = 0;
  const uint32_t* previous = nullptr;
  for (const Leaf& leaf : leaves_) {
    if (leaf.size == 0 || leaf.size > leaf.capacity || leaf.capacity > kMaxLeaf) {
      return InternalError("a leaf has {} values of {}", leaf.size, leaf.capacity);
    }
    if (leaf.first != leaf.values[0]) return InternalError("a leaf has a wrong first value");
    counted += leaf.size;
    for (const uint32_t& value : leaf) {
      if (previous != nullptr && *previous >= value) return InternalError("values are unsorted");
      previous = &value;
    }
  }
  if (counted != size_) return InternalError("{} values, {} counted", size_, counted);
  return absl::OkStatus();
}

}  // namespace quern::master
