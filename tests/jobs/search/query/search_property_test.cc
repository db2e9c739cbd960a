// What is found, and with what score to the last bit, is what a look at every document finds.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "jobs/search/query/scoring.h"
#include "tests/jobs/search/query/index_fixture.h"
#include "tests/jobs/search/query/random_documents.h"
#include "tests/jobs/search/query/scan.h"

namespace quern::search {
namespace {

class SearchPropertyTest : public RandomDocumentsTest {
 protected:
  // `all`: what the query finds when nothing is passed over.
  static void ExpectTheFirst(const TestIndex& index, const std::string& query, size_t k,
                             const std::vector<SearchHit>& all) {
    const std::vector<SearchHit> got = index.Hits(query, k);
    ASSERT_EQ(got.size(), std::min(k, all.size())) << query;
    for (size_t hit = 0; hit < got.size(); ++hit) {
      ASSERT_EQ(got[hit].id, all[hit].id) << query << " k=" << k << " hit " << hit;
      ASSERT_EQ(got[hit].score, all[hit].score) << query << " k=" << k << " hit " << hit;
    }
  }
};

TEST_F(SearchPropertyTest, TheBestAreThoseThatAScanFinds) {
  size_t hits_seen = 0;
  for (int round = 0; round < 3; ++round) {
    documents_.clear();
    deleted_.clear();
    MakeDocuments(round == 0 ? 20 : 400);
    std::vector<TestIndex::Documents> segments(1 + Below(3));
    for (const IndexedDocument& document : documents_) {
      segments[Below(segments.size())].push_back(document);
    }
    const TestIndex index(segments, deleted_);
    for (int i = 0; i < 100; ++i) {
      const std::string query = Query(2);
      const size_t k = OneIn(4) ? 1000 : 1 + Below(12);
      const std::vector<ScannedHit> wanted = Scan(documents_, deleted_, query, k);
      const std::vector<SearchHit> got = index.Hits(query, k);
      ASSERT_EQ(got.size(), wanted.size()) << query << " k=" << k;
      for (size_t hit = 0; hit < got.size(); ++hit) {
        ASSERT_EQ(got[hit].id, wanted[hit].id) << query << " k=" << k << " hit " << hit;
        ASSERT_EQ(got[hit].score, wanted[hit].score) << query << " k=" << k << " hit " << hit;
      }
      hits_seen += got.size();
    }
  }
  EXPECT_GT(hits_seen, 1000u);
}

// The best blocks of a word that is alone are looked at first; what is deleted or excluded there
// must not hide the others.
TEST_F(SearchPropertyTest, TheBestOfOneCommonWordAreThoseOfAllOfThem) {
  MakeDocuments(9000);
  std::vector<TestIndex::Documents> segments(2);
  for (const IndexedDocument& document : documents_) segments[OneIn(8)].push_back(document);
  const TestIndex index(segments, deleted_);
  for (int word = 0; word < 8; ++word) {
    for (const std::string rest : {"", " -w1", " -title:w2", " lang:en", " -\"w0 w1\""}) {
      const std::string query = fmt::format("{}body:w{}{}", OneIn(2) ? "+" : "", word, rest);
      const std::vector<SearchHit> all = index.Hits(query, kMaxHits);
      for (const size_t k : {1u, 10u, 300u}) {
        ExpectTheFirst(index, query, k, all);
        if (HasFatalFailure()) return;
      }
    }
  }
}

// With long lists, so that blocks and windows are passed over.
TEST_F(SearchPropertyTest, SkippingBlocksLosesNothing) {
  MakeDocuments(9000);
  std::vector<TestIndex::Documents> segments(2);
  for (const IndexedDocument& document : documents_) {
    segments[OneIn(8)].push_back(document);
  }
  const TestIndex index(segments, deleted_);
  for (int i = 0; i < 40; ++i) {
    std::string query = Word();
    for (uint64_t n = Below(4); n > 0; --n) query += (OneIn(3) ? " +" : " ") + Word();
    if (OneIn(4)) query += " lang:en";
    if (OneIn(4)) query += " -" + Word();
    const size_t k = 1 + Below(20);
    // All of them are asked for, nothing is passed over.
    const std::vector<SearchHit> all = index.Hits(query, kMaxHits);
    ExpectTheFirst(index, query, k, all);
    if (HasFatalFailure()) return;
  }
}

// Where phrases stand is read of the documents that may be among the best, as far as need be.
TEST_F(SearchPropertyTest, TheBestOfCommonPhrasesAreThoseOfAllOfThem) {
  MakeDocuments(9000);
  std::vector<TestIndex::Documents> segments(2);
  for (const IndexedDocument& document : documents_) segments[OneIn(8)].push_back(document);
  const TestIndex index(segments, deleted_);
  const auto phrase = [&] {
    std::string words = fmt::format("\"w{} w{}", Below(4), Below(4));
    if (OneIn(3)) words += fmt::format(" w{}", Below(4));
    return words + (OneIn(3) ? fmt::format("\"~{}", 1 + Below(3)) : "\"");
  };
  size_t hits_seen = 0;
  for (int i = 0; i < 60; ++i) {
    std::string query = OneIn(2) ? phrase() : "body:" + phrase();
    if (OneIn(4)) query = fmt::format("+{} {}", query, OneIn(2) ? Word() : phrase());
    if (OneIn(4)) query += fmt::format(" (title:{} body:{})", phrase(), phrase());
    const std::vector<SearchHit> all = index.Hits(query, kMaxHits);
    for (const size_t k : {size_t{1}, size_t{10}, 1 + Below(100)}) {
      ExpectTheFirst(index, query, k, all);
      if (HasFatalFailure()) return;
      hits_seen += std::min(k, all.size());
    }
  }
  EXPECT_GT(hits_seen, 1000u);
}

TEST_F(SearchPropertyTest, TheFrequencyForAScoreIsNotAboveThatOfTheScore) {
  for (int i = 0; i < 100'000; ++i) {
    const float weight = static_cast<float>(1 + Below(1 << 29));
    const float norm = static_cast<float>(1 + Below(5'000'000)) / 1e6f;
    const auto frequency = static_cast<uint32_t>(1 + Below(OneIn(3) ? 5 : 100'000));
    const Score score = ScorePart(weight, frequency, norm);
    const uint32_t wanted = FrequencyFor(weight, score, norm);
    ASSERT_LE(wanted, frequency) << weight << " " << norm;
    if (weight > 1e6f && frequency <= 5) {
      ASSERT_GE(wanted + 1, frequency) << weight << " " << norm;
    }
  }
}

TEST_F(SearchPropertyTest, ScoresDoNotDependOnHowManySegmentsThereAre) {
  MakeDocuments(300);
  const TestIndex one({documents_}, deleted_);
  std::vector<TestIndex::Documents> segments(4);
  for (const IndexedDocument& document : documents_) segments[Below(4)].push_back(document);
  const TestIndex four(segments, deleted_);
  for (int i = 0; i < 100; ++i) {
    const std::string query = Query(1);
    const std::vector<SearchHit> a = one.Hits(query, 30);
    const std::vector<SearchHit> b = four.Hits(query, 30);
    ASSERT_EQ(a.size(), b.size()) << query;
    for (size_t hit = 0; hit < a.size(); ++hit) {
      ASSERT_EQ(a[hit].id, b[hit].id) << query;
      ASSERT_EQ(a[hit].score, b[hit].score) << query;
    }
  }
}

}  // namespace
}  // namespace quern::search
