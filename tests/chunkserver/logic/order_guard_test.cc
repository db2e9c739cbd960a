#include "chunkserver/logic/order_guard.h"

#include "tests/support/status_matchers.h"

namespace quern::chunkserver {
namespace {

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

// The first start of a master, and the second, which began with index 50.
constexpr MasterStart kFirst = {.term = 1, .id = 11, .first_index = 1, .end_index = 50};
constexpr MasterStart kSecond = {.term = 2, .id = 22, .first_index = 50};

TEST(OrderGuardTest, JoinsTheFirstClusterAndNoOther) {
  OrderGuard guard;
  EXPECT_THAT(guard.CheckOrder("red", 22, 60), StatusIs(kRefused)) << "nobody is admitted yet";
  EXPECT_OK(guard.Admit("red", {{kFirst, kSecond}}));
  EXPECT_EQ(guard.seen().cluster_id, "red");
  EXPECT_EQ(guard.seen().followed.start_id, 0u) << "no order yet";
  EXPECT_THAT(guard.Admit("blue", {{kSecond}}), StatusIs(kRefused));
  EXPECT_THAT(guard.CheckOrder("red", 22, 60), StatusIs(kRefused)) << "the last one was refused";
}

TEST(OrderGuardTest, CarriesOutOrdersOfItsSessionOnly) {
  OrderGuard guard({.cluster_id = "red", .followed = {1, 11, 40}});
  ASSERT_OK(guard.Admit("red", {{kFirst, kSecond}}));
  EXPECT_OK(guard.CheckOrder("red", 22, 50));
  EXPECT_THAT(guard.CheckOrder("red", 11, 60), StatusIs(kRefused));
  EXPECT_THAT(guard.CheckOrder("blue", 22, 60), StatusIs(kRefused));
  EXPECT_THAT(guard.CheckOrder("red", 22, 49), StatusIs(kRefused)) << "before its start";
  EXPECT_TRUE(guard.Advance(70));
  EXPECT_FALSE(guard.Advance(70)) << "nothing new to store";
  EXPECT_EQ(guard.seen().followed, (FollowedMaster{2, 22, 70}));
  EXPECT_THAT(guard.CheckOrder("red", 22, 69), StatusIs(kRefused));
}

TEST(OrderGuardTest, RefusesEveryMasterThatLacksSomethingSeen) {
  struct Row {
    const char* what;
    FollowedMaster followed;
    std::vector<MasterStart> history;
    bool admitted;
  };
  const Row rows[] = {
      {"never followed anybody", {}, {kSecond}, true},
      {"the same start", {2, 22, 900}, {kFirst, kSecond}, true},
      {"the next start", {1, 11, 49}, {kFirst, kSecond}, true},
      // The copy was made at index 49; the real master had gone on in its first term.
      {"a copy of the first term", {1, 11, 50}, {kFirst, kSecond}, false},
      {"a copy from before the second start",
       {2, 22, 60},
       {kFirst, {.term = 2, .id = 33, .first_index = 50}},
       false},
      {"a copy that went on for long",
       {2, 22, 60},
       {{.term = 9, .id = 99, .first_index = 5000}},
       false},
      {"an empty list", {}, {}, false},
      {"a start without a name", {}, {MasterStart{.term = 1}}, false},
  };
  for (const Row& row : rows) {
    OrderGuard guard({.cluster_id = "red", .followed = row.followed});
    EXPECT_EQ(guard.Admit("red", row.history).ok(), row.admitted) << row.what;
    EXPECT_EQ(guard.seen().followed, row.followed) << row.what;
  }
}

TEST(OrderGuardTest, TheNewerOfTwoDisksCounts) {
  const FollowedMaster older = {1, 11, 40};
  const FollowedMaster newer = {2, 22, 60};
  EXPECT_EQ(OrderGuard::Newer(older, newer), newer);
  EXPECT_EQ(OrderGuard::Newer(newer, older), newer);
  EXPECT_EQ(OrderGuard::Newer({}, older), older);
}

}  // namespace
}  // namespace quern::chunkserver
