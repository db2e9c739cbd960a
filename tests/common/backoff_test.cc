#include "common/backoff.h"

#include <gtest/gtest.h>

#include <set>

namespace quern {
namespace {

TEST(Backoff, DoublesUpToItsMostAndStartsAnewWhenReset) {
  Backoff backoff(absl::Seconds(1), absl::Seconds(4));
  for (const int seconds : {1, 2, 4, 4}) {
    const absl::Duration wait = backoff.Next();
    EXPECT_GE(wait, absl::Seconds(seconds) / 2);
    EXPECT_LT(wait, absl::Seconds(seconds));
  }
  backoff.Reset();
  EXPECT_LT(backoff.Next(), absl::Seconds(1));
}

TEST(Backoff, SpreadsThoseThatBeganTogether) {
  std::set<absl::Duration> waits;
  for (int i = 0; i < 1'000; ++i) {
    waits.insert(Backoff(absl::Seconds(1), absl::Seconds(4)).Next());
  }
  EXPECT_GT(waits.size(), 300u);
}

}  // namespace
}  // namespace quern
