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
  EXPECT_EQ(*first, (ScrubProgress{.began = kNow, .next = ChunkId(0), .last = std::nullopt}));
  const ScrubProgress half = {.began = kNow, .next = ChunkId(77), .last = ChunkId(99)};
  EXPECT_EQ(ScrubNow(limits, half, kNow + absl::Hours(9'999)), half) << "however late";
  const ScrubProgress done = {.began = kNow, .next = std::nullopt, .last = std::nullopt};
  EXPECT_EQ(ScrubNow(limits, done, kNow + limits.period - absl::Seconds(1)), std::nullopt);
  EXPECT_EQ(ScrubNow(limits, done, kNow + limits.period)->began, kNow + limits.period);
  EXPECT_EQ(ScrubNow(limits, done, kNow - absl::Seconds(1)), std::nullopt);
  EXPECT_TRUE(ScrubNow(limits, done, kNow - limits.period).has_value()) << "a clock set right";
}

TEST(ScrubRoundTest, CoversWhatWasThereWhenItBegan) {
  ScrubProgress round = {.began = kNow, .next = ChunkId(5), .last = ChunkId(7)};
  for (const uint64_t id : {4, 5, 6, 7, 8}) {
    EXPECT_EQ(InRound(round, ChunkId(id)), id >= 5 && id <= 7) << id;
  }
  round.last.reset();
  EXPECT_TRUE(InRound(round, ChunkId(8))) << "nobody has looked yet";
  round.next.reset();
  EXPECT_FALSE(InRound(round, ChunkId(5))) << "it is over";
}

TEST(ScrubRoundTest, IsOneLineOfText) {
  for (const std::optional<ChunkId>& last :
       {std::optional<ChunkId>(), std::optional(ChunkId(0xffffffffffffffff))}) {
    const ScrubProgress progress = {
        .began = kNow, .next = ChunkId(0xfedcba9876543210), .last = last};
    EXPECT_EQ(DecodeScrubProgress(EncodeScrubProgress(progress)), progress);
  }
  const ScrubProgress done = {.began = kNow, .next = std::nullopt, .last = std::nullopt};
  EXPECT_EQ(DecodeScrubProgress(EncodeScrubProgress(done)), done);
  for (const std::string_view text :
       {"", "\n", "12", "12 ", "12 x\n", "12 1f", "x done\n", "12 1f\n12", "12 1f 2f",
        "12 1f 2f 3f\n", "12 1f done\n", "12 1f \n", "99999999999999999999 done\n"}) {
    EXPECT_EQ(DecodeScrubProgress(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace quern::chunkserver
