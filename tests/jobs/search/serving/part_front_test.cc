// Several machines that each serve some segments of an index answer as one that has all of them.
#include "jobs/search/serving/part_front.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "jobs/search/serving/part_messages.h"
#include "jobs/search/serving/search_pages.h"
#include "tests/jobs/search/query/index_fixture.h"
#include "tests/jobs/search/query/random_documents.h"

namespace quern::search {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A machine in this process. `ends` are what its questions end with, one after another; with
// nothing left they are answered.
struct FakeMachine {
  std::unique_ptr<SearchIndex> index;
  std::vector<absl::Status> ends{};
  std::unique_ptr<SearchIndex> later{};  // what it has from its second question on
  absl::Duration takes{};                // for each answer
  bool hangs = false;                    // until the time is over
  std::optional<std::string> garbage{};  // what it says instead
  SimulatedClock* clock = nullptr;
  std::vector<absl::Duration> timeouts{};  // that it was given
};

class FakeConnection final : public PartConnection {
 public:
  FakeConnection(std::string name, FakeMachine* machine)
      : name_(std::move(name)), machine_(machine) {}

  const std::string& name() const override { return name_; }
  absl::StatusOr<std::string> Ask(const std::string& request, absl::Duration timeout) override {
    const size_t asked = machine_->timeouts.size();
    machine_->timeouts.push_back(timeout);
    if (machine_->hangs) {
      machine_->clock->AdvanceTime(timeout);
      return absl::DeadlineExceededError("no answer in time");
    }
    if (machine_->clock != nullptr) machine_->clock->AdvanceTime(machine_->takes);
    if (asked < machine_->ends.size()) RETURN_IF_ERROR(machine_->ends[asked]);
    if (machine_->garbage.has_value()) return *machine_->garbage;
    const bool is_later = asked > 0 && machine_->later != nullptr;
    return AnswerPartRequest(is_later ? *machine_->later : *machine_->index, request);
  }

 private:
  const std::string name_;
  FakeMachine* const machine_;
};

class PartFrontTest : public RandomDocumentsTest {
 protected:
  FakeMachine* AddMachine(std::unique_ptr<SearchIndex> index) {
    machines_.push_back(std::make_unique<FakeMachine>());
    machines_.back()->index = std::move(index);
    return machines_.back().get();
  }
  // Named m0, m1, ...
  PartFront Front() {
    std::vector<std::unique_ptr<PartConnection>> parts;
    for (size_t i = 0; i < machines_.size(); ++i) {
      parts.push_back(std::make_unique<FakeConnection>(fmt::format("m{}", i), machines_[i].get()));
    }
    return PartFront(std::move(parts), {.clock = &clock_});
  }
  // Three segments with two documents each, `common` in all of them.
  static std::vector<TestIndex::Documents> ThreeSegments() {
    std::vector<TestIndex::Documents> segments(3);
    for (int i = 0; i < 6; ++i) {
      IndexedDocument document;
      document.id = fmt::format("d{}", i);
      document.text = fmt::format("common word{}", i);
      segments[static_cast<size_t>(i) / 2].push_back(document);
    }
    return segments;
  }
  static std::vector<std::string> IdsOf(const Answer& answer) {
    std::vector<std::string> ids;
    for (const AnswerHit& hit : answer.hits) ids.push_back(hit.hit.id);
    return ids;
  }
  static std::vector<std::string> ProblemsOf(const Answer& answer) {
    std::vector<std::string> problems;
    for (const PartProblem& problem : answer.parts->problems) {
      problems.push_back(fmt::format("{}: {}", problem.server, problem.what));
    }
    return problems;
  }

