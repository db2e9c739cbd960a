#include "chunkserver/logic/scrub_round.h"

#include <gtest/gtest.h>

namespace quern::chunkserver {
namespace {

constexpr absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

TEST(ScrubRoundTest, ReadsAllOfADiskWithinThePeriod) {
  const ScrubLimits limits;
  // 20 TiB in four fifths of three weeks.
  const uint64_t used = uint64_t{20} << 40;
  const uint64_t rate = ScrubBytesPerSecond(limits, used);
  EXPECT_LT(static_cast<double>(used) / static_cast<double>(rate),
            absl::ToDoubleSeconds(limits.period));
  EXPECT_LT(rate, uint64_t{16} << 20);
  EXPECT_EQ(ScrubBytesPerSecond(limits, 0), limits.min_bytes_per_second);
  EXPECT_EQ(ScrubBytesPerSecond(limits, uint64_t{1} << 50), limits.max_bytes_per_second);
  EXPECT_EQ(ScrubBytesPerSecond({.period = absl::ZeroDuration()}, 1 << 30),
            limits.max_bytes_per_second);
}

TEST(ScrubRoundTest, GoesOnWithARoundAndBeginsOneWhenItIsTime) {
  const ScrubLimits limits;
  const auto first = ScrubNow(limits, {}, kNow);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(*first, (ScrubProgress{.began = kNow, .next = ChunkId(0)}));
  const ScrubProgress half = {.began = kNow, .next = ChunkId(77)};
  EXPECT_EQ(ScrubNow(limits, half, kNow + absl::Hours(9'999)), half) << "however late";
  const ScrubProgress done = {.began = kNow, .next = std::nullopt};
  EXPECT_EQ(ScrubNow(limits, done, kNow + limits.period - absl::Seconds(1)), std::nullopt);
  EXPECT_EQ(ScrubNow(limits, done, kNow + limits.period)->began, kNow + limits.period);
  EXPECT_EQ(ScrubNow(limits, done, kNow - absl::Seconds(1)), std::nullopt);
  EXPECT_TRUE(ScrubNow(limits, done, kNow - limits.period).has_value()) << "a clock set right";
}

TEST(ScrubRoundTest, IsOneLineOfText) {
  for (const ScrubProgress& progress :
       {ScrubProgress{.began = kNow, .next = std::nullopt},
        ScrubProgress{.began = kNow, .next = ChunkId(0xfedcba9876543210)}}) {
    EXPECT_EQ(DecodeScrubProgress(EncodeScrubProgress(progress)), progress);
  }
  for (const std::string_view text : {"", "\n", "12", "12 ", "12 x\n", "12 1f", "x done\n",
                                      "12 1f\n12", "99999999999999999999 done\n"}) {
    EXPECT_EQ(DecodeScrubProgress(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace quern::chunkserver
