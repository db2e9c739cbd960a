#include "master/logic/chunk_ref_set.h"

#include <gtest/gtest.h>

#include <iterator>
#include <set>

#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::master {
namespace {

using ChunkRefSetTest = RandomTest;

TEST_F(ChunkRefSetTest, AgreesWithASet) {
  ChunkRefSet refs;
  std::set<uint32_t> model;
  for (int step = 0; step < 40'000; ++step) {
    // It grows to some leaves, then shrinks again.
    const bool insert = Below(20'000) > static_cast<uint64_t>(step % 20'000);
    const auto value = static_cast<uint32_t>(Below(6'000) * 700'000);
    if (insert) {
      ASSERT_EQ(refs.Insert(value), model.insert(value).second);
    } else {
      ASSERT_EQ(refs.Erase(value), model.erase(value) == 1);
    }
    ASSERT_EQ(refs.Contains(value), insert);
    if (step % 1000 != 0) continue;
    ASSERT_OK(refs.Validate());
    ASSERT_EQ(refs.size(), model.size());
    const size_t limit = 1 + Below(2000);
    std::vector<uint32_t> expected;
    for (auto it = model.lower_bound(value); it != model.end() && expected.size() < limit; ++it) {
      expected.push_back(*it);
    }
    ASSERT_EQ(refs.From(value, limit), expected);
  }
}

TEST_F(ChunkRefSetTest, TakesAscendingAndDescendingValues) {
  ChunkRefSet up;
  ChunkRefSet down;
  for (uint32_t i = 0; i < 5000; ++i) {
    ASSERT_TRUE(up.Insert(i));
    ASSERT_TRUE(down.Insert(UINT32_MAX - i));
    ASSERT_FALSE(up.Insert(i / 2));
  }
  ASSERT_OK(up.Validate());
  ASSERT_OK(down.Validate());
  EXPECT_EQ(up.From(0, 10'000).size(), 5000u);
  EXPECT_EQ(down.From(0, 10'000).size(), 5000u);
}

}  // namespace
}  // namespace quern::master