  SimulatedClock clock_;
  std::vector<std::unique_ptr<FakeMachine>> machines_;
};

TEST_F(PartFrontTest, SeveralMachinesAnswerAsOneDoes) {
  size_t hits_seen = 0;
  for (int round = 0; round < 4; ++round) {
    documents_.clear();
    deleted_.clear();
    machines_.clear();
    MakeDocuments(300);
    std::vector<TestIndex::Documents> segments(1 + Below(6));
    for (const IndexedDocument& document : documents_) {
      segments[Below(segments.size())].push_back(document);
    }
    const TestIndex one(segments, deleted_);
    // Some may have nothing to serve.
    std::vector<std::vector<uint32_t>> shares(1 + Below(4));
    for (uint32_t i = 0; i < segments.size(); ++i) shares[Below(shares.size())].push_back(i);
    for (const std::vector<uint32_t>& share : shares) AddMachine(one.Part(share));
    PartFront front = Front();
    for (int i = 0; i < 60; ++i) {
      const std::string query = Query(2);
      const size_t k = OneIn(4) ? 1000 : 1 + Below(12);
      const bool explain = OneIn(4);
      const absl::StatusOr<Answer> wanted = AnswerQuery(*one, query, {.k = k, .explain = explain});
      absl::StatusOr<Answer> got = front.Ask(query, k, explain);
      ASSERT_EQ(got.ok(), wanted.ok()) << query << ": " << got.status() << wanted.status();
      if (!got.ok()) continue;
      ASSERT_FALSE(got->parts->partial) << query;
      ASSERT_THAT(got->parts->problems, ::testing::IsEmpty()) << query;
      got->parts.reset();
      ASSERT_EQ(AnswerJson(query, *got), AnswerJson(query, *wanted)) << query << " k=" << k;
      for (size_t hit = 0; hit < got->hits.size(); ++hit) {
        ASSERT_EQ(got->hits[hit].hit.score, wanted->hits[hit].hit.score) << query;
        ASSERT_EQ(got->hits[hit].hit.segment, wanted->hits[hit].hit.segment) << query;
      }
      ASSERT_EQ(got->asks_nothing, wanted->asks_nothing) << query;
      hits_seen += got->hits.size();
    }
  }
  EXPECT_GT(hits_seen, 500u);
}

// Of words that are more than a query takes, too.
TEST_F(PartFrontTest, NearTermsOfPartsAreThoseOfAllSegments) {
  const FuzzyWord word{"w", 2, 0};
  for (int round = 0; round < 50; ++round) {
    std::map<std::string, FuzzyTerm> all;
    std::vector<QueryStatistics> parts(1 + Below(4));
    for (uint64_t i = Below(300); i > 0; --i) {
      const std::string text = fmt::format("t{:03}", i);
      const auto distance = static_cast<uint32_t>(Below(3));
      all[text] = {text, distance, 0};
      for (QueryStatistics& part : parts) {
        if (OneIn(3)) continue;
        const uint64_t frequency = 1 + Below(4);
        part.near[word].push_back({text, distance, frequency});
        all[text].document_frequency += frequency;
      }
      if (all[text].document_frequency == 0) all.erase(text);
    }
    std::vector<FuzzyTerm> terms;
    for (const auto& [text, term] : all) terms.push_back(term);
    const std::vector<FuzzyTerm> wanted = ChooseNear(terms, PlanLimits().max_fuzzy_terms);
    for (QueryStatistics& part : parts) {
      std::vector<FuzzyTerm>& near = part.near[word];
      near = KeepNear(std::move(near), PlanLimits().max_fuzzy_terms);
    }
    const QueryStatistics sum = AddUp(parts);
    const std::vector<FuzzyTerm>& got = sum.near.at(word);
    ASSERT_EQ(got.size(), wanted.size());
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].text, wanted[i].text) << i;
      ASSERT_EQ(got[i].document_frequency, wanted[i].document_frequency) << got[i].text;
      ASSERT_EQ(sum.FrequencyOf(0, got[i].text), got[i].document_frequency);
    }
  }
}

TEST_F(PartFrontTest, WhoDoesNotAnswerIsSaid) {
  const TestIndex one(ThreeSegments());
  AddMachine(one.Part({0, 2}));
  AddMachine(one.Part({1}))->ends = {absl::UnavailableError("nobody listens there")};
  const absl::StatusOr<Answer> answer = Front().Ask("common", 10, false);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(IdsOf(*answer), ElementsAre("d0", "d1", "d4", "d5"));
  EXPECT_TRUE(answer->parts->partial);
  EXPECT_THAT(ProblemsOf(*answer),
              ElementsAre("m1: nobody listens there", ": segment 1 of 3 was not searched"));
  EXPECT_THAT(AnswerJson("common", *answer),
              HasSubstr("\"partial\":true,\"generation\":1,\"problems\":[{\"server\":\"m1\","
                        "\"problem\":\"nobody listens there\"},{\"problem\":"));
}

