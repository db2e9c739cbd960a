#include "mapreduce/coordinator/logic/stage_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::mr {
namespace {

using testing::ElementsAre;
using enum StageState;

std::vector<StageState> States(const std::vector<ReusableStage>& stages) {
  std::vector<StageState> states;
  for (const StageChoice& choice : ChooseStages(stages)) states.push_back(choice.state);
  return states;
}

// 0 -> 1 -> 3, 0 -> 2 -> 3, each with one output; only that of 3 is published.
std::vector<ReusableStage> Diamond(const std::vector<bool>& available) {
  std::vector<ReusableStage> stages = {{.published = {false}},
                                       {.published = {false}, .reads = {{0, 0}}},
                                       {.published = {false}, .reads = {{0, 0}}},
                                       {.published = {true}, .reads = {{1, 0}, {2, 0}}}};
  for (size_t i = 0; i < stages.size(); ++i) {
    if (available[i]) stages[i].offers = {{true}};
  }
  return stages;
}

TEST(ChooseStages, RunsWhatIsMissingAndNothingThatNobodyReads) {
  EXPECT_THAT(States(Diamond({false, false, false, false})),
              ElementsAre(kWaiting, kWaiting, kWaiting, kWaiting));
  EXPECT_THAT(States(Diamond({true, true, true, false})),
              ElementsAre(kNotNeeded, kReused, kReused, kWaiting))
      << "a changed last stage costs one stage";
  EXPECT_THAT(States(Diamond({true, true, false, false})),
              ElementsAre(kReused, kReused, kWaiting, kWaiting));
  EXPECT_THAT(States(Diamond({false, false, false, true})),
              ElementsAre(kNotNeeded, kNotNeeded, kNotNeeded, kReused));
}

// Stage 0 has a main output that is only read and a named one that is published.
std::vector<ReusableStage> WithNamed(std::vector<std::vector<bool>> offers, bool last_is_there) {
  ReusableStage last{.published = {true}, .reads = {{0, 0}}};
  if (last_is_there) last.offers = {{true}};
  return {{.published = {false, true}, .offers = std::move(offers)}, last};
}

TEST(ChooseStages, EveryOutputThatIsNeededMustBeThere) {
  EXPECT_THAT(States(WithNamed({{false, true}}, /*last_is_there=*/true)),
              ElementsAre(kReused, kReused))
      << "nobody reads the main one";
  EXPECT_THAT(States(WithNamed({{false, true}}, false)), ElementsAre(kWaiting, kWaiting));
  EXPECT_THAT(States(WithNamed({{true, false}}, true)), ElementsAre(kWaiting, kReused))
      << "what is published must be there";
  EXPECT_THAT(States(WithNamed({{true, true}}, false)), ElementsAre(kReused, kWaiting));
}

TEST(ChooseStages, OneEarlierRunHasAllOfIt) {
  EXPECT_THAT(States(WithNamed({{true, false}, {false, true}}, false)),
              ElementsAre(kWaiting, kWaiting));
  const auto choices = ChooseStages(WithNamed({{true, false}, {true, true}}, false));
  EXPECT_EQ(choices[0], (StageChoice{kReused, 1}));
}

TEST(ChooseStages, CountersAreThereWithAnyOffer) {
  std::vector<ReusableStage> stages = {{.published = {false}, .offers = {{false}}},
                                       {.published = {true}, .reads = {{0, kOnlyCounters}}}};
  EXPECT_THAT(States(stages), ElementsAre(kReused, kWaiting));
  stages[0].offers.clear();
  EXPECT_THAT(States(stages), ElementsAre(kWaiting, kWaiting));
}

TEST(ChooseStages, WhatAStageThatRunsReadsMayMakeAnEarlierOneRun) {
  // 0 has only its published output; 1 is lost and reads the other.
  const std::vector<ReusableStage> stages = {
      {.published = {true, false}, .offers = {{true, false}}},
      {.published = {true}, .reads = {{0, 1}}}};
  EXPECT_THAT(States(stages), ElementsAre(kWaiting, kWaiting));
}

}  // namespace
}  // namespace quern::mr
