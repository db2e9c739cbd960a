#include "master/logic/inventory_check.h"

#include <algorithm>
#include <utility>

namespace quern::master {

bool InventoryCheck::Due(absl::Time now) {
  if (now < next_) return false;
  next_ = now + options_.every;
  return true;
}

std::vector<uint32_t> InventoryCheck::Compare(std::span<const uint64_t> told,
                                              std::span<const uint64_t> expected) {
  const auto before = std::exchange(differences_, {});
  std::vector<uint32_t> buckets;
  const size_t count = std::min(told.size(), expected.size());
  for (uint32_t bucket = 0; bucket < count; ++bucket) {
    const uint64_t bits = told[bucket] ^ expected[bucket];
    if (bits == 0) continue;
    Difference difference{.bits = bits};
    const auto known = before.find(bucket);
    if (known != before.end() && known->second.bits == bits) {
      difference.comparisons_left = known->second.comparisons_left - 1;
      if (difference.comparisons_left <= 0 && buckets.size() < options_.max_buckets) {
        buckets.push_back(bucket);
        difference.comparisons_left = options_.patience;
      }
    }
    differences_[bucket] = difference;
  }
  return buckets;
}

}  // namespace quern::master
