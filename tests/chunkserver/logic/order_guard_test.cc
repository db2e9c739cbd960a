#include "chunkserver/logic/order_guard.h"

#include "tests/support/status_matchers.h"

namespace quern::chunkserver {
namespace {

TEST(OrderGuardTest, JoinsTheFirstClusterAndNoOther) {
  OrderGuard guard;
  EXPECT_OK(guard.CheckMaster("red", 3));
  EXPECT_TRUE(guard.Advance("red", 3, 0));
  EXPECT_FALSE(guard.Advance("red", 3, 0)) << "nothing new to store";
  EXPECT_OK(guard.CheckMaster("red", 3));
  EXPECT_THAT(guard.CheckMaster("blue", 9), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(OrderGuardTest, RefusesWhateverIsOlderThanSeen) {
  const OrderGuard guard({.cluster_id = "red", .max_term = 5, .max_log_index = 100});
  struct Row {
    uint64_t term, log_index;
    bool obeyed;
  };
  const Row rows[] = {
      {5, 100, true},
      {5, 101, true},
      {6, 100, true},
      {5, 99, false},
      {4, 200, false},
      // Restored from a backup and started again: a new term, but an old log.
      {6, 99, false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(guard.CheckOrder("red", row.term, row.log_index).ok(), row.obeyed)
        << row.term << " " << row.log_index;
  }
  EXPECT_FALSE(guard.CheckOrder("blue", 9, 900).ok());
}

}  // namespace
}  // namespace quern::chunkserver
