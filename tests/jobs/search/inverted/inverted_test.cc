// The records of an index of words, and queries over them, without a job.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <utility>

#include "jobs/search/indexing/partial_index.h"
#include "jobs/search/inverted/document_names.h"
#include "jobs/search/inverted/index_keys.h"
#include "jobs/search/inverted/name_block.h"
#include "jobs/search/inverted/posting_list.h"
#include "jobs/search/inverted/query.h"
#include "jobs/search/inverted/term_postings.h"
#include "mapreduce/engine/partitioners.h"
#include "tests/support/status_matchers.h"

namespace quern::inverted {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

using Positions = std::vector<uint32_t>;
// Of one map task: the positions in each of its documents.
using Documents = std::vector<std::pair<uint32_t, Positions>>;
using Table = std::map<std::string, std::string>;

uint32_t Below(std::mt19937* random, uint32_t limit) {
  return static_cast<uint32_t>((*random)() % limit);
}

std::string Chunk(const Documents& documents) {
  search::PartialIndex index;
  const uint32_t hash = search::PartialIndex::HashOf(0, "t");
  for (const auto& [doc, positions] : documents) {
    for (const uint32_t position : positions) index.Add({0, "t", doc, position}, hash);
  }
  std::string chunk;
  index.Drain(
      [&](search::FieldNumber, std::string_view, std::string_view bytes) { chunk = bytes; });
  return chunk;
}

// A list of the first map task alone.
std::string List(const Documents& documents) {
  std::string record;
  AppendChunk(0, Chunk(documents), &record);
  return record;
}

Lookup Of(const Table& table) {
  return [&table](std::string_view key, std::string* value) -> absl::StatusOr<bool> {
    const auto found = table.find(std::string(key));
    if (found == table.end()) return false;
    *value = found->second;
    return true;
  };
}

std::string KeyOf(std::string_view term, uint32_t number) {
  std::string key;
  MakeListKey(term, number, &key);
  return key;
}

TEST(Keys, ListsStandInTheOrderOfTheirTermsAndNamesBehindThem) {
  const std::vector<std::string> keys = {
      KeyOf("a", 0),     KeyOf("a", 1),       KeyOf("a", 255),         KeyOf("a", 256),
      KeyOf("aa", 0),    KeyOf("a\u0300", 0), KeyOf("\U0010fffd", 3),  NamesKey({0, 0}),
      NamesKey({0, 64}), NamesKey({1, 0}),    std::string(kSummaryKey)};
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), keys.size());
  EXPECT_EQ(NamesKey({7, 63}), NamesKey({7, 0}));
  EXPECT_EQ(TermOf(KeyOf("a", 256)), "a");
  EXPECT_TRUE(IsListKey(keys[6]));
  EXPECT_FALSE(IsListKey(keys[7]));
  EXPECT_TRUE(IsNamesKey(keys[7]));
  EXPECT_FALSE(IsNamesKey(kSummaryKey));
}

TEST(Keys, APartIsThatWhichTheEngineGivesTheTermTo) {
  const mr::HashPartitioner engine;
  std::map<uint32_t, size_t> parts;
  for (int i = 0; i < 3000; ++i) {
    const std::string term = "w" + std::to_string(i);
    const uint32_t part = PartOf(term, 7);
    ASSERT_EQ(engine.Partition(term, 7), part);
    ASSERT_EQ(PartOf(KeyOf(term, 5), 7), part);
    ASSERT_EQ(PartOf(NamesKey({1, 64}), 7), engine.Partition(NamesKey({1, 64}), 7));
    ASSERT_EQ(PartOf(term, 1), 0u);
    ++parts[part];
  }
  EXPECT_EQ(parts.size(), 7u);
  EXPECT_EQ(parts.rbegin()->first, 6u);
}

TEST(Summary, IsReadAsItWasWritten) {
  const auto summary = ReadSummary(MakeSummary({.analysis = 1, .part = 300, .parts = 5000}));
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->version, Summary::kVersion);
  EXPECT_EQ(summary->analysis, 1u);
  EXPECT_EQ(summary->part, 300u);
  EXPECT_EQ(summary->parts, 5000u);
}

TEST(Summary, OfALaterVersionTheVersionIsReadAndOfOtherBytesNothing) {
  const std::string later = "QINV\x02 whatever it is then";
  ASSERT_TRUE(ReadSummary(later).has_value());
  EXPECT_EQ(ReadSummary(later)->version, 2u);
  const std::string good = MakeSummary({.part = 1, .parts = 2});
  for (const std::string& bad :
       {std::string(), std::string("QINV"), "x" + good, good + "x", good.substr(0, good.size() - 1),
        MakeSummary({.part = 2, .parts = 2})}) {
    EXPECT_FALSE(ReadSummary(bad).has_value()) << bad;
  }
}

