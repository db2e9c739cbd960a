#include "chunkserver/logic/memory_budget.h"

#include <algorithm>
#include <vector>

#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::chunkserver {
namespace {

using ::testing::HasSubstr;

TEST(MemoryBudget, AStreamIsRefusedWhenItsFloorIsNotToBeHad) {
  MemoryBudget budget(100);
  const MemoryBudget::Stream stream = {.floor = 40, .most = 80};
  ASSERT_OK(budget.Open(stream));
  ASSERT_OK(budget.Open(stream));
  EXPECT_THAT(budget.Open(stream),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("80 of the 100 bytes")));
  budget.Close(stream);
  EXPECT_OK(budget.Open(stream));
}

TEST(MemoryBudget, BeyondTheFloorItTakesWhatIsLeftUpToItsMost) {
  struct Row {
    uint64_t others, held, more;
    bool may;
    const char* why;
  };
  const Row rows[] = {
      {0, 0, 10, true, "within its floor"},
      {90, 0, 10, true, "the floor is promised, however full it is"},
      {90, 0, 11, false, "beyond the floor there is nothing left"},
      {60, 0, 40, true, "all that is left"},
      {60, 0, 41, false, "more than is left"},
      {0, 30, 20, true, "its most"},
      {0, 30, 21, false, "more than its most, although there is room"},
  };
  for (const Row& row : rows) {
    MemoryBudget budget(100);
    ASSERT_OK(budget.Open({.floor = row.others, .most = row.others}));
    MemoryBudget::Stream stream = {.floor = 10, .most = 50};
    ASSERT_OK(budget.Open(stream));
    budget.Hold(&stream, row.held);
    EXPECT_EQ(budget.MayTake(stream, row.more), row.may) << row.why;
  }
}

TEST(MemoryBudget, WhatCameUnaskedIsCounted) {
  MemoryBudget budget(100);
  MemoryBudget::Stream stream = {.floor = 10, .most = 50};
  ASSERT_OK(budget.Open(stream));
  budget.Hold(&stream, 90);
  EXPECT_EQ(budget.used(), 90u);
  EXPECT_THAT(budget.Open({.floor = 11, .most = 11}),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

using MemoryBudgetRandom = RandomTest;

// Streams that keep to the rules never hold more than the total together, and each can always go
// on once its own bytes have left.
TEST_F(MemoryBudgetRandom, NeverExceedsTheTotalAndNobodyStarves) {
  const uint64_t total = 1'000;
  MemoryBudget budget(total);
  std::vector<MemoryBudget::Stream> streams;
  for (int step = 0; step < 50'000; ++step) {
    if (streams.empty() || OneIn(8)) {
      const uint64_t floor = 1 + Below(100);
      const MemoryBudget::Stream stream = {.floor = floor, .most = floor + Below(300)};
      if (budget.Open(stream).ok()) streams.push_back(stream);
    } else {
      const size_t i = Below(streams.size());
      MemoryBudget::Stream& stream = streams[i];
      const uint64_t more = Below(150);
      if (OneIn(10)) {
        budget.Close(stream);
        streams.erase(streams.begin() + static_cast<ptrdiff_t>(i));
      } else if (budget.MayTake(stream, more)) {
        budget.Hold(&stream, stream.held + more);
      } else {
        budget.Hold(&stream, Below(stream.held + 1));
      }
    }
    uint64_t counted = 0;
    for (const MemoryBudget::Stream& stream : streams) {
      counted += std::max(stream.held, stream.floor);
      ASSERT_LE(stream.held, stream.most);
      ASSERT_TRUE(stream.held > 0 || budget.MayTake(stream, stream.floor));
    }
    ASSERT_EQ(budget.used(), counted);
    ASSERT_LE(counted, total);
  }
}

}  // namespace
}  // namespace quern::chunkserver
