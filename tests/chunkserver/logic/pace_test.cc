#include "chunkserver/logic/pace.h"

#include "tests/support/random_test.h"

namespace quern::chunkserver {
namespace {

absl::Time PaceAt(double seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

TEST(Pace, WaitsUntilWhatWasReadBeforeIsPaidFor) {
  Pace pace(100);
  EXPECT_EQ(pace.Next(50, PaceAt(10)), absl::ZeroDuration());
  EXPECT_EQ(pace.Next(100, PaceAt(10.25)), absl::Seconds(0.25));
  EXPECT_EQ(pace.Next(100, PaceAt(10.5)), absl::Seconds(1));
}

TEST(Pace, IdleTimeIsNotSavedUp) {
  Pace pace(100);
  EXPECT_EQ(pace.Next(100, PaceAt(0)), absl::ZeroDuration());
  EXPECT_EQ(pace.Next(100, PaceAt(1'000)), absl::ZeroDuration());
  EXPECT_EQ(pace.Next(100, PaceAt(1'000)), absl::Seconds(1));
}

using PaceRandom = RandomTest;

TEST_F(PaceRandom, NeverExceedsTheRateOverTime) {
  Pace pace(1'000);
  absl::Time now = PaceAt(0);
  double bytes_before_last = 0;
  uint64_t last = 0;
  for (int step = 0; step < 10'000; ++step) {
    now += absl::Milliseconds(static_cast<int64_t>(Below(300)));
    bytes_before_last += static_cast<double>(last);
    last = 1 + Below(200);
    now += pace.Next(last, now);
    ASSERT_LE(bytes_before_last, absl::ToDoubleSeconds(now - PaceAt(0)) * 1'000 + 0.01);
  }
}

}  // namespace
}  // namespace quern::chunkserver