TEST(Names, AreFoundByTheirNumber) {
  NameBlock block;
  const std::vector<std::string> names = {"/doc/a",  "/doc/ab",         "",
                                          "/doc/ab", "Stra\u00dfe\t\n", "\xff"};
  for (const std::string& name : names) block.Add(name);
  EXPECT_EQ(block.names(), names.size());
  for (uint32_t i = 0; i < names.size(); ++i) EXPECT_EQ(NameInBlock(block.bytes(), i), names[i]);
  EXPECT_EQ(NameInBlock(block.bytes(), 6), std::nullopt);
  EXPECT_EQ(NameInBlock(block.bytes().substr(0, 3), 0), std::nullopt) << "cut";
  EXPECT_EQ(NameInBlock(std::string("\x05\x01x"), 0), std::nullopt) << "shares what is not there";
  block.Clear();
  block.Add("/doc/abc");
  EXPECT_EQ(NameInBlock(block.bytes(), 0), "/doc/abc") << "of a block that begins anew";
}

TEST(Names, LongOnesAreCutBetweenCharacters) {
  NameBlock block;
  block.Add(std::string(kMaxNameBytes - 1, 'a') + "\u00e4");
  EXPECT_EQ(NameInBlock(block.bytes(), 0), std::string(kMaxNameBytes - 1, 'a'));
}

TEST(Names, OfADocumentThatIsNotThereAreDamage) {
  NameBlock block;
  for (int i = 0; i < 3; ++i) block.Add("d" + std::to_string(i));
  const Table table = {{NamesKey({2, 64}), block.bytes()}};
  DocumentNames names(Of(table));
  ASSERT_OK_AND_ASSIGN(const std::string name, names.Find({2, 66}));
  EXPECT_EQ(name, "d2");
  EXPECT_THAT(names.Find({2, 67}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("document 67 of map task 2")));
  EXPECT_THAT(names.Find({3, 66}), StatusIs(absl::StatusCode::kDataLoss));
}

// What a list gives: task, document, positions.
std::vector<std::pair<DocumentNumber, Positions>> Read(const Table& table, std::string term) {
  std::vector<std::pair<DocumentNumber, Positions>> all;
  TermPostings postings(Of(table), std::move(term));
  for (DocumentNumber least;; least = {all.back().first.task, all.back().first.document + 1}) {
    const auto found = postings.Seek(least);
    EXPECT_TRUE(found.ok()) << found.status();
    if (!found.ok() || !*found) return all;
    all.emplace_back(postings.document(), postings.positions());
  }
}

