#include "jobs/required_literal.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <string>

#include "tests/support/random_test.h"

namespace {

TEST(RequiredLiteralTest, FindsTheLongestPlainString) {
  struct Case {
    const char* pattern;
    const char* want;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"the", "the"},    {"the.*end", "the"}, {"a.*ending", "ending"}, {"colou?r", "colo"},
           {"ab*cde", "cde"}, {"ab+c", "ab"},      {"ab{2,3}cde", "cde"},   {"ab{,2}cde", "cde"},
           {"{[b}a]", ""},    {"{[}b]", ""},       {"{\\d}abc", ""},        {"a{bc}def", "def"},
           {"a|b", ""},       {"(abc)", ""},       {"[0-9]+x", ""},         {"ab[cd]efgh", "ab"},
           {"1\\.5", "1.5"},  {"abc\\d", "abc"},   {"^ab$", "ab"},          {"", ""},
           {".*", ""},        {"\\Qa*b\\E", ""},   {"naïve?x", "naïv"},     {"aé?", "a"}}) {
    EXPECT_EQ(RequiredLiteral(c.pattern), c.want) << c.pattern;
  }
}

using RequiredLiteralRandomTest = quern::RandomTest;

TEST_F(RequiredLiteralRandomTest, IsPartOfEverythingThatMatches) {
  int matches = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::string pattern;
    for (uint64_t i = 1 + Below(6); i > 0; --i) pattern += "abab.*?+^$[]{}()|\\d2"[Below(20)];
    const std::string required = RequiredLiteral(pattern);
    if (required.empty()) continue;  // true of everything
    RE2 regex(pattern, RE2::Quiet);
    if (!regex.ok()) continue;
    for (int line = 0; line < 5; ++line) {
      std::string text;
      for (uint64_t i = Below(8); i > 0; --i) text += "abd2.{"[Below(6)];
      if (!RE2::PartialMatch(text, regex)) continue;
      ++matches;
      ASSERT_NE(text.find(required), std::string::npos) << pattern << " matches " << text;
    }
  }
  EXPECT_GT(matches, 1000);
}

}  // namespace
