#include "chunkserver/logic/operation_watch.h"

#include <algorithm>
#include <map>

#include "tests/support/random_test.h"

namespace quern::chunkserver {
namespace {

const absl::Time kBegin = absl::UnixEpoch();

absl::Time Second(int64_t seconds) { return kBegin + absl::Seconds(seconds); }

TEST(OperationWatch, OnlyTheOldestOperationCounts) {
  OperationWatch watch(absl::Seconds(10));
  EXPECT_TRUE(watch.Answers(Second(100))) << "nobody waits for anything";
  const uint64_t first = watch.Begin(Second(100));
  const uint64_t second = watch.Begin(Second(105));
  EXPECT_TRUE(watch.Answers(Second(110)));
  EXPECT_FALSE(watch.Answers(Second(111)));
  EXPECT_EQ(watch.Waiting(Second(111)), absl::Seconds(11));
  watch.End(first);
  EXPECT_TRUE(watch.Answers(Second(111)));
  EXPECT_FALSE(watch.Answers(Second(116)));
  watch.End(second);
  EXPECT_TRUE(watch.Answers(Second(1'000)));
}

TEST(OperationWatch, OperationsThatComeBackAreNoRecoveryWhileOneHangs) {
  OperationWatch watch(absl::Seconds(10));
  const uint64_t hangs = watch.Begin(Second(0));
  watch.End(watch.Begin(Second(11)));
  EXPECT_FALSE(watch.Answers(Second(11)));
  watch.End(hangs);
  EXPECT_TRUE(watch.Answers(Second(11)));
}

using OperationWatchRandom = RandomTest;

TEST_F(OperationWatchRandom, AgreesWithALookAtAllOperations) {
  OperationWatch watch(absl::Seconds(5));
  std::map<uint64_t, absl::Time> model;
  absl::Time now = kBegin;
  for (int step = 0; step < 20'000; ++step) {
    now += absl::Milliseconds(static_cast<int64_t>(Below(1'000)));
    if (OneIn(2)) {
      ASSERT_TRUE(model.emplace(watch.Begin(now), now).second) << "numbers are used once";
    } else if (!model.empty()) {
      const auto ended = std::next(model.begin(), static_cast<ptrdiff_t>(Below(model.size())));
      watch.End(ended->first);
      model.erase(ended);
    }
    absl::Duration longest;
    for (const auto& [id, begun] : model) longest = std::max(longest, now - begun);
    ASSERT_EQ(watch.Waiting(now), longest);
    ASSERT_EQ(watch.Answers(now), longest <= absl::Seconds(5));
    ASSERT_EQ(watch.under_way(), model.size());
  }
}

}  // namespace
}  // namespace quern::chunkserver
