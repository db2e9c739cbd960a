// Known answers of small indexes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "jobs/search/query/explain.h"
#include "jobs/search/query/fuzzy.h"
#include "jobs/search/query/phrase_matcher.h"
#include "jobs/search/query/query_parser.h"
#include "jobs/search/query/snippet.h"
#include "tests/jobs/search/query/index_fixture.h"
#include "tests/support/random_test.h"

namespace quern::search {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

IndexedDocument Document(std::string id, std::string title, std::string text) {
  IndexedDocument document;
  document.id = std::move(id);
  document.title = std::move(title);
  document.text = std::move(text);
  return document;
}

TestIndex Library() {
  IndexedDocument gpl =
      Document("gpl", "GNU General Public License",
               "Everyone is permitted to copy. Free software is free as in freedom.");
  gpl.language = "en";
  gpl.date = "2007-06-29";
  IndexedDocument mit = Document("mit", "MIT License", "Permission is granted, free of charge.");
  mit.language = "en-US";
  mit.date = "1988-01-01";
  IndexedDocument haus =
      Document("haus", "", "Freie Software im Haus: Bibliothek und Bibliotheken.");
  haus.language = "de";
  IndexedDocument tang = Document("tang", "靜夜思", "床前明月光，疑是地上霜。");
  return TestIndex({{gpl, mit}, {haus, tang}});
}

TEST(Search, FindsWordsOfAnyScriptThatAreFewEditsAway) {
  const TestIndex index(
      {{Document("1", "", "uber uberx"), Document("2", "", "über"), Document("3", "", "ubér"),
        Document("4", "", "ub"), Document("5", "", "ÿber"), Document("6", "", "буква"),
        Document("7", "", "бувка"), Document("8", "", "🎈uber")}});
  EXPECT_THAT(index.Ids("uber~1"), UnorderedElementsAre("1", "2", "3", "5", "8"));
  EXPECT_THAT(index.Ids("ubre~1"), UnorderedElementsAre("1", "8"));
  EXPECT_THAT(index.Ids("ubu~2"), UnorderedElementsAre("1", "3", "4", "8"));
  EXPECT_THAT(index.Ids("буква~1"), UnorderedElementsAre("6", "7"));
  EXPECT_THAT(index.Ids("бква~1"), UnorderedElementsAre("6"));
}

TEST(Search, AnswersEveryKindOfQuery) {
  const TestIndex index = Library();
  EXPECT_THAT(index.Ids("free"), ElementsAre("gpl", "mit"));
  EXPECT_THAT(index.Ids("free software"), ElementsAre("gpl", "mit", "haus"));
  EXPECT_THAT(index.Ids("+free +software"), ElementsAre("gpl"));
  EXPECT_THAT(index.Ids("free -software"), ElementsAre("mit"));
  EXPECT_THAT(index.Ids("free AND NOT charge"), ElementsAre("gpl"));
  EXPECT_THAT(index.Ids("\"free software\""), ElementsAre("gpl"));
  EXPECT_THAT(index.Ids("\"software free\""), IsEmpty());
  EXPECT_THAT(index.Ids("\"software free\"~2"), ElementsAre("gpl"));
  EXPECT_THAT(index.Ids("title:free"), IsEmpty());
  EXPECT_THAT(index.Ids("title:license"), UnorderedElementsAre("gpl", "mit"));
  EXPECT_THAT(index.Ids("bibl*"), ElementsAre("haus"));
  EXPECT_THAT(index.Ids("fre*"), ElementsAre("gpl", "haus", "mit"));
  EXPECT_THAT(index.Ids("sotfware~1"), UnorderedElementsAre("gpl", "haus"));
  EXPECT_THAT(index.Ids("FREE"), ElementsAre("gpl", "mit"));
  EXPECT_THAT(index.Ids("明月"), ElementsAre("tang"));
  EXPECT_THAT(index.Ids("\"床前明月光\""), ElementsAre("tang"));
  EXPECT_THAT(index.Ids("free lang:en"), ElementsAre("gpl", "mit"));
  EXPECT_THAT(index.Ids("lang:en-US"), ElementsAre("mit"));
  EXPECT_THAT(index.Ids("free date:2000.."), ElementsAre("gpl"));
  EXPECT_THAT(index.Ids("date:1988"), ElementsAre("mit"));
  EXPECT_THAT(index.Ids("date:..2007-06"), ElementsAre("gpl", "mit"));
  EXPECT_THAT(index.Ids("date:..2007-05"), ElementsAre("mit"));
  EXPECT_THAT(index.Ids("*"), ElementsAre("gpl", "haus", "mit", "tang"));
  EXPECT_THAT(index.Ids("-free"), ElementsAre("haus", "tang"));
  EXPECT_THAT(index.Ids("-nonsense lang:de"), ElementsAre("haus"));
  EXPECT_THAT(index.Ids("free", 1), ElementsAre("gpl"));
  EXPECT_THAT(index.Ids("title:license^9 software"), ElementsAre("mit", "gpl", "haus"));
}

// Not each part of it, nor within brackets.
TEST(Search, OfADividedWordTheWholeIsExcluded) {
  const TestIndex index({{Document("mail", "", "x e-mail"), Document("parts", "", "x mail e"),
                          Document("fax", "", "x fax"), Document("e", "", "x e")}});
  for (const char* const query :
       {"x -e-mail -fax", "x -(e-mail fax)", "x -(e-mail OR fax)", "x -(fax (e-mail nothing))"}) {
    EXPECT_THAT(index.Ids(query), UnorderedElementsAre("parts", "e")) << query;
  }
  EXPECT_THAT(index.Ids("x -(+e-mail +x)"), UnorderedElementsAre("parts", "e", "fax"));
  EXPECT_THAT(index.Ids("x AND e-mail"), UnorderedElementsAre("mail", "parts"));
}

// Indexes have pairs of them. What has the character only at the end of a run is not found.
TEST(Search, OneCharacterIsTheBeginningOfPairs) {
  const TestIndex index({{Document("tang", "", "床前明月光"), Document("alone", "", "C 月 x")},
                         {Document("end", "", "明月"), Document("day", "", "明日 x")}});
  for (const char* const query : {"月", "+月", "\"月\"", "月*", "body:月"}) {
    EXPECT_THAT(index.Ids(query), UnorderedElementsAre("tang", "alone")) << query;
  }
  EXPECT_THAT(index.Ids("明 -月"), UnorderedElementsAre("end", "day"));
  EXPECT_THAT(index.Ids("C月"), UnorderedElementsAre("alone"));  // one part of several
}

// Also where nothing else is asked for, so that the + has nothing to be told from.
TEST(Search, OfADividedWordThatIsRequiredAllPartsAre) {
  const TestIndex index({{Document("mail", "", "e-mail"), Document("parts", "", "mail e"),
                          Document("fax", "", "fax"), Document("e", "", "e")}});
  EXPECT_THAT(index.Ids("e-mail"), UnorderedElementsAre("mail", "parts", "e"));
  for (const char* const query : {"+e-mail", "(+e-mail)", "+(+e-mail)", "NOT NOT e-mail"}) {
    EXPECT_THAT(index.Ids(query), UnorderedElementsAre("mail", "parts")) << query;
  }
  EXPECT_THAT(index.Ids("fax OR +e-mail"), UnorderedElementsAre("mail", "parts", "fax"));
  EXPECT_THAT(index.Ids("fax (+e-mail)"), UnorderedElementsAre("mail", "parts", "fax"));
  EXPECT_THAT(index.Ids("-(+e-mail)"), UnorderedElementsAre("parts", "fax", "e"));
}

TEST(Search, AnswersNothingToNothing) {
  const TestIndex index = Library();
  for (const char* const query : {"", "...", "nonsense", "+nonsense free", "\"nonsense free\"",
                                  "nonsense*", "xxxxxxxxx~1", "lang:fr", "date:1400"}) {
    EXPECT_THAT(index.Ids(query), IsEmpty()) << query;
  }
}

// No term holds what divides a word: its parts are required, and the last is a beginning.
TEST(Search, OfADividedBeginningThePartsAreFound) {
  const TestIndex index(
      {{Document("mail", "", "x e-mail"), Document("e", "", "x e"),
        Document("man", "", "l'homme et l\u2019homme"), Document("han", "", "机器学习"),
        Document("other", "", "机器 lib.so 3,14")}});
  for (const std::string sign : {"", "+"}) {
    EXPECT_THAT(index.Ids(sign + "e-mai*"), ElementsAre("mail"));
    EXPECT_THAT(index.Ids(sign + "body:#e-mai*"), ElementsAre("mail"));
    EXPECT_THAT(index.Ids(sign + "e-*"), UnorderedElementsAre("mail", "e"));
    EXPECT_THAT(index.Ids(sign + "e-mal*"), IsEmpty());
    EXPECT_THAT(index.Ids(sign + "l'hom*"), ElementsAre("man"));
    EXPECT_THAT(index.Ids(sign + "机器学*"), ElementsAre("han"));
    EXPECT_THAT(index.Ids(sign + "机器*"), UnorderedElementsAre("han", "other"));
    // Within a word such a mark divides nothing.
    EXPECT_THAT(index.Ids(sign + "lib.*"), ElementsAre("other"));
    EXPECT_THAT(index.Ids(sign + "lib.s*"), ElementsAre("other"));
    EXPECT_THAT(index.Ids(sign + "3,*"), ElementsAre("other"));
  }
  EXPECT_THAT(index.Ids("x e-mal*"), UnorderedElementsAre("mail", "e"));
  EXPECT_THAT(index.Ids("x -mai*"), ElementsAre("e"));
  const auto refused = [&](std::string_view query) {
    return std::string(Message(PlanFor(*index, query).status()));
  };
  EXPECT_THAT(refused("x -e-mai*"), HasSubstr("'e-mai*': analysis divides this word"));
  EXPECT_THAT(refused("x -(x 机器学*)"), HasSubstr("cannot be excluded with *"));
  EXPECT_THAT(refused("e-mial~"), HasSubstr("'e-mial~': analysis divides this word"));
  EXPECT_EQ(refused("mial~ lib.so~ 机器~1"), "");
}

// The words before it are treated as those of the documents were.
TEST(Search, OfADividedBeginningTheFirstPartsAreStemmed) {
  const TestIndex index({{Document("1", "", "running-shoes")}}, {},
                        {.analysis = {.language = "english", .stem = true}});
  EXPECT_THAT(index.Ids("runs-sho*"), ElementsAre("1"));
}

// No index has it, so a query that requires it finds nothing, and one that excludes it all others.
TEST(Search, AWordThatIsTooLongIsInNoDocument) {
  const std::string data(Analyzer::kMaxTermBytes + 1, 'x');
  const TestIndex index(
      {{Document("a", "", "free " + data + " software"), Document("b", "", "e mail")}});
  EXPECT_THAT(index.Ids(data), IsEmpty());
  EXPECT_THAT(index.Ids("free " + data), ElementsAre("a"));
  EXPECT_THAT(index.Ids("+free +" + data), IsEmpty());
  EXPECT_THAT(index.Ids("free -" + data), ElementsAre("a"));
  EXPECT_THAT(index.Ids("\"free " + data + " software\""), IsEmpty());
  EXPECT_THAT(index.Ids("free -\"free " + data + "\""), ElementsAre("a"));
  EXPECT_THAT(index.Ids("e-" + data), ElementsAre("b"));
  EXPECT_THAT(index.Ids("+mail +e-" + data), IsEmpty());
  EXPECT_THAT(index.Ids("mail -e-" + data), ElementsAre("b"));
  EXPECT_THAT(index.Ids("+free +..."), ElementsAre("a")) << "what has no letters is no condition";
}

// By hand: N 3, n 2, idf ln(1 + 1.5/2.5); lengths 2, 1, 3, average 2.
TEST(Search, ScoresAsBm25Says) {
  const TestIndex index(
      {{Document("a", "", "x y"), Document("b", "", "x"), Document("c", "", "y y z")}});
  const std::vector<SearchHit> hits = index.Hits("y");
  ASSERT_EQ(hits.size(), 2u);
  EXPECT_EQ(hits[0].id, "c");
  const double idf = std::log(1 + 1.5 / 2.5);
  EXPECT_NEAR(hits[0].score, idf * 2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2)), 1e-6);
  EXPECT_NEAR(hits[1].score, idf * 1 / (1 + 1.2), 1e-6);
}