TEST(TermPostings, GiveEveryDocumentOfAnyNumberOfTasksAndRecords) {
  std::mt19937 random(7);
  std::vector<std::pair<DocumentNumber, Positions>> want;
  Table table;
  std::string record;
  uint32_t records = 0;
  for (uint32_t task = 0; task < 300; task += 1 + Below(&random, 3)) {
    Documents documents;
    for (uint32_t doc = Below(&random, 3); doc < 300; doc += 1 + Below(&random, 200)) {
      Positions positions = {Below(&random, 500)};
      for (uint32_t i = Below(&random, 6000); i > 0; --i) {
        positions.push_back(positions.back() + 1 + Below(&random, 100'000));
      }
      want.push_back({{task, doc}, positions});
      documents.emplace_back(doc, std::move(positions));
    }
    if (documents.empty()) continue;
    // As the job closes records.
    if (record.size() >= kFullRecordBytes) table[KeyOf("t", records++)] = std::exchange(record, "");
    AppendChunk(task, Chunk(documents), &record);
  }
  table[KeyOf("t", records)] = record;
  ASSERT_GE(records, 2u);
  table["tt"] = List({{1, {1}}});
  EXPECT_EQ(Read(table, "t"), want);
  EXPECT_TRUE(Read(table, "s").empty());
}

TEST(TermPostings, GoOnBehindAFullRecord) {
  Documents many;
  for (uint32_t doc = 0; doc < 400'000; ++doc) many.emplace_back(doc, Positions{doc, doc + 200});
  std::string first = List(many);
  ASSERT_GE(first.size(), kFullRecordBytes);
  std::string second;
  AppendChunk(9, Chunk({{5, {6}}}), &second);
  const Table table = {{"t", first}, {KeyOf("t", 1), second}};
  TermPostings postings(Of(table), "t");
  const auto finds = [&postings](DocumentNumber least) {
    const auto found = postings.Seek(least);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() && *found;
  };
  EXPECT_TRUE(finds({0, 399'999}));
  EXPECT_THAT(postings.positions(), ElementsAre(399'999u, 400'199u));
  EXPECT_TRUE(finds({0, 400'000}));
  EXPECT_EQ(postings.document(), (DocumentNumber{9, 5}));
  EXPECT_TRUE(finds({9, 5})) << "where it is";
  EXPECT_FALSE(finds({9, 6}));
  EXPECT_FALSE(finds({9, 6}));
}

// A document that is too large for memory has several chunks.
TEST(TermPostings, ADocumentOfSeveralChunksIsOne) {
  std::string record = List({{3, {1, 2}}, {4, {7}}});
  AppendChunk(0, Chunk({{4, {9, 11}}}), &record);
  AppendChunk(0, Chunk({{4, {12}}, {5, {0}}}), &record);
  EXPECT_THAT(Read({{"t", record}}, "t"),
              ElementsAre(Pair(DocumentNumber{0, 3}, ElementsAre(1u, 2u)),
                          Pair(DocumentNumber{0, 4}, ElementsAre(7u, 9u, 11u, 12u)),
                          Pair(DocumentNumber{0, 5}, ElementsAre(0u))));
}

TEST(TermPostings, SayWhatIsDamaged) {
  const std::string good = List({{3, {1, 200}}, {900, {7}}});
  std::string backwards = List({{3, {1}}});
  AppendChunk(0, Chunk({{2, {1}}}), &backwards);
  std::string again = List({{3, {5}}});
  AppendChunk(0, Chunk({{3, {5}}}), &again);
  std::string without_documents;
  AppendChunk(0, "", &without_documents);
  std::string without_positions;
  AppendChunk(0, std::string("\x03\0", 2), &without_positions);
  std::string large_document;
  AppendChunk(0, std::string("\xff\xff\xff\xff\x0f\x01\0", 7), &large_document);
  for (const std::string& bad :
       {good.substr(0, good.size() - 1), good + "\x80", backwards, again, without_documents,
        without_positions, large_document, std::string("no list at all")}) {
    const Table table = {{"word", bad}};
    TermPostings postings(Of(table), "word");
    absl::StatusOr<bool> found = true;
    for (int i = 0; i < 5 && found.ok(); ++i) {
      found = postings.Seek({0, i == 0 ? 0 : postings.document().document + 1});
    }
    EXPECT_THAT(found,
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("list of 'word' is damaged")))
        << ::testing::PrintToString(bad);
  }
}

TEST(PostingListReader, TakesAnyBytes) {
  std::mt19937 random(11);
  const std::string good = List({{3, {1, 200}}, {900, {7}}, {901, {1, 2, 3}}});
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    for (uint32_t i = 1 + Below(&random, 3); i > 0; --i) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    bytes.resize(random() % (bytes.size() + 1));
    PostingListReader reader(bytes);
    size_t documents = 0;
    Positions positions;
    while (reader.Next()) {
      static_cast<void>(reader.ReadPositions(&positions));
      ASSERT_LE(++documents, bytes.size());
    }
    ASSERT_LE(positions.size(), bytes.size());
  }
}

TEST(Query, CutsAndFoldsTermsAsTheJobDoes) {
  EXPECT_THAT(QueryTerms("Free, SOFTWARE-2 \u201cdon\u2019t\u201d"),
              ElementsAre(QueryTerm{"free", 0}, QueryTerm{"software", 1}, QueryTerm{"2", 2},
                          QueryTerm{"don", 3}, QueryTerm{"t", 4}));
  EXPECT_THAT(
      QueryTerms("\u00c4PFEL Stra\u00dfe \uff26\uff35\uff2c\uff2c"),
      ElementsAre(QueryTerm{"\u00e4pfel", 0}, QueryTerm{"strasse", 1}, QueryTerm{"full", 2}));
  EXPECT_THAT(QueryTerms("中文字 和"),
              ElementsAre(QueryTerm{"中文", 0}, QueryTerm{"文字", 1, true}, QueryTerm{"和", 2}));
  EXPECT_THAT(QueryTerms(std::string(100, 'x') + " behind"), ElementsAre(QueryTerm{"behind", 1}));
  EXPECT_TRUE(QueryTerms(" -- \u2014 ").empty());
}

// Words one behind the other, of which none is joined.
std::vector<QueryTerm> Words(uint32_t count) {
  std::vector<QueryTerm> words(count);
  for (uint32_t i = 0; i < count; ++i) words[i].position = i;
  return words;
}

Hits Found(const std::vector<QueryTerm>& query, const std::vector<std::string>& lists,
           const MatchOptions& options) {
  Table table;
  std::deque<TermPostings> postings;
  for (size_t i = 0; i < lists.size(); ++i) {
    table[std::to_string(i)] = lists[i];
    postings.emplace_back(Of(table), std::to_string(i));
  }
  auto hits = Match(query, &postings, options);
  EXPECT_TRUE(hits.ok()) << hits.status();
  return hits.ok() ? *std::move(hits) : Hits();
}

std::vector<std::pair<uint32_t, uint64_t>> DocumentsOf(const Hits& hits) {
  std::vector<std::pair<uint32_t, uint64_t>> documents;
  for (const Hit& hit : hits.best) documents.emplace_back(hit.document.document, hit.occurrences);
  return documents;
}

TEST(Query, PairsOfOneWordStandTogether) {
  const std::vector<QueryTerm> query = {{"中文", 0}, {"文字", 1, true}, {"cat", 2}};
  const Hits hits = Found(
      query,
      {List({{1, {1, 5}}, {2, {1}}}), List({{1, {2}}, {2, {9}}}), List({{1, {0}}, {2, {2}}})}, {});
  EXPECT_THAT(DocumentsOf(hits), ElementsAre(Pair(1u, 2u)));
}

TEST(Query, WantsEveryTermAndRanksByOccurrences) {
  const Hits hits = Found(
      Words(2),
      {List({{1, {1, 2}}, {2, {7}}, {5, {1}}}), List({{1, {9}}, {2, {1, 2, 3}}, {3, {0}}})}, {});
  EXPECT_THAT(DocumentsOf(hits), ElementsAre(Pair(2u, 4u), Pair(1u, 3u)));
  EXPECT_EQ(hits.documents, 2u);
}

TEST(Query, OfManyHitsTheBestAreKeptAndAllAreCounted) {
  Documents documents;
  for (uint32_t doc = 0; doc < 1000; ++doc) {
    documents.emplace_back(doc, doc % 100 == 7 ? Positions{1, 2} : Positions{1});
  }
  const Hits hits = Found(Words(1), {List(documents)}, {.limit = 12});
  EXPECT_EQ(hits.documents, 1000u);
  ASSERT_EQ(hits.best.size(), 12u);
  EXPECT_EQ(hits.best[0].document, (DocumentNumber{0, 7}));
  EXPECT_EQ(hits.best[9].document, (DocumentNumber{0, 907}));
  EXPECT_EQ(hits.best[10].document, (DocumentNumber{0, 0}));
  EXPECT_EQ(hits.best[11].document, (DocumentNumber{0, 1}));
}

TEST(Query, PhraseNeedsNeighbours) {
  const std::vector<std::string> lists = {List({{1, {1, 5}}, {2, {7}}}),
                                          List({{1, {6}}, {2, {9}}})};
  EXPECT_THAT(DocumentsOf(Found(Words(2), lists, {.phrase = true})), ElementsAre(Pair(1u, 1u)));
  // A word that no index has, since it is too long, keeps its place.
  const std::vector<QueryTerm> with_gap = {{"a", 0}, {"b", 2}};
  EXPECT_THAT(DocumentsOf(Found(with_gap, lists, {.phrase = true})), ElementsAre(Pair(2u, 1u)));
}

TEST(Query, AgreesWithAScanOfRandomDocuments) {
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    // texts[doc][place] is one of three terms, or none.
    std::vector<std::vector<uint32_t>> texts(40);
    std::vector<Documents> lists(3);
    for (uint32_t doc = 0; doc < texts.size(); ++doc) {
      for (uint32_t i = Below(&random, 30); i > 0; --i) texts[doc].push_back(Below(&random, 4));
      for (uint32_t term = 0; term < 3; ++term) {
        Positions positions;
        for (uint32_t at = 0; at < texts[doc].size(); ++at) {
          if (texts[doc][at] == term) positions.push_back(at);
        }
        if (!positions.empty()) lists[term].emplace_back(doc, positions);
      }
    }
    std::map<uint32_t, uint64_t> want;
    for (uint32_t doc = 0; doc < texts.size(); ++doc) {
      const std::vector<uint32_t>& text = texts[doc];
      for (size_t at = 0; at + 3 <= text.size(); ++at) {
        if (text[at] == 0 && text[at + 1] == 1 && text[at + 2] == 2) ++want[doc];
      }
    }
    const Hits hits =
        Found(Words(3), {List(lists[0]), List(lists[1]), List(lists[2])}, {.phrase = true});
    std::map<uint32_t, uint64_t> got;
    for (const auto& [document, count] : DocumentsOf(hits)) got[document] = count;
    ASSERT_EQ(got, want);
  }
}

}  // namespace
}  // namespace quern::inverted
