#include "client/shell/size_match.h"

#include <gtest/gtest.h>

#include "client/shell/registry.h"
#include "tests/support/status_matchers.h"

namespace quern::shell {
namespace {

bool SizeMatches(std::string_view text, uint64_t bytes) {
  const auto match = SizeMatch::Parse(text);
  EXPECT_OK(match.status()) << text;
  return match.ok() && match->Matches(bytes);
}

TEST(SizeMatchTest, MoreLessOrJustSoManyBytes) {
  EXPECT_TRUE(SizeMatches("10", 10));
  EXPECT_FALSE(SizeMatches("10", 11));
  EXPECT_TRUE(SizeMatches("10c", 10));
  EXPECT_TRUE(SizeMatches("0", 0));
  EXPECT_FALSE(SizeMatches("+10", 10));
  EXPECT_TRUE(SizeMatches("+10c", 11));
  EXPECT_TRUE(SizeMatches("-10", 9));
  EXPECT_FALSE(SizeMatches("-10", 10));
}

TEST(SizeMatchTest, UnitsArePowersOf1024AndNothingIsRounded) {
  EXPECT_TRUE(SizeMatches("1k", 1024));
  EXPECT_TRUE(SizeMatches("-1M", (1 << 20) - 1)) << "find of other systems takes only 0 bytes";
  EXPECT_FALSE(SizeMatches("1M", (1 << 20) - 1));
  EXPECT_TRUE(SizeMatches("+2G", (uint64_t{2} << 30) + 1));
  EXPECT_FALSE(SizeMatches("+2G", uint64_t{2} << 30));
}

TEST(SizeMatchTest, WhatIsNoSizeIsRefused) {
  for (const char* text : {"", "+", "-", "c", "+c", "x", "10x", "++1", "+-1", "1kc", "- 1"}) {
    EXPECT_FALSE(SizeMatch::Parse(text).ok()) << text;
  }
}

TEST(SizeMatchTest, UnsetItMatchesEverything) { EXPECT_TRUE(SizeMatch().Matches(17)); }

// Also in the spelling of other shells, where the value looks like a flag.
TEST(SizeMatchTest, FindTakesItInBothHabits) {
  for (const std::string flag : {"--size", "-size"}) {
    const auto command = LookUpCommand(DfsProgram(), "find")->make();
    CommandLine line;
    command->Define(&line);
    EXPECT_OK(line.Parse({"/in", flag, "-10M"})) << flag;
  }
}

}  // namespace
}  // namespace quern::shell
