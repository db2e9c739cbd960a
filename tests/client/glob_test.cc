#include "client/glob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::client {
namespace {

using ::testing::ElementsAre;

TEST(Glob, MatchesComponents) {
  struct Case {
    const char* pattern;
    const char* name;
    bool matches;
  };
  const Case cases[] = {
      {"a", "a", true},
      {"a", "ab", false},
      {"", "", true},
      {"*", "", true},
      {"*", "anything", true},
      {"*.txt", "a.txt", true},
      {"*.txt", "a.txt.gz", false},
      {"a*b*c", "a--b--b--c", true},
      {"a*b*c", "a--c--b", false},
      {"part-?????", "part-00012", true},
      {"part-?????", "part-000123", false},
      {"?", "é", true},
      {"?文", "中文", true},
      {"[文中]?", "中文", true},
      {"*文*", "一中文字", true},
      {"?", "\xff", true},
      {"[a-c]x", "bx", true},
      {"[a-c]x", "dx", false},
      {"[!a-c]x", "dx", true},
      {"[^a-c]x", "ax", false},
      {"[]x]", "]", true},
      {"[a-]", "-", true},
      {"[\\]]", "]", true},
      {"[ab", "[ab", true},
      {"[ab", "a", false},
      {"\\*", "*", true},
      {"\\*", "x", false},
      {"a\\", "a\\", true},
      {"*", ".hidden", true},
      {"*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(MatchesComponent(test.pattern, test.name), test.matches)
        << test.pattern << " on " << test.name;
  }
}

TEST(Glob, ABackslashIsOneUnlessItQuotes) {
  EXPECT_TRUE(MatchesComponent("back\\slash", "back\\slash"));
  EXPECT_FALSE(MatchesComponent("back\\slash", "backslash"));
  EXPECT_TRUE(MatchesComponent("a\\\\b", "a\\b"));
  EXPECT_FALSE(IsPattern("/back\\slash"));
  EXPECT_TRUE(IsPattern("/star\\*x"));
  EXPECT_TRUE(IsPattern("/a\\\\b"));
  EXPECT_FALSE(IsPattern("/a\\"));
}

TEST(Glob, AnEscapedNameMatchesItselfAndNothingElse) {
  for (const std::string name : {"plain", "a[1].txt", "star*x", "b{x}", "{a,b}", "back\\slash",
                                 "a\\*b", "[!a-c]", "?", "\\", "\xff*"}) {
    EXPECT_FALSE(HasWildcards(Escape(name))) << name;
    EXPECT_EQ(Unescape(Escape(name)), name);
    EXPECT_TRUE(MatchesComponent(Escape(name), name)) << name;
    EXPECT_THAT(*ExpandBraces(Escape(name)), ElementsAre(Escape(name)));
  }
}

TEST(Glob, HiddenNamesAreMatchedByPatternsThatSayTheDot) {
  EXPECT_FALSE(MatchesVisible("*", ".quern"));
  EXPECT_FALSE(MatchesVisible("?quern", ".quern"));
  EXPECT_FALSE(MatchesVisible("[.]quern", ".quern"));
  EXPECT_TRUE(MatchesVisible(".*", ".quern"));
  EXPECT_TRUE(MatchesVisible("*", "a.b"));
}

TEST(Glob, KnowsWildcardsAndUndoesEscapes) {
  EXPECT_FALSE(HasWildcards("/a b/中"));
  EXPECT_FALSE(HasWildcards("/a\\*"));
  EXPECT_TRUE(HasWildcards("/a/*"));
  EXPECT_TRUE(HasWildcards("/a\\\\*"));
  EXPECT_TRUE(HasWildcards("/{a,b}"));
  EXPECT_EQ(Unescape("/a\\*\\\\b"), "/a*\\b");
}

TEST(Glob, ExpandsBraces) {
  EXPECT_THAT(*ExpandBraces("/a"), ElementsAre("/a"));
  EXPECT_THAT(*ExpandBraces("/{a,b}/c"), ElementsAre("/a/c", "/b/c"));
  EXPECT_THAT(*ExpandBraces("{a,b{c,d}}{1,2}"),
              ElementsAre("a1", "a2", "bc1", "bc2", "bd1", "bd2"));
  EXPECT_THAT(*ExpandBraces("/{a,}x"), ElementsAre("/ax", "/x"));
  EXPECT_THAT(*ExpandBraces("/{a"), ElementsAre("/{a"));
  EXPECT_THAT(*ExpandBraces("/\\{a,b\\}"), ElementsAre("/\\{a,b\\}"));
}

TEST(Glob, BracesThatStandForTooMuchAreRefused) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "{a,b}";
  EXPECT_EQ(ExpandBraces(pattern).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace quern::client
