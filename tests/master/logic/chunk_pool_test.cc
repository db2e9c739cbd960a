#include "master/logic/chunk_pool.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::master {
namespace {

using ChunkPoolTest = RandomTest;

TEST_F(ChunkPoolTest, FindsWhatWasAddedAndNothingElse) {
  ChunkPool pool;
  std::map<uint64_t, uint32_t> slots;
  for (int step = 0; step < 40'000; ++step) {
    const bool add = Below(20'000) > static_cast<uint64_t>(step % 20'000);
    const uint64_t id = 1 + Below(4'000);
    const auto known = slots.find(id);
    ASSERT_EQ(pool.Find(ChunkId(id)), known == slots.end() ? ChunkPool::kNoSlot : known->second);
    if (add && known == slots.end()) {
      slots[id] = pool.Add(ChunkId(id));
      ASSERT_EQ(pool[slots[id]].id, id);
      ASSERT_EQ(pool[slots[id]].length(), 0u);
      pool[slots[id]].set_length(id << 20);
    } else if (!add && known != slots.end()) {
      ASSERT_EQ(pool[known->second].length(), id << 20);
      pool.Remove(known->second);
      slots.erase(known);
    }
    if (step % 1000 != 0) continue;
    ASSERT_OK(pool.Validate());
  }
  ASSERT_OK(pool.Validate());
  ASSERT_EQ(pool.size(), slots.size());
}

}  // namespace
}  // namespace quern::master
