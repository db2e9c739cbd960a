#include "jobs/text/equal_hashes.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/random_test.h"

namespace quern::text {
namespace {

class EqualHashesTest : public RandomTest {};

TEST_F(EqualHashesTest, AreFoundHoweverSmallTheTableIs) {
  for (const size_t most_slots : {size_t{2}, size_t{16}, EqualHashes::kMostSlots}) {
    EqualHashes equal(most_slots);  // one for all: what it keeps must not be seen
    for (int round = 0; round < 60; ++round) {
      // Many that begin at the same slot.
      const uint64_t kinds = 1 + Below(200);
      const uint64_t step = OneIn(2) ? 1 : uint64_t{1} << 40;
      std::vector<uint64_t> hashes(Below(300));
      for (uint64_t& hash : hashes) hash = Below(kinds) * step;
      std::map<uint64_t, size_t> firsts;
      std::map<uint64_t, uint32_t> counts;
      for (size_t i = 0; i < hashes.size(); ++i) {
        firsts.emplace(hashes[i], i);
        ++counts[hashes[i]];
      }
      equal.Find(hashes);
      for (size_t i = 0; i < hashes.size(); ++i) {
        ASSERT_EQ(equal.first(i), firsts[hashes[i]]) << i;
        ASSERT_EQ(equal.count(i), counts[hashes[i]]) << i;
      }
    }
  }
}

}  // namespace
}  // namespace quern::text