// Statistics are there, and so are the scores those of the whole index.
TEST_F(PartFrontTest, WhoDiesBetweenTheTwoQuestionsIsSaid) {
  const TestIndex one(ThreeSegments());
  AddMachine(one.Part({0}))->ends = {absl::OkStatus(), absl::UnavailableError("Connection")};
  AddMachine(one.Part({1, 2}));
  const absl::StatusOr<Answer> answer = Front().Ask("word4", 10, false);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(ProblemsOf(*answer),
              ElementsAre("m0: Connection", ": segment 0 of 3 was not searched"));
  ASSERT_THAT(IdsOf(*answer), ElementsAre("d4"));
  EXPECT_EQ(answer->hits[0].hit.score, one.Hits("word4")[0].score);
}

// They are asked one after another here.
TEST_F(PartFrontTest, BothQuestionsHaveOneDeadline) {
  const TestIndex one(ThreeSegments());
  FakeMachine* const slow = AddMachine(one.Part({0, 1}));
  slow->clock = &clock_;
  slow->takes = absl::Milliseconds(800);
  FakeMachine* const other = AddMachine(one.Part({2}));
  const absl::StatusOr<Answer> answer = Front().Ask("common", 10, false);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_FALSE(answer->parts->partial);
  EXPECT_THAT(slow->timeouts, ElementsAre(absl::Seconds(1), absl::Milliseconds(1200)));
  EXPECT_THAT(other->timeouts, ElementsAre(absl::Milliseconds(200), absl::Milliseconds(400)));
}

TEST_F(PartFrontTest, OneThatHangsLeavesTimeForTheOthers) {
  const TestIndex one(ThreeSegments());
  FakeMachine* const other = AddMachine(one.Part({0, 1}));
  FakeMachine* const hung = AddMachine(one.Part({2}));
  hung->clock = &clock_;
  hung->hangs = true;
  const absl::StatusOr<Answer> answer = Front().Ask("common", 10, false);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(IdsOf(*answer), ElementsAre("d0", "d1", "d2", "d3"));
  EXPECT_THAT(ProblemsOf(*answer),
              ElementsAre("m1: no answer in time", ": segment 2 of 3 was not searched"));
  EXPECT_THAT(other->timeouts, ElementsAre(absl::Seconds(1), absl::Seconds(1)));
  EXPECT_THAT(hung->timeouts, ElementsAre(absl::Seconds(1)));
}

// Nor is the next query held up by it, until it is asked again.
TEST_F(PartFrontTest, OneThatHangsIsLeftOutForAWhile) {
  const TestIndex one(ThreeSegments());
  AddMachine(one.Part({0, 1}));
  FakeMachine* const hung = AddMachine(one.Part({2}));
  hung->clock = &clock_;
  hung->hangs = true;
  PartFront front = Front();
  ASSERT_TRUE(front.Ask("common", 10, false).ok());
  hung->hangs = false;
  const absl::StatusOr<Answer> without = front.Ask("common", 10, false);
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ(hung->timeouts.size(), 1u);
  EXPECT_THAT(ProblemsOf(*without),
              ElementsAre("m1: no answer in time; left out, and asked again in 1 s",
                          ": segment 2 of 3 was not searched"));
  clock_.AdvanceTime(absl::Seconds(1));
  const absl::StatusOr<Answer> with = front.Ask("common", 10, false);
  ASSERT_TRUE(with.ok()) << with.status();
  EXPECT_EQ(with->hits.size(), 6u);
  EXPECT_THAT(with->parts->problems, ::testing::IsEmpty());
}

// It comes back at once: asking it takes no time.
TEST_F(PartFrontTest, OneThatRefusesConnectionsIsAskedByEachQuery) {
  const TestIndex one(ThreeSegments());
  AddMachine(one.Part({0, 1}));
  AddMachine(one.Part({2}))->ends = {absl::UnavailableError("nobody listens there")};
  PartFront front = Front();
  ASSERT_TRUE(front.Ask("common", 10, false)->parts->partial);
  EXPECT_FALSE(front.Ask("common", 10, false)->parts->partial);
}

