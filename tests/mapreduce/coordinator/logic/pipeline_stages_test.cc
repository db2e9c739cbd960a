#include "mapreduce/coordinator/logic/pipeline_stages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

namespace quern::mr {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Round = PipelineStages::Round;

const absl::Time kNow = absl::UnixEpoch() + absl::Hours(1);

// 0 -> 1 -> 3, 0 -> 2 -> 3
std::vector<StageRule> Diamond() { return {{}, {.reads = {0}}, {.reads = {0}}, {.reads = {1, 2}}}; }
StageRule Repeated(uint32_t max, uint32_t in_a_row = 1, bool fail_at_max = false) {
  return {.name = {},
          .reads = {},
          .repeats = true,
          .max_rounds = max,
          .in_a_row = in_a_row,
          .fail_at_max = fail_at_max};
}

TEST(PipelineStages, RunsAStageAsSoonAsWhatItReadsIsThere) {
  PipelineStages stages(Diamond());
  stages.Start(kNow);
  EXPECT_THAT(stages.TakeDecisions().run, ElementsAre(Round{0, 1}));
  stages.RoundSucceeded({0, 1}, false, kNow);
  EXPECT_THAT(stages.TakeDecisions().run, ElementsAre(Round{1, 1}, Round{2, 1}));
  stages.RoundSucceeded({2, 1}, false, kNow);
  EXPECT_THAT(stages.TakeDecisions().run, IsEmpty()) << "the other half is not there";
  stages.RoundSucceeded({1, 1}, false, kNow);
  EXPECT_THAT(stages.TakeDecisions().run, ElementsAre(Round{3, 1}));
  stages.RoundSucceeded({3, 1}, false, kNow);
  const PipelineStages::Decisions last = stages.TakeDecisions();
  EXPECT_TRUE(last.end);
  EXPECT_THAT(last.run, IsEmpty());
  EXPECT_FALSE(stages.failed());
}

TEST(PipelineStages, RepeatsUntilTheConditionHoldsAndDropsTheRoundBefore) {
  PipelineStages stages({Repeated(50)});
  stages.Start(kNow);
  EXPECT_THAT(stages.TakeDecisions().run, ElementsAre(Round{0, 1}));
  stages.RoundSucceeded({0, 1}, false, kNow);
  PipelineStages::Decisions decisions = stages.TakeDecisions();
  EXPECT_THAT(decisions.run, ElementsAre(Round{0, 2}));
  EXPECT_THAT(decisions.drop, IsEmpty()) << "round 2 reads it";
  stages.RoundSucceeded({0, 2}, true, kNow);
  decisions = stages.TakeDecisions();
  EXPECT_THAT(decisions.run, IsEmpty());
  EXPECT_THAT(decisions.drop, ElementsAre(Round{0, 1}));
  EXPECT_TRUE(decisions.end);
  EXPECT_EQ(stages.stage(0).rounds, 2u);
}

TEST(PipelineStages, TheConditionMayHaveToHoldSeveralTimesInARow) {
  PipelineStages stages({Repeated(50, 2)});
  stages.Start(kNow);
  const bool holds[] = {true, false, true, true};
  for (uint32_t round = 1; round <= 4; ++round) {
    EXPECT_FALSE(stages.ended());
    stages.RoundSucceeded({0, round}, holds[round - 1], kNow);
  }
  EXPECT_TRUE(stages.ended());
}

TEST(PipelineStages, TheLastRoundIsTheEndOrAFailureAsTheRuleSays) {
  for (const bool fail : {false, true}) {
    PipelineStages stages({Repeated(2, 1, fail)});
    stages.Start(kNow);
    stages.RoundSucceeded({0, 1}, false, kNow);
    stages.RoundSucceeded({0, 2}, false, kNow);
    EXPECT_TRUE(stages.ended());
    EXPECT_EQ(stages.failed(), fail);
    EXPECT_EQ(stages.doomed(), fail);
  }
}

TEST(PipelineStages, AFailureStopsTheOthersAndEndsWhenTheyHaveStopped) {
  PipelineStages stages(Diamond());
  stages.Start(kNow);
  stages.RoundSucceeded({0, 1}, false, kNow);
  stages.TakeDecisions();
  stages.RoundFailed({1, 1}, "first", kNow);
  PipelineStages::Decisions decisions = stages.TakeDecisions();
  EXPECT_THAT(decisions.stop, ElementsAre(Round{2, 1}));
  EXPECT_FALSE(decisions.end) << "stage 2 still runs";
  stages.RoundFailed({2, 1}, "second", kNow);
  decisions = stages.TakeDecisions();
  EXPECT_TRUE(decisions.end);
  EXPECT_EQ(stages.reason(), "first");
  EXPECT_EQ(stages.stage(3).state, StageState::kWaiting);
}

TEST(PipelineStages, ADoomedOneStartsNoFurtherRound) {
  PipelineStages stages({Repeated(9), {.reads = {0}}});
  stages.Start(kNow);
  stages.TakeDecisions();
  stages.Doom("killed", kNow);
  EXPECT_THAT(stages.TakeDecisions().stop, ElementsAre(Round{0, 1}));
  stages.RoundSucceeded({0, 1}, false, kNow);  // it was too late to stop it
  const PipelineStages::Decisions decisions = stages.TakeDecisions();
  EXPECT_THAT(decisions.run, IsEmpty());
  EXPECT_TRUE(decisions.end);
  EXPECT_FALSE(stages.failed());
}

TEST(PipelineStages, EventsThatComeTwiceOrLateChangeNothing) {
  PipelineStages stages({Repeated(9), {.reads = {0}}});
  stages.Start(kNow);
  stages.RoundSucceeded({0, 1}, false, kNow);
  stages.TakeDecisions();
  stages.RoundSucceeded({0, 1}, false, kNow);
  stages.RoundFailed({0, 1}, "late", kNow);
  stages.RoundStopped({1, 1}, kNow);  // does not run
  stages.RoundSucceeded({0, 7}, true, kNow);
  stages.RoundSucceeded({9, 1}, true, kNow);  // no such stage
  EXPECT_EQ(stages.TakeDecisions(), PipelineStages::Decisions());
  EXPECT_THAT(stages.running(), ElementsAre(Round{0, 2}));
}

TEST(PipelineStages, GoesOnWhereAnEarlierRunStood) {
  PipelineStages stages({{}, Repeated(9, 2), {.reads = {0, 1}}});
  stages.Reuse(0);
  stages.Continue(1, 5, 1);
  stages.Start(kNow);
  EXPECT_THAT(stages.TakeDecisions().run, ElementsAre(Round{1, 6}));
  stages.RoundSucceeded({1, 6}, true, kNow);
  EXPECT_THAT(stages.TakeDecisions().run, ElementsAre(Round{2, 1}));
}

TEST(PipelineStages, OneThatHasHadAllItsRoundsGetsNoneMore) {
  StageRule ranks = Repeated(5, 1, /*fail_at_max=*/true);
  ranks.name = "ranks";
  PipelineStages stages({ranks, {}});
  stages.Continue(0, 5, 0);
  stages.Start(kNow);
  const PipelineStages::Decisions decisions = stages.TakeDecisions();
  EXPECT_THAT(decisions.run, IsEmpty());
  EXPECT_TRUE(decisions.end);
  EXPECT_TRUE(stages.failed());
  EXPECT_EQ(stages.reason(),
            "stage ranks: has not come to its end after 5 rounds. Try: the same mr run with "
            "--set ranks.repeat.max=N, more than 5, which goes on from there");
}

TEST(PipelineStages, WithNothingToRunItEndsAtOnce) {
  PipelineStages stages({{}, {.reads = {0}}});
  stages.Spare(0);
  stages.Reuse(1);
  stages.Start(kNow);
  EXPECT_TRUE(stages.TakeDecisions().end);
}

// A walk over random pipelines: whatever prefix of the events a journal has, replaying it leads to
// the state that it was written in, and the rounds that then run are those that ran.
struct Event {
  Round round;
  int kind = 0;  // 0: succeeded, 1: it held, 2: failed, 3: stopped, 4: doom
};

void Apply(const Event& event, PipelineStages* stages) {
  switch (event.kind) {
    case 0:
    case 1:
      return stages->RoundSucceeded(event.round, event.kind == 1, kNow);
    case 2:
      return stages->RoundFailed(event.round, "failed", kNow);
    case 3:
      return stages->RoundStopped(event.round, kNow);
    default:
      return stages->Doom("killed", kNow);
  }
}

std::vector<StageRule> RandomRules(std::mt19937* random) {
  std::vector<StageRule> rules(1 + (*random)() % 6);
  for (size_t i = 0; i < rules.size(); ++i) {
    for (size_t read = 0; read < i; ++read) {
      if ((*random)() % 3 == 0) rules[i].reads.push_back(read);
    }
    if ((*random)() % 3 != 0) continue;
    rules[i].repeats = true;
    rules[i].max_rounds = 1 + (*random)() % 4;
    rules[i].in_a_row = 1 + (*random)() % 2;
    rules[i].fail_at_max = (*random)() % 4 == 0;
  }
  return rules;
}

TEST(PipelineStagesWalk, EveryPrefixOfTheEventsRebuildsTheState) {
  for (uint32_t seed = 0; seed < 2'000; ++seed) {
    std::mt19937 random(seed);
    const std::vector<StageRule> rules = RandomRules(&random);
    PipelineStages stages(rules);
    stages.Start(kNow);
    std::vector<Event> journal;
    std::vector<Round> open = stages.TakeDecisions().run;  // decided to run and not ended
    bool end = open.empty();
    while (!end) {
      ASSERT_FALSE(open.empty()) << "stuck, seed " << seed;
      std::vector<Round> running = stages.running();
      std::sort(open.begin(), open.end());
      ASSERT_EQ(open, running) << "seed " << seed;
      const size_t chosen = random() % open.size();
      const auto dice = static_cast<int>(random() % 20);
      const Event event{open[chosen], dice < 13 ? 0 : dice < 17 ? 1 : dice - 15};
      if (event.kind < 4) open.erase(open.begin() + static_cast<ptrdiff_t>(chosen));
      journal.push_back(event);
      Apply(event, &stages);
      const PipelineStages::Decisions decisions = stages.TakeDecisions();
      open.insert(open.end(), decisions.run.begin(), decisions.run.end());
      end = decisions.end;
      for (const Round& round : decisions.drop) {
        EXPECT_LT(round.round, stages.stage(round.stage).rounds) << "nothing that is read";
      }
      PipelineStages again(rules);
      again.Start(kNow);
      for (const Event& old : journal) Apply(old, &again);
      ASSERT_EQ(again.running(), stages.running()) << "seed " << seed;
      ASSERT_EQ(again.ended(), end) << "seed " << seed;
      ASSERT_EQ(again.failed(), stages.failed()) << "seed " << seed;
      if (journal.size() > 200) FAIL() << "never ends, seed " << seed;
    }
    EXPECT_TRUE(open.empty()) << "seed " << seed;
    for (size_t i = 0; i < stages.size(); ++i) {
      EXPECT_LE(stages.stage(i).rounds, rules[i].max_rounds);
      if (stages.doomed()) continue;
      EXPECT_EQ(stages.stage(i).state, StageState::kDone) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace quern::mr
