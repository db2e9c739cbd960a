#include "mapreduce/plan/task_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace quern::mr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TaskChoiceTest, NamesMapsAndReduces) {
  const auto choice = ParseTaskChoice("m-3,m-00000,r-2,m-3");
  ASSERT_OK(choice.status());
  EXPECT_THAT(choice->maps, ElementsAre(0, 3));
  EXPECT_THAT(choice->reduces, ElementsAre(2));
  EXPECT_EQ(choice->size(), 3u);
  EXPECT_TRUE(choice->Has(pb::TASK_KIND_MAP, 3));
  EXPECT_FALSE(choice->Has(pb::TASK_KIND_REDUCE, 3));
  EXPECT_TRUE(choice->NeedsAllMaps());
  EXPECT_FALSE(ParseTaskChoice("m-1")->NeedsAllMaps());
  EXPECT_TRUE(TaskChoice().Has(pb::TASK_KIND_REDUCE, 7));
}

TEST(TaskChoiceTest, RefusesWhatIsNoTask) {
  for (const char* list : {"", "m-0,", ",m-0", "m-0,,r-0", "m", "17", "s-0", "m-0.1", "m-0 r-0"}) {
    EXPECT_FALSE(ParseTaskChoice(list).ok()) << list;
  }
}

TEST(TaskChoiceTest, SaysWhichTasksAJobHas) {
  const auto check = [](const char* list, uint32_t maps, uint32_t reduces) {
    return CheckTaskChoice(*ParseTaskChoice(list), maps, reduces);
  };
  EXPECT_OK(check("m-8,r-2", 9, 3));
  EXPECT_THAT(check("m-0,m-9,m-10", 9, 3),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("there is no m-00009: the job has the maps m-00000 to m-00008 and "
                                 "the reduces r-00000 to r-00002")));
  EXPECT_THAT(check("r-0", 1, 0),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no r-00000: the job has one map, m-00000 and no reduces")));
}

}  // namespace
}  // namespace quern::mr