TEST(Search, TiesGoByIdAcrossSegments) {
  const TestIndex index({{Document("c", "", "x"), Document("a", "", "x")},
                         {Document("d", "", "x"), Document("b", "", "x")}});
  EXPECT_THAT(index.Ids("x", 3), ElementsAre("a", "b", "c"));
}

TEST(Search, RefusesWhatIsTooLarge) {
  const TestIndex index = Library();
  EXPECT_THAT(std::string(Message(Search(*index, *PlanFor(*index, "x"), kMaxHits + 1).status())),
              HasSubstr("10001 hits"));
  // Each character of Han is a term or two.
  std::string long_query;
  for (int i = 0; i < 1500; ++i) long_query += "床前";
  EXPECT_THAT(std::string(Message(PlanFor(*index, long_query).status())), HasSubstr("8192"));
  EXPECT_TRUE(PlanFor(*index, std::string(100, 'x') + "~").ok());
  EXPECT_THAT(std::string(Message(PlanFor(*index, std::string(101, 'x') + "~").status())),
              HasSubstr("a word of 101 characters with ~"));
  std::string words;
  for (int i = 0; i < 65; ++i) words += " x";
  EXPECT_TRUE(PlanFor(*index, "\"" + words + "\"").ok());
  EXPECT_THAT(std::string(Message(PlanFor(*index, "\"" + words + "\"~1").status())),
              HasSubstr("a phrase with ~ of 65 words"));
}

