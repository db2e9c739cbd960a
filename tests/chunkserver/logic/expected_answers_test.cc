#include "chunkserver/logic/expected_answers.h"

#include <deque>
#include <vector>

#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::chunkserver {
namespace {

using ::testing::HasSubstr;
using Ack = ExpectedAnswers::Ack;
using Expected = ExpectedAnswers::Expected;
using Kind = ExpectedAnswers::Kind;

absl::Time Moment(int64_t seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

constexpr ServerId kNextServer{2};
constexpr ServerId kLastServer{3};

TEST(ExpectedAnswers, TellsWhatDoesNotFit) {
  struct Row {
    Kind expected, kind;
    std::vector<Ack> acks;
    absl::StatusCode code;
    const char* message;
  };
  const Row rows[] = {
      {Kind::kOpen, Kind::kOpen, {{kNextServer, 7}, {kLastServer, 7}}, absl::StatusCode::kOk, ""},
      {Kind::kData, Kind::kData, {{kNextServer, 7}, {kLastServer, 7}}, absl::StatusCode::kOk, ""},
      {Kind::kSync,
       Kind::kSync,
       {{kNextServer, 7, 0, 7}, {kLastServer, 7, 0, 9}},
       absl::StatusCode::kOk,
       ""},
      {Kind::kData,
       Kind::kOpen,
       {{kNextServer, 7}, {kLastServer, 7}},
       absl::StatusCode::kInternal,
       "another"},
      {Kind::kSeal,
       Kind::kSync,
       {{kNextServer, 7}, {kLastServer, 7}},
       absl::StatusCode::kInternal,
       "another"},
      {Kind::kData, Kind::kData, {{kNextServer, 7}}, absl::StatusCode::kInternal, "another"},
      {Kind::kData,
       Kind::kData,
       {{kNextServer, 7}, {kLastServer, 6}},
       absl::StatusCode::kAborted,
       "6 bytes"},
      {Kind::kSync,
       Kind::kSync,
       {{kNextServer, 7, 0, 7}, {kLastServer, 7, 0, 6}},
       absl::StatusCode::kInternal,
       "without having synced"},
      {Kind::kSeal,
       Kind::kSeal,
       {{kNextServer, 7}, {kLastServer, 7, 0, 7}},
       absl::StatusCode::kInternal,
       "without having synced"},
  };
  for (const Row& row : rows) {
    ExpectedAnswers answers({.replicas = 2});
    answers.Add({.kind = row.expected, .end = 7}, Moment(0));
    const absl::Status status = answers.Check(row.kind, row.acks);
    EXPECT_EQ(status.code(), row.code) << status;
    EXPECT_THAT(std::string(Message(status)), HasSubstr(row.message));
  }
}

TEST(ExpectedAnswers, AnAnswerTooMuchIsAnError) {
  ExpectedAnswers answers({.replicas = 1});
  const std::vector<Ack> acks = {{kNextServer, 0}};
  EXPECT_THAT(answers.Check(Kind::kData, acks), StatusIs(absl::StatusCode::kInternal));
}

TEST(ExpectedAnswers, TheOldestIsWaitedForFromTheAnswerBeforeIt) {
  ExpectedAnswers answers({.replicas = 2,
                           .ack_timeout = absl::Seconds(10),
                           .sync_timeout = absl::Seconds(60),
                           .stagger = absl::Seconds(1)});
  EXPECT_EQ(answers.deadline(), absl::InfiniteFuture());
  answers.Add({.end = 1}, Moment(100));
  EXPECT_EQ(answers.deadline(), Moment(111)) << "one second more for the replica below the next";
  answers.Add({.end = 2}, Moment(105));
  EXPECT_EQ(answers.deadline(), Moment(111)) << "what is sent later gives the oldest no more time";
  answers.Take(Moment(107));
  EXPECT_EQ(answers.deadline(), Moment(118));
  answers.Add({.kind = Kind::kSync, .end = 2}, Moment(108));
  EXPECT_EQ(answers.deadline(), Moment(168)) << "those before a Sync may wait for disks too";
  answers.Take(Moment(109));
  EXPECT_EQ(answers.deadline(), Moment(170));
  answers.Take(Moment(110));
  EXPECT_EQ(answers.deadline(), absl::InfiniteFuture());
}

TEST(ExpectedAnswers, ControlsThatAreNotDoneAreVisitedInOrder) {
  ExpectedAnswers answers({.replicas = 1});
  answers.Add({.kind = Kind::kSync, .end = 1, .own_done = true}, Moment(0));
  answers.Add({.kind = Kind::kSync, .end = 2, .own_done = false}, Moment(0));
  answers.Add({.end = 3}, Moment(0));
  answers.Add({.kind = Kind::kSeal, .end = 4, .own_done = false}, Moment(0));
  std::vector<uint64_t> ends;
  ASSERT_OK(answers.ForEachUndone([&](Expected* expected) {
    ends.push_back(expected->end);
    expected->own_done = true;
    return absl::OkStatus();
  }));
  EXPECT_EQ(ends, (std::vector<uint64_t>{2, 4}));
  EXPECT_OK(answers.ForEachUndone([](Expected*) { return InternalError("visited again"); }));
}

using ExpectedAnswersRandom = RandomTest;

TEST_F(ExpectedAnswersRandom, AgreesWithASimpleModel) {
  const ExpectedAnswers::Options options = {.replicas = 1 + Below(3)};
  ExpectedAnswers answers(options);
  struct Owed {
    Expected expected;
    bool control = false;
  };
  std::deque<Owed> model;
  absl::Time now = Moment(0);
  absl::Time oldest_since = now;
  uint64_t end = 0;
  for (int step = 0; step < 20'000; ++step) {
    now += absl::Milliseconds(static_cast<int64_t>(Below(2'000)));
    if (model.empty() || OneIn(2)) {
      const auto kind = static_cast<Kind>(1 + Below(3));
      if (kind == Kind::kData) end += 1 + Below(100);
      if (model.empty()) oldest_since = now;
      model.push_back({{.kind = kind, .end = end}, kind != Kind::kData});
      answers.Add(model.back().expected, now);
    } else {
      const Expected& oldest = model.front().expected;
      std::vector<Ack> acks(options.replicas, {kNextServer, oldest.end, 0, oldest.end});
      ASSERT_OK(answers.Check(oldest.kind, acks));
      acks[Below(acks.size())].end += 1;
      ASSERT_THAT(answers.Check(oldest.kind, acks), StatusIs(absl::StatusCode::kAborted));
      const Expected taken = answers.Take(now);
      ASSERT_EQ(taken.end, oldest.end);
      ASSERT_EQ(taken.kind, oldest.kind);
      model.pop_front();
      oldest_since = now;
    }
    ASSERT_EQ(answers.size(), model.size());
    if (model.empty()) continue;
    bool control = false;
    for (const Owed& owed : model) control = control || owed.control;
    ASSERT_EQ(answers.deadline(), oldest_since +
                                      (control ? options.sync_timeout : options.ack_timeout) +
                                      options.stagger * static_cast<int64_t>(options.replicas - 1));
  }
}

}  // namespace
}  // namespace quern::chunkserver
