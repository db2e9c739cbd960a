// Which machines are left out for a while since they hang, and when they are asked again.
#include "jobs/search/serving/part_breakers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::search {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PartBreakersTest : public ::testing::Test {
 protected:
  absl::Time At(double seconds) const { return start_ + absl::Seconds(seconds); }
  std::vector<size_t> Asked(double seconds) { return breakers_.Choose(At(seconds)).asked; }
  std::vector<std::string> LeftOut(double seconds) {
    std::vector<std::string> reasons;
    for (const auto& one : breakers_.Choose(At(seconds)).left_out) reasons.push_back(one.why);
    return reasons;
  }

  const absl::Time start_ = absl::FromUnixSeconds(1'000'000);
  PartBreakers breakers_{2};
};

TEST_F(PartBreakersTest, OneThatHangsIsAskedByOneAtATimeAfterAPause) {
  EXPECT_THAT(Asked(0), ElementsAre(0, 1));
  breakers_.NotAnswered(1, At(0), At(1), "hung");
  EXPECT_THAT(Asked(1), ElementsAre(0));
  EXPECT_THAT(LeftOut(1.5), ElementsAre("hung; left out, and asked again in 1 s"));
  EXPECT_THAT(Asked(2), ElementsAre(0, 1));
  EXPECT_THAT(Asked(2.1), ElementsAre(0)) << "somebody asks it";
  EXPECT_THAT(LeftOut(2.1), ElementsAre("hung; left out, while another query asks it again"));
  breakers_.Answered(1, At(2.5));
  EXPECT_THAT(Asked(2.5), ElementsAre(0, 1));
  EXPECT_THAT(LeftOut(2.5), IsEmpty());
}

TEST_F(PartBreakersTest, ThePauseDoublesUpToALimit) {
  double now = 0;
  for (const double pause : {1, 2, 4, 8, 16, 30, 30}) {
    EXPECT_THAT(Asked(now), ElementsAre(0, 1)) << pause;
    breakers_.NotAnswered(1, At(now), At(now + 1), "hung");
    now += 1 + pause;
    EXPECT_THAT(Asked(now - 0.01), ElementsAre(0)) << pause;
  }
  EXPECT_THAT(Asked(now), ElementsAre(0, 1));
  breakers_.Answered(1, At(now));
  breakers_.NotAnswered(1, At(now), At(now + 1), "hung");
  EXPECT_THAT(Asked(now + 2), ElementsAre(0, 1)) << "it begins anew";
}

// All that were under way when it stopped tell of one failure.
TEST_F(PartBreakersTest, QuestionsAtOnceCountAsOne) {
  for (int i = 0; i < 10; ++i) breakers_.NotAnswered(1, At(0.1 * i), At(1 + 0.1 * i), "hung");
  EXPECT_THAT(Asked(1.9), ElementsAre(0));
  EXPECT_THAT(Asked(2), ElementsAre(0, 1));
}

TEST_F(PartBreakersTest, AQuestionThatTakesLongIsNoHungMachine) {
  breakers_.Answered(1, At(0.5));  // to somebody else
  breakers_.NotAnswered(1, At(0), At(1), "slow");
  EXPECT_THAT(Asked(1), ElementsAre(0, 1));
}

TEST_F(PartBreakersTest, WhereNobodyElseIsLeftAllAreAsked) {
  breakers_.NotAnswered(0, At(0), At(1), "hung");
  breakers_.NotAnswered(1, At(0), At(1), "hung");
  EXPECT_THAT(Asked(1), ElementsAre(0, 1));
  breakers_.Answered(0, At(1.1));
  EXPECT_THAT(Asked(1.2), ElementsAre(0));
}

TEST_F(PartBreakersTest, WhoHadNoTimeToAskLeavesItToTheNext) {
  breakers_.NotAnswered(1, At(0), At(1), "hung");
  EXPECT_THAT(Asked(2), ElementsAre(0, 1));
  breakers_.NotAsked(1);
  EXPECT_THAT(Asked(2), ElementsAre(0, 1));
}

}  // namespace
}  // namespace quern::search
