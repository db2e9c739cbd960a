#include "master/logic/request_results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::master {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(RequestResultsTest, HoldsAnswersUntilTheClientHasThem) {
  RequestResults results(100);
  for (uint64_t request = 1; request <= 4; ++request) results.Add(7, request, request);
  EXPECT_TRUE(results.Holds(7, 1));
  EXPECT_FALSE(results.Holds(8, 1));
  EXPECT_THAT(results.TakeBelow(7, 3), ElementsAre(1, 2));
  EXPECT_FALSE(results.Holds(7, 2));
  EXPECT_TRUE(results.Holds(7, 3));
  EXPECT_TRUE(results.TakeBelow(7, 3).empty());
}

TEST(RequestResultsTest, DropsTheLongestSilentClientBeyondTheLimit) {
  RequestResults results(3);
  results.Add(1, 1, 10);
  results.Add(1, 2, 30);  // client 1 was heard of after client 2
  results.Add(2, 1, 20);
  results.Add(3, 1, 40);
  EXPECT_THAT(results.TakeOverLimit(), ElementsAre(Pair(2, 1)));
  EXPECT_EQ(results.held(), 3u);
  EXPECT_TRUE(results.TakeOverLimit().empty());
}

using RequestResultsWalkTest = RandomTest;

TEST_F(RequestResultsWalkTest, StaysConsistent) {
  RequestResults results(50);
  for (uint64_t index = 1; index < 5000; ++index) {
    const uint64_t client = 1 + Below(20);
    results.Add(client, 1 + index / 20, index);
    if (OneIn(3)) results.TakeBelow(client, Below(index / 20 + 1));
    results.TakeOverLimit();
    ASSERT_LE(results.held(), 50u);
    ASSERT_OK(results.Validate());
  }
}

}  // namespace
}  // namespace quern::master