std::string Repeated(const std::string& word, int times) {
  std::string query;
  for (int i = 0; i < times; ++i) query += word + " ";
  return query;
}

// Words that stand for many have limits together; to say one again costs nothing.
TEST(Search, AQueryTakesOnlySoMuch) {
  const TestIndex index({{Document("1", "", "aa ab ac ba bb"), Document("2", "ab", "ab")}});
  const auto search = [&](const std::string& query, const PrefixLimits& limits) {
    return std::string(
        Message(Search(*index, *PlanFor(*index, query), 9, RunOneByOne, limits).status()));
  };
  const std::string repeated = Repeated("a*", 500);
  EXPECT_EQ(search(repeated, {.max_terms = 4}), "");
  EXPECT_THAT(search(repeated, {.max_terms = 3}), HasSubstr("a*: write fewer of them"));
  EXPECT_EQ(search("a* b*", {.max_terms = 6}), "");
  EXPECT_THAT(search("a* b*", {.max_terms = 5}), HasSubstr("up to b*: write fewer of them"));
  EXPECT_THAT(search("a*", {.max_terms_of_one = 2}), HasSubstr("a* stands for more than 2 words"));
  EXPECT_EQ(search(repeated, {.max_postings = 5}), "");
  EXPECT_THAT(search(repeated, {.max_postings = 4}), HasSubstr("write fewer of them"));
  EXPECT_EQ(search(repeated, {.max_bytes = 16}), "");
  EXPECT_THAT(search("a* b*", {.max_bytes = 16}), HasSubstr("up to b*: write fewer of them"));

  const auto plan = [&](const std::string& query, const PlanLimits& limits) {
    return std::string(Message(MakePlan(*ParseQuery(query), *index, limits).status()));
  };
  EXPECT_EQ(plan(Repeated("xyz~1", 500), {.max_looked_at = 6}), "");
  EXPECT_THAT(plan("aa~2 bb~2", {.max_looked_at = 6}), HasSubstr("write fewer of them, or ~1"));
  EXPECT_THAT(plan("xyz~1 xyy~1 xxy~1", {.max_terms = 5}), HasSubstr("more than 5 terms"));
}

