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
  results.Heard(7, 3, 5);
  EXPECT_THAT(results.TakeArrived(7), ElementsAre(1, 2));
  EXPECT_FALSE(results.Holds(7, 2));
  EXPECT_TRUE(results.Holds(7, 3));
  EXPECT_TRUE(results.TakeArrived(7).empty());
}

TEST(RequestResultsTest, ARequestThatItsClientDoesNotWaitForIsStaleForEver) {
  RequestResults results(100);
  EXPECT_FALSE(results.IsStale(7, 1)) << "nobody knows this client";
  results.Add(7, 1, 1);
  results.Add(7, 3, 2);
  results.Heard(7, 3, 2);
  EXPECT_FALSE(results.IsStale(7, 1)) << "its answer is still held";
  EXPECT_TRUE(results.IsStale(7, 2)) << "given up, and never decided";
  results.TakeArrived(7);
  EXPECT_TRUE(results.IsStale(7, 1));
  results.Heard(7, 1, 3);
  EXPECT_TRUE(results.IsStale(7, 2)) << "an older request says less, which takes nothing back";
  EXPECT_FALSE(results.IsStale(7, 3));
  EXPECT_FALSE(results.IsStale(7, 4));
  EXPECT_FALSE(results.IsStale(8, 1));
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
    results.Heard(100 + Below(60), 1, index);  // clients that change nothing
    if (OneIn(3)) {
      results.Heard(client, Below(index / 20 + 1), index);
      results.TakeArrived(client);
    }
    results.TakeOverLimit();
    ASSERT_LE(results.held(), 50u);
    ASSERT_LE(results.clients(), 50u);
    ASSERT_OK(results.Validate());
  }
}

}  // namespace
}  // namespace quern::master