// A server of something else that answers whatever it is asked.
TEST_F(PartFrontTest, GarbageIsNoAnswer) {
  const TestIndex one(ThreeSegments());
  AddMachine(one.Part({0, 1, 2}))->garbage = "";
  const absl::StatusOr<Answer> empty = Front().Ask("common", 10, false);
  EXPECT_EQ(empty.status().message(),
            "no server of the index answers: m0: what it answers is nothing of quern-search serve");
  v1::PartAnswer beyond;
  beyond.mutable_part()->set_all_segments(2);
  beyond.mutable_part()->add_segments(2);
  machines_[0]->garbage = beyond.SerializeAsString();
  EXPECT_TRUE(absl::IsUnavailable(Front().Ask("common", 10, false).status()));
  machines_[0]->garbage = "<html>hello</html>";
  EXPECT_TRUE(absl::IsUnavailable(Front().Ask("common", 10, false).status()));
}

// What it says of the query is of its own fields.
TEST_F(PartFrontTest, OneWithOtherFieldsRefusesNothingForTheOthers) {
  const TestIndex one(ThreeSegments());
  AddMachine(one.Part({0, 1, 2}));
  const TestIndex other({ThreeSegments()[0]}, {}, {.fields = {"title"}});
  AddMachine(other.Part({0}));
  const absl::StatusOr<Answer> answer = Front().Ask("body:common", 10, false);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->hits.size(), 6u);
  EXPECT_THAT(ProblemsOf(*answer),
              ElementsAre("m1: serves another index than others, also of generation 1"));
}

TEST_F(PartFrontTest, SlowOnesAreLeftOut) {
  const TestIndex one(ThreeSegments());
  AddMachine(one.Part({0}))->ends = {absl::DeadlineExceededError("no answer in time")};
  AddMachine(one.Part({1}));
  AddMachine(one.Part({2}))->ends = {absl::OkStatus(),
                                     absl::DeadlineExceededError("no answer in time")};
  const absl::StatusOr<Answer> answer = Front().Ask("common", 10, false);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(IdsOf(*answer), ElementsAre("d2", "d3"));
  EXPECT_THAT(ProblemsOf(*answer), ElementsAre("m0: no answer in time", "m2: no answer in time",
                                               ": segments 0, 2 of 3 were not searched"));
}

TEST_F(PartFrontTest, AnAnswerIsOfOneGeneration) {
  const TestIndex one(ThreeSegments());
  AddMachine(one.Part({0}, 7));
  AddMachine(one.Part({1}, 8));
  AddMachine(one.Part({2}, 8));
  const absl::StatusOr<Answer> answer = Front().Ask("common", 10, false);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(IdsOf(*answer), ElementsAre("d2", "d3", "d4", "d5"));
  EXPECT_TRUE(answer->parts->partial);
  EXPECT_EQ(answer->parts->generation, 8u);
  EXPECT_THAT(ProblemsOf(*answer), ElementsAre("m0: serves generation 7 of the index, others 8",
                                               ": segment 0 of 3 was not searched"));
}

TEST_F(PartFrontTest, OneThatChangesItsIndexBetweenTheTwoQuestionsIsLeftOut) {
  const TestIndex one(ThreeSegments());
  AddMachine(one.Part({0, 1}));
  AddMachine(one.Part({2}))->later = one.Part({2}, 2);
  const absl::StatusOr<Answer> answer = Front().Ask("common", 10, false);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(ProblemsOf(*answer), ElementsAre("m1: its index has changed while it was asked",
                                               ": segment 2 of 3 was not searched"));
}

TEST_F(PartFrontTest, NoSegmentIsSearchedTwice) {
  const TestIndex one(ThreeSegments());
  AddMachine(one.Part({0, 1}));
  AddMachine(one.Part({1, 2}));
  AddMachine(one.Part({2}));
  AddMachine(one.Part({0, 1, 2}));
  const absl::StatusOr<Answer> answer = Front().Ask("common", 10, false);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(IdsOf(*answer), ElementsAre("d0", "d1", "d2", "d3", "d4", "d5"));
  EXPECT_FALSE(answer->parts->partial);
  EXPECT_THAT(ProblemsOf(*answer), ElementsAre("m1: serves segment 1, as m0 does"))
      << "the last one is spare";
}

