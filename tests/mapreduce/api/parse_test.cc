#include "mapreduce/api/parse.h"

#include <gtest/gtest.h>

namespace quern {
namespace {

TEST(ParseTest, ReadsWholeNumbers) {
  EXPECT_EQ(ParseInt("0"), 0);
  EXPECT_EQ(ParseInt("9"), 9);
  EXPECT_EQ(ParseInt("-12"), -12);
  EXPECT_EQ(ParseInt("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(ParseDouble("2.5e3"), 2500.0);
}

TEST(ParseTest, ThrowsOnAnythingElse) {
  for (const char* bad : {"", "-", "1 ", " 1", "1a", "9223372036854775808", "/", ":", "+1"}) {
    EXPECT_THROW(ParseInt(bad), std::invalid_argument) << bad;
  }
  EXPECT_THROW(ParseDouble("1,5"), std::invalid_argument);
}

TEST(ParseTest, ShowsTheBeginningOfALongTextUpToTheEndOfACharacter) {
  std::string text = "x";
  for (int i = 0; i < 80; ++i) text += "\u00e9";
  try {
    ParseInt(text);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(std::string(error.what()), "'" + text.substr(0, 99) + "...' is not a whole number");
  }
}

TEST(SplitTest, KeepsEmptyParts) {
  using Parts = std::vector<std::string_view>;
  EXPECT_EQ(text::Split("a,,b", ','), (Parts{"a", "", "b"}));
  EXPECT_EQ(text::Split("", ','), (Parts{""}));
  EXPECT_EQ(text::Split(",", ','), (Parts{"", ""}));
}

}  // namespace
}  // namespace quern