TEST(Search, SaysWhereAScoreComesFrom) {
  const TestIndex index = Library();
  const auto plan = PlanFor(*index, "free \"free software\" -charge");
  const auto hits = Search(*index, *plan, 10);
  const auto explained = Explain(*index, *plan, *hits);
  ASSERT_TRUE(explained.ok()) << explained.status();
  ASSERT_EQ(explained->size(), hits->size());
  const std::vector<std::string>& lines = (*explained)[0];
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("body:free (frequency 2, length 12"));
  EXPECT_THAT(lines[1], HasSubstr("body:\"free software\" (weight"));
}

// Whatever the order of the hits, which is not that of the documents.
TEST(Search, TheLinesOfEachHitAddUpToItsScore) {
  const TestIndex index = Library();
  for (const char* const query :
       {"free software license", "+fre* (haus AND (bibl* nothing)) -charge",
        "* (title:gnu^2 (free haus))", "sotfware~1 \"free software\"",
        "(+license -title:mit) (free -software)"}) {
    const auto plan = PlanFor(*index, query);
    const auto hits = Search(*index, *plan, 10);
    ASSERT_TRUE(hits.ok()) << query << hits.status();
    EXPECT_FALSE(hits->empty()) << query;
    const auto explained = Explain(*index, *plan, *hits);
    ASSERT_TRUE(explained.ok()) << query << explained.status();
    for (size_t i = 0; i < hits->size(); ++i) {
      double sum = 0;
      for (const std::string& line : (*explained)[i]) sum += std::stod(line);
      EXPECT_NEAR(sum, (*hits)[i].score, 1e-4) << query << " " << (*hits)[i].id;
    }
  }
}