TEST_F(PartFrontTest, ASpareTakesThePlaceOfOneThatDoesNotAnswer) {
  const TestIndex one(ThreeSegments());
  AddMachine(one.Part({0, 1, 2}))->ends = {absl::UnavailableError("gone")};
  AddMachine(one.Part({0, 1, 2}));
  const absl::StatusOr<Answer> answer = Front().Ask("common", 10, false);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->hits.size(), 6u);
  EXPECT_FALSE(answer->parts->partial);
  EXPECT_THAT(ProblemsOf(*answer), ElementsAre("m0: gone"));
}

TEST_F(PartFrontTest, WithoutAnyAnswerThereIsNone) {
  const TestIndex one(ThreeSegments());
  AddMachine(one.Part({0, 1}))->ends = {absl::UnavailableError("gone")};
  AddMachine(one.Part({2}))->ends = {absl::DeadlineExceededError("no answer in time")};
  const absl::StatusOr<Answer> answer = Front().Ask("common", 10, false);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(answer.status().message(),
            "no server of the index answers: m0: gone; m1: no answer in time");
}

TEST_F(PartFrontTest, AWrongQueryIsWrong) {
  const TestIndex one(ThreeSegments());
  AddMachine(one.Part({0, 1, 2}));
  const absl::StatusOr<Answer> answer = Front().Ask("a (b", 10, false);
  EXPECT_EQ(answer.status(), AnswerQuery(*one, "a (b", {}).status());
  EXPECT_TRUE(absl::IsInvalidArgument(answer.status()));
}

TEST_F(PartFrontTest, ThePageSaysThatDocumentsMayBeMissing) {
  const TestIndex one(ThreeSegments());
  AddMachine(one.Part({0}));
  AddMachine(one.Part({1, 2}));
  PartFront front = Front();
  Metrics metrics;
  SearchPages pages({.answerer = &front, .metrics = &metrics, .clock = &clock_});
  const auto get = [&](const std::string& path, const std::string& query) {
    HttpRequest request{.path = path};
    if (!query.empty()) request.params.emplace("q", query);
    for (const HttpRoute& route : pages.Routes()) {
      if (route.path == path) return route.handler(request);
    }
    return HttpResponse{.status = 404};
  };
  EXPECT_THAT(get("/", "").body, HasSubstr("6 documents in 3 segments."));
  EXPECT_THAT(get("/", "common").body, Not(HasSubstr("role=\"alert\"")));
  EXPECT_THAT(get("/search", "common").body, HasSubstr("\"partial\":false"));
  machines_[1]->ends.assign(20, absl::UnavailableError("<gone>"));
  const std::string page = get("/", "common").body;
  EXPECT_THAT(page, HasSubstr("Not all of the index was searched: documents may be missing."));
  EXPECT_THAT(page, HasSubstr("<li>m1: &lt;gone&gt;</li>"));
  EXPECT_THAT(get("/", "").body,
              HasSubstr("6 documents in 3 segments, of which 1 is served here."));
  machines_[0]->ends.assign(20, absl::UnavailableError("gone"));
  EXPECT_EQ(get("/search", "common").status, 503);
}

TEST(SegmentChoice, IsNumbersAndRanges) {
  const auto served = [](std::string_view text) {
    std::vector<size_t> segments;
    const auto choice = SegmentChoice::Parse(text);
    EXPECT_TRUE(choice.ok()) << text << ": " << choice.status();
    for (size_t i = 0; i < 10; ++i) {
      if (choice.ok() && choice->Has(i)) segments.push_back(i);
    }
    return segments;
  };
  EXPECT_THAT(served("0-2,5"), ElementsAre(0, 1, 2, 5));
  EXPECT_THAT(served("7-"), ElementsAre(7, 8, 9));
  EXPECT_THAT(served("3"), ElementsAre(3));
  EXPECT_TRUE(SegmentChoice().Has(1'000'000));
  for (const char* const wrong : {"", "a", "-3", "3-1", "1-2-3", "1..2", ","}) {
    EXPECT_FALSE(SegmentChoice::Parse(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace quern::search
