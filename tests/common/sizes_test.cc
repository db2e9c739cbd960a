#include "common/sizes.h"

#include "tests/support/status_matchers.h"

namespace quern {
namespace {

TEST(ParseNumber, TakesWhatLiesInTheRangeAndNothingElse) {
  const NumberRange range{1, 16};
  EXPECT_EQ(*ParseNumber("1", range), 1);
  EXPECT_EQ(*ParseNumber("16", range), 16);
  EXPECT_EQ(*ParseNumber("-5", {-5, 5}), -5);
  for (const char* text : {"0", "17", "50", "", " 3", "3 ", "3x", "0x3", "+3", "1e1", "3.0",
                           "4294967297", "18446744073709551617", "-1"}) {
    EXPECT_EQ(ParseNumber(text, range).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(SizesTest, FormatsLikeHdfs) {
  EXPECT_EQ(FormatSize(0), "0");
  EXPECT_EQ(FormatSize(1023), "1023");
  EXPECT_EQ(FormatSize(1024), "1 K");
  EXPECT_EQ(FormatSize(1500), "1.5 K");
  EXPECT_EQ(FormatSize(uint64_t{128} << 20), "128 M");
  EXPECT_EQ(FormatSize(1503238553), "1.4 G");
  EXPECT_EQ(FormatSize((uint64_t{1} << 20) - 1), "1 M");  // never "1024 K"
  EXPECT_EQ(FormatSize(UINT64_MAX), "16 E");
  EXPECT_EQ(FormatBinarySize(512), "512 B");
  EXPECT_EQ(FormatBinarySize(uint64_t{64} << 20), "64 MiB");
}

TEST(SizesTest, ParsesWhatPeopleWrite) {
  const std::pair<const char*, uint64_t> cases[] = {
      {"0", 0},
      {"4096", 4096},
      {"64k", 65536},
      {"64K", 65536},
      {"64KiB", 65536},
      {"64kb", 65536},
      {"64 MiB", uint64_t{64} << 20},
      {" 1g", uint64_t{1} << 30},
      {"1.5g", uint64_t{3} << 29},
      {"0.5k", 512},
      {"1T", uint64_t{1} << 40},
      {"10B", 10},
      {"18446744073709551615", UINT64_MAX},
      {"9007199254740993", 9007199254740993u},  // 2^53 + 1: not a double
  };
  for (const auto& [text, bytes] : cases) {
    const auto parsed = ParseSize(text);
    ASSERT_THAT(parsed, IsOk()) << text;
    EXPECT_EQ(*parsed, bytes) << text;
  }
}

TEST(SizesTest, RefusesWhatIsNoSize) {
  for (const char* text : {"", "k", "-1", "1x", "1kk", "1 k b", "0x10", "1e3", "16E",
                           "99999999999999999999", "1.5.5", "nan", "inf", "1,5k"}) {
    EXPECT_THAT(ParseSize(text),
                StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("is not a size")))
        << text;
  }
}

TEST(SizesTest, FormattedSizesParseBack) {
  for (const uint64_t bytes : {uint64_t{1}, uint64_t{1024}, uint64_t{3} << 20, uint64_t{5} << 40}) {
    EXPECT_EQ(*ParseSize(FormatBinarySize(bytes)), bytes);
    EXPECT_EQ(*ParseSize(FormatSize(bytes)), bytes);
  }
}

TEST(SizesTest, DurationsReadLikeSpeech) {
  EXPECT_EQ(HumanDuration(absl::Milliseconds(350)), "350 ms");
  EXPECT_EQ(HumanDuration(absl::Seconds(12.34)), "12.3 s");
  EXPECT_EQ(HumanDuration(absl::Seconds(59.99)), "1 min");
  EXPECT_EQ(HumanDuration(absl::Seconds(250)), "4 min 10 s");
  EXPECT_EQ(HumanDuration(absl::Minutes(125)), "2 h 5 min");
  EXPECT_EQ(HumanDuration(absl::Hours(76)), "3 d 4 h");
  EXPECT_EQ(HumanDuration(-absl::Seconds(2)), "-2 s");
}

TEST(SizesTest, ParsesDurations) {
  EXPECT_EQ(*ParseDuration("90s"), absl::Seconds(90));
  EXPECT_EQ(*ParseDuration("90"), absl::Seconds(90));
  EXPECT_EQ(*ParseDuration("1h30m"), absl::Minutes(90));
  EXPECT_EQ(*ParseDuration("250ms"), absl::Milliseconds(250));
  EXPECT_EQ(*ParseDuration("0.5s"), absl::Milliseconds(500));
  for (const char* text : {"", "s", "10x", "-5s", "5 s", "1h-30m"}) {
    EXPECT_THAT(ParseDuration(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

TEST(SizesTest, CountsHaveThousands) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(1234567), "1,234,567");
}

TEST(SizesTest, OneThingHasNoPlural) {
  EXPECT_EQ(CountOf(0, "segment"), "0 segments");
  EXPECT_EQ(CountOf(1, "segment"), "1 segment");
  EXPECT_EQ(CountOf(2, "segment"), "2 segments");
}

}  // namespace
}  // namespace quern