TEST(EditDistance, CountsSwapsAndReusesWhatWordsShare) {
  EditDistance distance("color", 2);
  const std::pair<const char*, uint32_t> table[] = {
      {"clor", 1},   {"coler", 1},  {"coloor", 1}, {"color", 0}, {"colour", 1},
      {"oclor", 1},  {"colors", 1}, {"colo", 1},   {"col", 2},   {"co", 3},
      {"zolour", 2}, {"zzzor", 3},  {"cöllor", 2}, {"", 3},      {"clour", 2},
  };
  for (const auto& [term, edits] : table) EXPECT_EQ(distance.To(term), edits) << term;
}

size_t PlainDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      const size_t replaced = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

class EditDistanceRandomTest : public RandomTest {
 protected:
  std::string Word() {
    std::string word;
    for (uint64_t n = Below(9); n > 0; --n) word += static_cast<char>('a' + Below(3));
    return word;
  }
};

TEST_F(EditDistanceRandomTest, AgreesWithTheWholeTable) {
  for (int round = 0; round < 400; ++round) {
    const std::string word = Word();
    const auto max = static_cast<uint32_t>(1 + Below(2));
    EditDistance distance(word, max);
    std::vector<std::string> terms;
    for (int i = 0; i < 60; ++i) terms.push_back(Word());
    std::sort(terms.begin(), terms.end());
    for (const std::string& term : terms) {
      ASSERT_EQ(distance.To(term), std::min<size_t>(PlainDistance(word, term), max + 1))
          << word << " " << term;
      if (!distance.hopeless()) continue;
      const std::string next = distance.NextNear();
      ASSERT_TRUE(next.empty() || next > term) << word << " " << term << " " << next;
      for (const std::string& other : terms) {
        if (other > term && (next.empty() || other < next)) {
          ASSERT_GT(PlainDistance(word, other), max) << word << " " << term << " " << other;
        }
      }
    }
  }
}

