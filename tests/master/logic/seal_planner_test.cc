// The rows of the failure matrix that a forced seal has to decide, and what may never come out of
// one: an acknowledged byte lost without LOST_TAIL.
#include "master/logic/seal_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/random_test.h"

namespace quern::master {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = FenceAnswer::Kind;

FenceAnswer Answered(uint32_t server, uint64_t length, uint32_t crc, uint64_t committed = 0) {
  return {.server = ServerId(server),
          .kind = Kind::kAnswered,
          .length = length,
          .crc = crc,
          .committed = committed,
          .last_seq = length / 10};
}
FenceAnswer Suspect(uint32_t server, uint64_t length, uint32_t crc) {
  FenceAnswer answer = Answered(server, length, crc);
  answer.suspect = true;
  return answer;
}
FenceAnswer Silent(uint32_t server) { return {.server = ServerId(server), .kind = Kind::kSilent}; }
FenceAnswer Lost(uint32_t server) { return {.server = ServerId(server), .kind = Kind::kLost}; }

// What a replica has before another one's end.
FenceAnswer With(FenceAnswer answer, uint64_t prefix_length, std::optional<uint32_t> prefix_crc) {
  answer.prefix_crcs[prefix_length] = prefix_crc;
  return answer;
}

// Every replica has told all that may be asked for, and has the same bytes as the others.
SealDecision Plan(std::vector<FenceAnswer> answers, std::optional<uint64_t> acked = 0) {
  SealDecision decision = PlanSeal(answers, acked);
  while (decision.ask_prefix != 0) {
    std::optional<uint32_t> crc;
    for (const FenceAnswer& answer : answers) {
      if (answer.length == decision.ask_prefix) crc = answer.crc;
    }
    for (FenceAnswer& answer : answers) answer = With(answer, decision.ask_prefix, crc);
    decision = PlanSeal(answers, acked);
  }
  return decision;
}

TEST(SealPlannerTest, SealsWhereAllAgree) {
  const SealDecision decision = Plan({Answered(1, 100, 7), Answered(2, 100, 7)}, 100);
  ASSERT_TRUE(decision.decided);
  EXPECT_EQ(decision.length, 100u);
  EXPECT_EQ(decision.crc, 7u);
  EXPECT_EQ(decision.last_seq, 10u);
  EXPECT_FALSE(decision.lost_tail);
  EXPECT_THAT(decision.corrupt, IsEmpty());
}

TEST(SealPlannerTest, TakesTheMinimumSoThatNothingNeedsCopying) {
  const SealDecision decision =
      Plan({Answered(1, 130, 9), Answered(2, 100, 7), Answered(3, 120, 8)}, 100);
  ASSERT_TRUE(decision.decided);
  EXPECT_EQ(decision.length, 100u);
  EXPECT_EQ(decision.crc, 7u);
  EXPECT_EQ(decision.last_seq, 10u) << "of the replica that has exactly this length";
}

TEST(SealPlannerTest, ADeadPrimaryOrSecondaryDoesNotHinder) {
  EXPECT_EQ(Plan({Silent(1), Answered(2, 90, 7), Answered(3, 100, 8)}).length, 90u);
  EXPECT_EQ(Plan({Answered(1, 90, 7), Silent(2), Lost(3)}).length, 90u) << "one answer is enough";
}

TEST(SealPlannerTest, WaitsWhenNobodyAnswers) {
  const SealDecision decision = Plan({Silent(1), Silent(2)});
  EXPECT_FALSE(decision.decided);
  EXPECT_THAT(decision.reason, HasSubstr("cs1, cs2"));
}

TEST(SealPlannerTest, AReplicaBelowTheFloorHasLostDataAndNoVote) {
  const SealDecision acked = Plan({Answered(1, 40, 3), Answered(2, 100, 7)}, 100);
  ASSERT_TRUE(acked.decided);
  EXPECT_EQ(acked.length, 100u);
  EXPECT_THAT(acked.corrupt, ElementsAre(ServerId(1)));
  EXPECT_FALSE(acked.lost_tail);

  const SealDecision committed = Plan({Answered(1, 40, 3), Answered(2, 100, 7, /*committed=*/80)});
  EXPECT_EQ(committed.length, 100u) << "another replica knows that more was committed";
}

TEST(SealPlannerTest, BelowTheFloorEverywhereItWaitsForWhoeverMayKnowMore) {
  EXPECT_FALSE(Plan({Answered(1, 40, 3), Silent(2)}, 100).decided);
  const SealDecision decision = Plan({Answered(1, 40, 3), Lost(2), Answered(3, 60, 4)}, 100);
  ASSERT_TRUE(decision.decided) << "nobody is left";
  EXPECT_TRUE(decision.lost_tail);
  EXPECT_EQ(decision.length, 60u) << "the longest prefix";
}

TEST(SealPlannerTest, ASuspectHasNoVoteWhileAnotherMayAnswer) {
  const SealDecision other = Plan({Suspect(1, 40, 3), Answered(2, 100, 7)});
  ASSERT_TRUE(other.decided);
  EXPECT_EQ(other.length, 100u);
  EXPECT_FALSE(Plan({Suspect(1, 40, 3), Silent(2)}).decided);
  EXPECT_FALSE(Plan({Suspect(1, 40, 3), Suspect(2, 50, 4), Silent(3)}).decided);
}

TEST(SealPlannerTest, AllSuspectSealsAtTheLongestAndSaysSo) {
  const std::vector<FenceAnswer> answers = {Suspect(1, 40, 3), Suspect(2, 50, 4), Lost(3)};
  const SealDecision decision = Plan(answers, std::nullopt);
  ASSERT_TRUE(decision.decided);
  EXPECT_EQ(decision.length, 50u);
  EXPECT_EQ(decision.crc, 4u);
  EXPECT_TRUE(decision.lost_tail) << "nobody knows what was acknowledged";
  EXPECT_TRUE(Plan(answers, 51).lost_tail);
  EXPECT_FALSE(Plan(answers, 50).lost_tail) << "the writer knows that nothing is missing";
}

TEST(SealPlannerTest, TheOddCrcIsCorrupt) {
  const SealDecision decision =
      Plan({Answered(1, 100, 6), Answered(2, 100, 7), Answered(3, 100, 7)});
  ASSERT_TRUE(decision.decided);
  EXPECT_EQ(decision.crc, 7u);
  EXPECT_THAT(decision.corrupt, ElementsAre(ServerId(1)));
  // No majority: the primary gave the order.
  EXPECT_EQ(Plan({Answered(1, 100, 6), Answered(2, 100, 7)}).crc, 6u);
}

TEST(SealPlannerTest, LongerReplicasVoteOnWhatTheyHaveUpToTheEndOfTheShortest) {
  const std::vector<FenceAnswer> answers = {Answered(1, 80, 5), Answered(2, 100, 7),
                                            Answered(3, 100, 7)};
  const SealDecision asks = PlanSeal(answers, 60);
  EXPECT_FALSE(asks.decided);
  EXPECT_EQ(asks.ask_prefix, 80u);

  const SealDecision agreed =
      PlanSeal({{answers[0], With(answers[1], 80, 5), With(answers[2], 80, 5)}}, 60);
  ASSERT_TRUE(agreed.decided);
  EXPECT_EQ(agreed.length, 80u);
  EXPECT_THAT(agreed.corrupt, IsEmpty());

  // The shortest has other bytes: cutting the others to it would lose what was acknowledged.
  const SealDecision outvoted =
      PlanSeal({{answers[0], With(answers[1], 80, 6), With(answers[2], 80, 6)}}, 60);
  ASSERT_TRUE(outvoted.decided);
  EXPECT_EQ(outvoted.length, 100u);
  EXPECT_EQ(outvoted.crc, 7u);
  EXPECT_EQ(outvoted.last_seq, 10u);
  EXPECT_THAT(outvoted.corrupt, ElementsAre(ServerId(1)));

  // One against one: the primary gave the order, whether it is the longer or the shorter.
  EXPECT_EQ(PlanSeal({{answers[0], With(answers[1], 80, 6)}}, 60).length, 80u);
  EXPECT_EQ(PlanSeal({{With(answers[1], 80, 6), answers[0]}}, 60).length, 100u);
  // One that was asked and did not tell abstains.
  const SealDecision abstained = PlanSeal({{answers[0], With(answers[1], 80, std::nullopt)}}, 60);
  ASSERT_TRUE(abstained.decided);
  EXPECT_EQ(abstained.length, 80u);
  EXPECT_THAT(abstained.corrupt, IsEmpty());
}

TEST(SealPlannerTest, EachLengthIsAskedForOnce) {
  std::vector<FenceAnswer> answers = {Answered(1, 60, 1), Answered(2, 80, 2), Answered(3, 100, 3),
                                      Answered(4, 100, 3), Answered(5, 80, 2)};
  EXPECT_EQ(PlanSeal(answers, 0).ask_prefix, 60u);
  for (size_t i = 1; i < 5; ++i) answers[i] = With(answers[i], 60, 9);
  EXPECT_EQ(PlanSeal(answers, 0).ask_prefix, 80u) << "the shortest was outvoted";
  for (const size_t i : {2, 3}) answers[i] = With(answers[i], 80, 2);
  const SealDecision decision = PlanSeal(answers, 0);
  ASSERT_TRUE(decision.decided);
  EXPECT_EQ(decision.length, 80u);
  EXPECT_THAT(decision.corrupt, ElementsAre(ServerId(1)));
}

TEST(SealPlannerTest, NeverWritten) {
  const SealDecision decision = Plan({Answered(1, 0, 0), Answered(2, 0, 0)});
  ASSERT_TRUE(decision.decided);
  EXPECT_EQ(decision.length, 0u);
  EXPECT_FALSE(decision.lost_tail);
}

TEST(SealPlannerTest, EverythingLostStaysUndecided) {
  EXPECT_FALSE(Plan({Lost(1), Lost(2)}, 10).decided);
  EXPECT_FALSE(Plan({Lost(1), Lost(2)}, std::nullopt).decided) << "the writer may know of bytes";
  EXPECT_FALSE(Plan({Lost(1), Silent(2)}, 0).decided) << "2 may have it";
}

TEST(SealPlannerTest, WithNothingAcknowledgedAndNoReplicaLeftItIsEmpty) {
  const SealDecision decision = Plan({Lost(1), Lost(2)}, 0);
  ASSERT_TRUE(decision.decided);
  EXPECT_EQ(decision.length, 0u);
  EXPECT_EQ(decision.crc, 0u);
  EXPECT_EQ(decision.last_seq, 0u);
  EXPECT_FALSE(decision.lost_tail);
}

using SealPlannerWalkTest = RandomTest;

// Honest replicas hold at least what was acknowledged; others lie or forgot in a power cut.
TEST_F(SealPlannerWalkTest, NeverCutsAcknowledgedBytesInSilence) {
  for (int round = 0; round < 20'000; ++round) {
    const uint64_t acked = Below(5) * 10;
    std::vector<FenceAnswer> answers;
    bool honest_answer = false;
    for (uint32_t server = 1; server <= 1 + Below(4); ++server) {
      if (OneIn(5)) {
        answers.push_back(OneIn(2) ? Silent(server) : Lost(server));
      } else if (OneIn(4)) {
        answers.push_back(Suspect(server, Below(10) * 10, 1));
      } else {
        answers.push_back(Answered(server, acked + Below(5) * 10, 1, Below(acked + 1)));
        honest_answer = true;
      }
    }
    const SealDecision decision = Plan(answers, acked);
    if (decision.decided && !decision.lost_tail) {
      ASSERT_GE(decision.length, acked);
    }
    if (honest_answer) {
      ASSERT_TRUE(decision.decided);
      ASSERT_FALSE(decision.lost_tail);
    }
    // Late answers of honest replicas never lower what was decided before.
    for (FenceAnswer& answer : answers) {
      if (answer.kind == Kind::kSilent) answer = Answered(answer.server.value(), acked + 50, 1);
    }
    ASSERT_TRUE(Plan(answers, acked).decided || answers.empty() || !honest_answer);
  }
}

}  // namespace
}  // namespace quern::master
