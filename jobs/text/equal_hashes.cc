#include "jobs/text/equal_hashes.h"

#include <algorithm>
#include <bit>

namespace quern::text {

namespace {

constexpr uint32_t kNoPlace = UINT32_MAX;
constexpr size_t kLeastSlots = 16;

}  // namespace

void EqualHashes::Find(const std::vector<uint64_t>& hashes) {
  firsts_.assign(hashes.size(), kNoPlace);
  counts_.assign(hashes.size(), 0);
  const size_t slots = std::min(std::bit_ceil(2 * hashes.size() + kLeastSlots), most_slots_);
  for (size_t from = 0; from < hashes.size();) {
    Clear(slots);
    from = FindSome(hashes, from);
  }
}

// Costs nothing where the table is large enough.
void EqualHashes::Clear(size_t slots) {
  if (slots_.size() < slots) slots_.assign(slots, Slot{});
  mask_ = slots - 1;
  if (++round_ == 0) {  // the number came round: every slot is old
    std::fill(slots_.begin(), slots_.end(), Slot{});
    round_ = 1;
  }
}

// Of the numbers from there on those of the first kinds, as many as half the table holds. Returns
// where the next round begins.
size_t EqualHashes::FindSome(const std::vector<uint64_t>& hashes, size_t from) {
  size_t room = (mask_ + 1) / 2;
  size_t left = hashes.size();
  for (size_t i = from; i < hashes.size(); ++i) {
    if (firsts_[i] != kNoPlace) continue;
    size_t at = hashes[i] & mask_;
    while (slots_[at].round == round_ && slots_[at].hash != hashes[i]) at = (at + 1) & mask_;
    if (slots_[at].round != round_) {
      if (room == 0) {
        left = std::min(left, i);
        continue;
      }
      --room;
      slots_[at] = {hashes[i], round_, static_cast<uint32_t>(i)};
    }
    firsts_[i] = slots_[at].first;
    ++counts_[slots_[at].first];
  }
  return left;
}

}  // namespace quern::text