// All words of a, b, c with up to six letters.
std::vector<std::string> AllWords() {
  std::vector<std::string> all = {""};
  for (size_t i = 0; all[i].size() < 6; ++i) {
    for (const char letter : {'a', 'b', 'c'}) all.push_back(all[i] + letter);
  }
  std::sort(all.begin(), all.end());
  return all;
}

// Those of `all` that are near, and how many were looked at.
std::pair<std::vector<std::string>, size_t> Leap(const std::vector<std::string>& all,
                                                 const std::string& word, uint32_t max) {
  EditDistance distance(word, max);
  std::vector<std::string> found;
  size_t looked = 0;
  for (auto at = all.begin(); at != all.end(); ++looked) {
    if (distance.To(*at) <= max) found.push_back(*at);
    if (!distance.hopeless()) {
      ++at;
      continue;
    }
    const std::string next = distance.NextNear();
    if (next.empty()) break;
    at = std::lower_bound(at, all.end(), next);
  }
  return {found, looked};
}

TEST_F(EditDistanceRandomTest, LeapsFindAllThatIsNear) {
  const std::vector<std::string> all = AllWords();
  for (int round = 0; round < 100; ++round) {
    const std::string word = Word();
    const auto max = static_cast<uint32_t>(1 + Below(2));
    std::vector<std::string> near;
    for (const std::string& other : all) {
      if (PlainDistance(word, other) <= max) near.push_back(other);
    }
    ASSERT_EQ(Leap(all, word, max).first, near) << word << " " << max;
  }
}

TEST(EditDistance, LooksAtFewWordsThatAreNotNear) {
  const auto [found, looked] = Leap(AllWords(), "abcabc", 1);
  EXPECT_GT(found.size(), 15u);
  EXPECT_LE(looked, 4 * found.size()) << "of 1093";
}

TEST(CountSloppyPhrase, BeginsWhereATermStandsAtItsPlace) {
  const PhrasePositions a{.term = 0, .offset = 0, .positions = {0, 10, 11, 40}};
  const PhrasePositions b{.term = 1, .offset = 3, .positions = {5, 14, 15, 16, 99}};
  EXPECT_EQ(CountSloppyPhrase({a, b}, 0), 1u) << "11 with 14";
  EXPECT_EQ(CountSloppyPhrase({{.term = 0, .offset = 0, .positions = {11}}, b}, 1), 1u);
  // 0 with 5 two behind; 10 with 14; 11 with 14, 15 or 16.
  EXPECT_EQ(CountSloppyPhrase({a, b}, 2), 3u);
}

