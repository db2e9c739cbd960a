#include "master/logic/standing.h"

#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::master {
namespace {

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
constexpr uint64_t kNextChunk = 1025;

pb::ServerMessage::Register Server(const std::string& address, const FollowedMaster& followed,
                                   uint64_t max_chunk = 7) {
  pb::ServerMessage::Register registration;
  registration.set_address(address);
  registration.set_max_term(followed.term);
  registration.set_start_id(followed.start_id);
  registration.set_max_log_index(followed.log_index);
  registration.set_max_chunk_id(max_chunk);
  registration.set_replica_count(3);
  return registration;
}

class StandingTest : public ::testing::Test {
 protected:
  StandingTest() {
    standing_.Load({{.term = 2, .id = 22, .first_index = 50},
                    {.term = 1, .id = 11, .first_index = 1, .end_index = 50}},
                   kNextChunk);
  }
  Standing standing_;
};

TEST_F(StandingTest, KnowsItsHistoryAndTellsWhatAServerNeeds) {
  EXPECT_EQ(standing_.start().id, 22u);
  EXPECT_EQ(standing_.HistoryFor({}).size(), 1u);
  EXPECT_EQ(standing_.HistoryFor({.start_id = 22}).size(), 1u);
  const auto history = standing_.HistoryFor({.start_id = 11});
  ASSERT_EQ(history.size(), 2u);
  EXPECT_EQ(history[0].end_index, 50u);
  EXPECT_EQ(history[1].id, 22u);
}

TEST_F(StandingTest, OneServerThatKnowsMoreHaltsTheMasterAsAWhole) {
  EXPECT_OK(standing_.Register(Server("a:1", {1, 11, 49})));
  EXPECT_OK(standing_.Register(Server("b:1", {2, 22, 90})));
  EXPECT_OK(standing_.status());
  EXPECT_THAT(standing_.Register(Server("c:1", {1, 11, 50})), StatusIs(kRefused));
  EXPECT_THAT(standing_.Register(Server("d:1", {2, 33, 60})), StatusIs(kRefused));
  EXPECT_THAT(standing_.Register(Server("e:1", {2, 22, 90}, kNextChunk)), StatusIs(kRefused));
  EXPECT_THAT(standing_.status(), StatusIs(kRefused, ::testing::HasSubstr("adopt-history")));
  EXPECT_EQ(standing_.conflicts().size(), 3u);
  // Servers that come without what they knew take it back, each for itself.
  EXPECT_OK(standing_.Register(Server("c:1", {})));
  EXPECT_OK(standing_.Register(Server("d:1", {})));
  EXPECT_FALSE(standing_.status().ok());
  EXPECT_OK(standing_.Register(Server("e:1", {})));
  EXPECT_OK(standing_.status());
}

TEST_F(StandingTest, AChunkIdFromTheFutureIsAConflictUntilItIsReserved) {
  EXPECT_OK(standing_.CheckReplica("a:1", ChunkId(kNextChunk - 1)));
  standing_.Reserved(2000);
  EXPECT_OK(standing_.CheckReplica("a:1", ChunkId(1999)));
  standing_.Reserved(1500);
  EXPECT_OK(standing_.CheckReplica("a:1", ChunkId(1999))) << "never fewer";
  EXPECT_FALSE(standing_.CheckReplica("a:1", ChunkId(2000)).ok());
  EXPECT_FALSE(standing_.status().ok());
}

TEST_F(StandingTest, AReplicaThatIsThereBeforeItsIdIsGivenOutIsAConflict) {
  EXPECT_FALSE(standing_.FoundBeforeItsTime("a:1", ChunkId(3)).ok());
  EXPECT_FALSE(standing_.status().ok());
}

TEST_F(StandingTest, AdoptingGoesBeyondEverythingThatAnyServerHasSeen) {
  EXPECT_FALSE(standing_.Register(Server("a:1", {7, 77, 5000}, 9000)).ok());
  EXPECT_FALSE(standing_.Register(Server("b:1", {3, 33, 6000}, 8000)).ok());
  EXPECT_FALSE(standing_.Register(Server("c:1", {3, 33, 10}, 8000)).ok());
  const Standing::Adoption adoption = standing_.Adopt(99);
  EXPECT_EQ(adoption.index, 6001u);
  EXPECT_EQ(adoption.record.term(), 8u);
  EXPECT_EQ(adoption.record.start_id(), 99u);
  EXPECT_EQ(adoption.record.next_chunk(), 9001u);
  EXPECT_EQ(adoption.record.followed_size(), 2);
}

// A master is copied, started from copies, and adopts, at random; servers follow whoever admits
// them. No server ever carries out an order of a master that lacks what the server has seen.
class StandingWalkTest : public RandomTest {};

TEST_F(StandingWalkTest, NobodyFollowsAMasterThatLacksWhatTheyHaveSeen) {
  struct Master {
    std::vector<MasterStart> starts;
    std::vector<uint64_t> log;  // who wrote each index: the id of the start
  };
  struct Follower {
    FollowedMaster followed;
    std::vector<uint64_t> seen;  // log of the master at that time
  };
  uint64_t next_id = 1;
  const auto begin = [&](Master* master) {
    const uint64_t index = master->log.size() + 1;
    if (!master->starts.empty()) master->starts.back().end_index = index;
    master->starts.push_back(
        {.term = master->starts.size() + 1, .id = next_id, .first_index = index});
    master->log.push_back(next_id++);
  };
  std::vector<Master> masters(1);
  begin(&masters[0]);
  std::vector<Follower> servers(4);
  int followed = 0;
  int refused = 0;
  for (int step = 0; step < 20'000; ++step) {
    Master& master = masters[Below(masters.size())];
    switch (Below(10)) {
      case 0:
        if (masters.size() < 5) {
          masters.push_back(master);  // `master` may be gone now
          begin(&masters.back());
        } else {
          masters.erase(masters.begin() + static_cast<ptrdiff_t>(Below(masters.size())));
        }
        break;
      case 1:
        begin(&master);
        break;
      case 2:
      case 3:
        master.log.push_back(master.starts.back().id);
        break;
      default: {
        Follower& server = servers[Below(servers.size())];
        if (!CheckHistory(master.starts, server.followed).ok()) {
          ++refused;
          // Somebody empties it now and then, or all would soon refuse everybody.
          if (Below(20) == 0) server = {};
          break;
        }
        ++followed;
        ASSERT_LE(server.seen.size(), master.log.size());
        ASSERT_TRUE(std::equal(server.seen.begin(), server.seen.end(), master.log.begin()));
        server.followed = {master.starts.back().term, master.starts.back().id, master.log.size()};
        server.seen = master.log;
      }
    }
  }
  EXPECT_GT(followed, 100);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace quern::master
