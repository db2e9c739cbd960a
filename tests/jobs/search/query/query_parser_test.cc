#include "jobs/search/query/query_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/random_test.h"

namespace quern::search {
namespace {

using ::testing::HasSubstr;

// The tree as text, or the error.
std::string Parsed(std::string_view query) {
  const absl::StatusOr<QueryNode> node = ParseQuery(query);
  return node.ok() ? ToString(*node) : std::string(Message(node.status()));
}

TEST(QueryParser, ReadsEveryForm) {
  const std::pair<const char*, const char*> table[] = {
      {"", "()"},
      {"  ", "()"},
      {"linux", "linux"},
      {"free software", "(free software)"},
      {"+gnu -mit", "(+gnu -mit)"},
      {"gnu NOT mit", "(gnu -mit)"},
      {"NOT NOT gnu", "gnu"},
      {"-mit", "(-mit)"},
      {"a AND b", "(+a +b)"},
      {"a AND NOT b", "(+a -b)"},
      {"a AND -b AND c", "(+a -b +c)"},
      {"a OR b", "(a b)"},
      {"a OR NOT b", "(a OR (-b))"},
      {"a OR b AND c", "(a (+b +c))"},
      {"a b AND c", "(a (+b +c))"},
      {"a b OR c", "(a (b c))"},
      {"(a OR b) AND c", "(+(a b) +c)"},
      {"((a))", "a"},
      {"+(a b) c", "(+(a b) c)"},
      {"()", "()"},
      {"\"free software\"", "\"free software\""},
      {"\"free software\"~2^3", "\"free software\"~2^3"},
      {"“free software”", "\"free software\""},
      {"\"a \\\" b\"", "\"a \\\" b\""},
      {"lib*", "lib*"},
      {"lib*^2", "lib*^2"},
      {"*", "*"},
      {"color~1", "color~1"},
      {"color~", "color~2"},
      {"color~0", "color"},
      {"title:gnu^2.5", "title:gnu^2.5"},
      {"title:(gnu linux)", "(title:gnu title:linux)"},
      {"title:(gnu body:linux)^2", "(title:gnu body:linux)^2"},
      {"title:\"a b\"", "title:\"a b\""},
      {"title:lib*", "title:lib*"},
      {"(gnu^2)^3", "gnu^6"},
      {"linux lang:de", "(linux +lang:de)"},
      {"linux (lang:de OR lang:fr)", "(linux +(lang:de OR lang:fr))"},
      {"linux -lang:de", "(linux -lang:de)"},
      {"(lang:de)^0.5", "lang:de"},
      {"date:2024", "date:2024..2024"},
      {"date:2020..2024-06", "date:2020..2024-06"},
      {"date:2020..", "date:2020.."},
      {"date:..2019-12-31", "date:..2019-12-31"},
      {"std::vector http://x/y 12:30", "(std::vector http://x/y 12:30)"},
      {"free - software", "(free \\- software)"},
      {"C++ e-mail", "(C++ e-mail)"},
      {"\\-x a\\*b a\\:b", "(\\-x a\\*b a\\:b)"},
      {"\\AND", "\\AND"},
      {"and or not", "(and or not)"},
      {"ANDROID", "ANDROID"},
      {"自由软件 ελεύθερο", "(自由软件 ελεύθερο)"},
  };
  for (const auto& [query, wanted] : table) EXPECT_EQ(Parsed(query), wanted) << query;
}

TEST(QueryParser, SaysWhereItIsWrong) {
  const std::pair<const char*, const char*> table[] = {
      {"a \"b c", "character 3 of the query: this quotation mark is never closed"},
      {"é (b", "character 3 of the query: this bracket is never closed"},
      {"a) b", "character 2 of the query: this bracket was never opened"},
      {"a AND", "character 6 of the query: something to search for should follow here"},
      {"a AND OR b",
       "character 7 of the query: OR stands between two parts; in quotes it is a word"},
      {"OR", "character 1 of the query: OR stands between two parts; in quotes it is a word"},
      {"(a AND) b", "character 7 of the query: something to search for should stand before it"},
      {"titel:gnu",
       "character 1 of the query: no field 'titel' (there are title, body, lang, date); in quotes "
       "it is text"},
      {"lib*x", "character 1 of the query: a * can stand only at the end of a word"},
      {"title:*", "character 7 of the query: a * needs letters before it"},
      {"a~3", "character 2 of the query: behind ~ stands the number of edits, at most 2"},
      {"a~1b", "character 2 of the query: a ~ can stand only at the end of a word"},
      {"\"a b\"~101",
       "character 6 of the query: behind ~ stands the number of positions out of place, at most "
       "100"},
      {"\"a b\"~x",
       "character 6 of the query: behind ~ stands the number of positions out of place, at most "
       "100"},
      {"a ^1", "character 3 of the query: a ^ needs something before it"},
      {"title:^2", "character 7 of the query: a ^ needs something before it"},
      {"a^0", "character 2 of the query: behind ^ stands a weight from 0.001 to 1000"},
      {"a^2x", "character 2 of the query: behind ^ stands a weight from 0.001 to 1000"},
      {"a^nan", "character 2 of the query: behind ^ stands a weight from 0.001 to 1000"},
      {"(a^100)^100",
       "character 8 of the query: the weights of brackets multiply: from 0.001 to 1000 in all"},
      {"(a^0.01)^0.01",
       "character 9 of the query: the weights of brackets multiply: from 0.001 to 1000 in all"},
      {"lang:d!e", "character 6 of the query: a language looks like en or zh-Hant"},
      {"date:yesterday",
       "character 6 of the query: dates look like 2024, 2024-06-30, 2020..2024 or 2020.."},
      {"date:..",
       "character 6 of the query: dates look like 2024, 2024-06-30, 2020..2024 or 2020.."},
      {"date:2023-02-29",
       "character 6 of the query: dates look like 2024, 2024-06-30, 2020..2024 or 2020.."},
      {"date:2024..2024-13",
       "character 6 of the query: dates look like 2024, 2024-06-30, 2020..2024 or 2020.."},
      {"\xff", "the query is not UTF-8"},
  };
  for (const auto& [query, wanted] : table) EXPECT_EQ(Parsed(query), wanted) << query;
}

TEST(QueryParser, HasLimits) {
  EXPECT_THAT(Parsed(std::string(8193, 'x')), HasSubstr("8193 bytes"));
  EXPECT_THAT(Parsed(std::string(33, '(')), HasSubstr("more than 32 brackets in each other"));
  std::string many;
  for (int i = 0; i < 513; ++i) many += "a ";
  EXPECT_THAT(Parsed(many), HasSubstr("more than 512 parts"));
  EXPECT_EQ(Parsed(std::string(32, '(') + "a" + std::string(32, ')')), "a");
}

class QueryParserRandomTest : public RandomTest {};

// Whatever it takes, it takes again from its own words, with the same meaning.
TEST_F(QueryParserRandomTest, WhatItSaysItUnderstands) {
  const char* const pieces[] = {"a",  "b",    " ",  " ",   "(",      ")",     "\"",   "+", "-",
                                "^2", "~1",   "*",  "AND", "OR",     "NOT",   "\\",   "é", ":",
                                ".",  "2020", "..", "~",   "title:", "lang:", "date:"};
  int read = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string query;
    for (uint64_t n = Below(12); n > 0; --n) query += pieces[Below(std::size(pieces))];
    const absl::StatusOr<QueryNode> node = ParseQuery(query);
    read += node.ok();
    if (!node.ok()) {
      EXPECT_THAT(std::string(Message(node.status())), HasSubstr("character ")) << query;
    } else {
      const std::string said = ToString(*node);
      EXPECT_EQ(Parsed(said), said) << query;
    }
  }
  EXPECT_GT(read, 2000);
}

}  // namespace
}  // namespace quern::search
