#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "jobs/search/inverted/query.h"
#include "jobs/search/inverted/sorted_lines.h"

namespace quern::inverted {
namespace {

using ::testing::ElementsAre;

SortedLines Over(const std::string& text) {
  return SortedLines(
      [&text](uint64_t offset, size_t n) -> absl::StatusOr<std::string> {
        return text.substr(std::min<size_t>(offset, text.size()), n);
      },
      text.size());
}

std::vector<std::string> Find(const std::string& text, std::string_view key) {
  std::vector<std::string> found;
  SortedLines lines = Over(text);
  const absl::Status status = lines.ForEach(key, [&](std::string_view rest) {
    found.emplace_back(rest);
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  return found;
}

TEST(SortedLines, FindsEveryKeyOfRandomFiles) {
  std::mt19937 random(7);
  for (int round = 0; round < 30; ++round) {
    std::map<std::string, std::vector<std::string>> model;
    for (int i = 0; i < 300; ++i) {
      const std::string key = std::to_string(random() % 100);
      model[key].push_back(std::string(random() % 2000, 'x') + std::to_string(i));
    }
    std::string text;
    for (const auto& [key, rests] : model) {
      for (const std::string& rest : rests) text += key + '\t' + rest + '\n';
    }
    for (int key = 0; key < 100; ++key) {
      EXPECT_EQ(Find(text, std::to_string(key)), model[std::to_string(key)]);
    }
    EXPECT_TRUE(Find(text, "").empty());
    EXPECT_TRUE(Find(text, "zzz").empty());
  }
}

TEST(SortedLines, TakesALastLineWithoutLineFeedAndAnEmptyFile) {
  EXPECT_THAT(Find("a\t1\nb\t2", "b"), ElementsAre("2"));
  EXPECT_TRUE(Find("", "b").empty());
}

TEST(SortedLines, SaysWhenTheFileIsShorterThanPromised) {
  SortedLines lines([](uint64_t, size_t) -> absl::StatusOr<std::string> { return std::string(); },
                    100);
  EXPECT_EQ(lines.ForEach("a", [](std::string_view) { return absl::OkStatus(); }).code(),
            absl::StatusCode::kDataLoss);
}

Postings Of(std::initializer_list<std::string_view> lines) {
  Postings postings;
  for (const std::string_view line : lines) EXPECT_TRUE(AddPosting(line, &postings).ok());
  return postings;
}

TEST(Query, CutsTermsAsTheIndexDoes) {
  EXPECT_THAT(QueryTerms("Free, SOFTWARE-2 中文 “don’t”"),
              ElementsAre(QueryTerm{"free"}, QueryTerm{"software"}, QueryTerm{"2"}, QueryTerm{"中"},
                          QueryTerm{"文", true}, QueryTerm{"don"}, QueryTerm{"t"}));
  EXPECT_TRUE(QueryTerms(" -- — ").empty());
}

std::vector<QueryTerm> Words(size_t count) { return std::vector<QueryTerm>(count); }

TEST(Query, CharactersOfOneWordStandTogether) {
  const std::vector<QueryTerm> query = {{"中"}, {"文", true}, {"cat"}};
  const std::vector<Postings> terms = {Of({"a\t1,5", "b\t1"}), Of({"a\t2", "b\t9"}),
                                       Of({"a\t0", "b\t2"})};
  const std::vector<Hit> hits = Match(query, terms, false);
  ASSERT_EQ(hits.size(), 1u);
  EXPECT_EQ(hits[0].document, "a");
  EXPECT_EQ(hits[0].occurrences, 2u);
}

TEST(Query, RecordsOfOneNameAreNotMixedUp) {
  const std::vector<Postings> terms = {Of({"d1\t0\tAAAA", "d2\t0\tCCCC"}),
                                       Of({"d1\t1\tBBBB", "d2\t1\tCCCC"})};
  const std::vector<Hit> hits = Match(Words(2), terms, true);
  ASSERT_EQ(hits.size(), 1u);
  EXPECT_EQ(hits[0].document, "d2");
}

TEST(Query, WantsEveryTermAndRanksByOccurrences) {
  const std::vector<Postings> terms = {Of({"a\t1,2", "b\t7"}), Of({"a\t9", "b\t1,2,3", "c\t0"})};
  const std::vector<Hit> hits = Match(Words(2), terms, false);
  ASSERT_EQ(hits.size(), 2u);
  EXPECT_EQ(hits[0].document, "b");
  EXPECT_EQ(hits[0].occurrences, 4u);
  EXPECT_EQ(hits[1].document, "a");
}

TEST(Query, PhraseNeedsNeighbours) {
  const std::vector<Postings> terms = {Of({"a\t1,5", "b\t7"}), Of({"a\t6", "b\t9"})};
  const std::vector<Hit> hits = Match(Words(2), terms, true);
  ASSERT_EQ(hits.size(), 1u);
  EXPECT_EQ(hits[0].document, "a");
  EXPECT_EQ(hits[0].occurrences, 1u);
}

// A record that the input has twice has two lines with the same tag, and lines are in no order.
TEST(Query, LinesOfOneRecordAreOne) {
  const Postings postings = Of({"d\t7,9\tAAAA", "d\t2,4\tAAAA", "d\t2,4\tAAAA", "d\t11\tAAAA"});
  ASSERT_EQ(postings.size(), 1u);
  EXPECT_THAT(postings.begin()->second, ElementsAre(2u, 4u, 7u, 9u, 11u));
  const std::vector<Hit> hits =
      Match(Words(2), {postings, Of({"d\t3,5\tAAAA", "d\t3,5\tAAAA"})}, true);
  ASSERT_EQ(hits.size(), 1u);
  EXPECT_EQ(hits[0].occurrences, 2u);
}

TEST(SortedLines, TellsItsFirstLine) {
  const auto first = [](const std::string& text) { return Over(text).FirstLine(); };
  EXPECT_EQ(*first("a\t1\nb\t2\n"), "a\t1");
  EXPECT_EQ(*first("a\t1"), "a\t1");
  EXPECT_EQ(*first(""), std::nullopt);
  std::string long_line(100'000, 'x');
  long_line.push_back('\n');
  EXPECT_EQ(*first(long_line), std::nullopt) << "longer than is looked at";
}

TEST(Query, RefusesWhatAnotherJobHasMade) {
  EXPECT_TRUE(CheckFirstLine("free\ta.txt\t1,5").ok());
  EXPECT_TRUE(CheckFirstLine("free\ta.txt\t1,5\tAAAA").ok());
  EXPECT_TRUE(CheckFirstLine("free\t\t0").ok()) << "a document without a name";
  EXPECT_NE(CheckFirstLine(std::string("QSEG\2\0\0\0", 8)).ToString().find("quern-search query"),
            std::string::npos);
  for (const char* line : {"", "free", "free\t2", "{\"id\": \"a\"}", "free\ta.txt\tb"}) {
    EXPECT_EQ(CheckFirstLine(line).code(), absl::StatusCode::kFailedPrecondition) << line;
  }
}

TEST(Query, RefusesWhatIsNoPosting) {
  Postings postings;
  EXPECT_FALSE(AddPosting("no tab", &postings).ok());
  EXPECT_FALSE(AddPosting("doc\t1;2", &postings).ok());
}

}  // namespace
}  // namespace quern::inverted