// However many places have the word, each is gone through once and nothing is kept of them.
TEST(CountSloppyPhrase, TakesLongTextsOfOneWord) {
  std::vector<uint32_t> positions(200'000);
  for (uint32_t i = 0; i < positions.size(); ++i) positions[i] = i;
  std::vector<PhrasePositions> terms;
  for (uint32_t i = 0; i < 64; ++i)
    terms.push_back({.term = 0, .offset = i, .positions = positions});
  EXPECT_EQ(CountSloppyPhrase(terms, 1), positions.size() - 62) << "also one before the first";
}

TEST(CountSloppyPhrase, TakesEachPositionOnce) {
  const PhrasePositions a{.term = 0, .offset = 0, .positions = {1, 5, 9}};
  const PhrasePositions b{.term = 1, .offset = 1, .positions = {2, 8, 10}};
  EXPECT_EQ(CountSloppyPhrase({a, b}, 2), 3u);
  const PhrasePositions again{.term = 0, .offset = 1, .positions = {1, 5, 9}};
  EXPECT_EQ(CountSloppyPhrase({a, again}, 1), 0u);
  EXPECT_EQ(CountSloppyPhrase({a, again}, 3), 2u);
}

std::string Marked(const TestIndex& index, std::string_view query, std::string_view text,
                   const SnippetOptions& options = {}) {
  Analyzer analyzer(index->manifest().analysis);
  return ToString(MakeSnippet(text, TermsToMark(*PlanFor(*index, query)), &analyzer, options), "[",
                  "]");
}

TEST(Search, ChineseIsFoundInBothForms) {
  const std::vector<TestIndex::Documents> segments = {
      {Document("hant", "", "圖書館裡有機器學習的書"),
       Document("hans", "", "图书馆里有机器学习的书")}};
  for (const std::string query :
       {"圖書館", "图书馆", "\"機器學習\"", "\"机器学习\"", "機器*", "机器*"}) {
    EXPECT_EQ(TestIndex(segments).Ids(query).size(), 2u) << query;
    // An index from before answers as it did.
    EXPECT_EQ(TestIndex(segments, {}, {.analysis = {.version = 0}}).Ids(query).size(), 1u) << query;
  }
  EXPECT_EQ(Marked(TestIndex(segments), "图书馆", "在圖書館裡"), "在[圖書館]裡");
}

TEST(Snippet, ShowsThePassageWithMostOfTheQuery) {
  const TestIndex index = Library();
  std::string text = "Free as in beer. ";
  for (int i = 0; i < 100; ++i) text += "Nothing to see here. ";
  text += "Here is free\n\n   software, and more free software. ";
  for (int i = 0; i < 100; ++i) text += "Nothing to see here. ";
  const std::string snippet = Marked(index, "free software -charge", text, {.max_bytes = 80});
  EXPECT_THAT(snippet, HasSubstr("Here is [free] [software], and more [free] [software]."));
  EXPECT_TRUE(snippet.starts_with("…") && snippet.ends_with("…")) << snippet;
  EXPECT_LE(snippet.size(), 80u + 8 + 6);
}

// However far the text was looked at when they were all seen.
TEST(Snippet, MarksEveryMatchThatItShows) {
  const TestIndex index = Library();
  for (size_t before = 1900; before < 2100; before += 7) {
    std::string text(before, '.');
    for (int i = 0; i < 20; ++i) text += " free software";
    const std::string snippet = Marked(index, "free software", text, {.max_bytes = 100});
    EXPECT_THAT(snippet, HasSubstr("[free] [software] [free] [software] [free] [software]"));
    EXPECT_THAT(snippet, Not(HasSubstr(" free")));
    EXPECT_THAT(snippet, Not(HasSubstr(" software")));
  }
}

// Also where the text is taken in pieces, and has no blanks to cut it at.
TEST(Snippet, MarksPairsWhereverTheyStand) {
  const TestIndex index = Library();
  for (size_t before = 660; before < 700; ++before) {
    std::string text;
    for (size_t i = 0; i < before; ++i) text += "光";
    text += "明月";
    for (size_t i = 0; i < 1000; ++i) text += "光";
    EXPECT_THAT(Marked(index, "明月", text), HasSubstr("光[明月]光")) << before;
  }
}

TEST(Snippet, TakesAnyText) {
  const TestIndex index = Library();
  EXPECT_EQ(Marked(index, "free", ""), "");
  EXPECT_EQ(Marked(index, "free", "no match here"), "no match here");
  EXPECT_EQ(Marked(index, "fre*", "Freedom <b>"), "[Freedom] <b>");
  EXPECT_EQ(Marked(index, "明月", "床前明月光"), "床前[明月]光");
  EXPECT_EQ(Marked(index, "明月光", "床前明月光"), "床前[明月光]");
  std::string run;
  for (int i = 0; i < 1000; ++i) run += "光";
  const std::string snippet = Marked(index, "明月", run, {.max_bytes = 100});
  EXPECT_LE(snippet.size(), 110u);
  EXPECT_TRUE(snippet.ends_with("光…")) << snippet;
}

}  // namespace
}  // namespace quern::search
