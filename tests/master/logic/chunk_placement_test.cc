#include "master/logic/chunk_placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/master/logic/test_servers.h"
#include "tests/support/random_test.h"

namespace quern::master {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class ChunkPlacementTest : public RandomTest {
 protected:
  Placement Choose(const PlacementRequest& request) {
    return placement_.Choose(servers_.registry, request, servers_.now, random_);
  }
  const ServerInfo& Server(ServerId id) { return *servers_.registry.Find(id); }

  TestServers servers_;
  ChunkPlacement placement_{ChunkPlacement::Options{}};
};

TEST_F(ChunkPlacementTest, TheFirstReplicaGoesToTheWritersMachine) {
  servers_.AddMany(6, 3);
  for (int i = 0; i < 50; ++i) {
    const Placement chosen = Choose({.count = 3, .bytes = 1, .writer_node = "n4"});
    ASSERT_THAT(chosen.servers, SizeIs(3));
    EXPECT_EQ(chosen.servers.front(), ServerId(4));
  }
}

TEST_F(ChunkPlacementTest, NeverPutsTwoReplicasOnOneMachineWhileAnotherHasRoom) {
  servers_.Add({.id = 1, .node = "a"});
  servers_.Add({.id = 2, .node = "a"});
  servers_.Add({.id = 3, .node = "b"});
  for (int i = 0; i < 50; ++i) {
    const Placement chosen = Choose({.count = 2, .bytes = 1});
    EXPECT_NE(Server(chosen.servers[0]).row.node(), Server(chosen.servers[1]).row.node());
  }
  EXPECT_THAT(Choose({.count = 3, .bytes = 1}).servers, SizeIs(3)) << "better there than nowhere";
}

TEST_F(ChunkPlacementTest, SpreadsOverRacks) {
  servers_.AddMany(9, 3);
  for (int i = 0; i < 50; ++i) {
    std::set<std::string> racks;
    for (const ServerId id : Choose({.count = 3, .bytes = 1}).servers) {
      racks.insert(Server(id).row.rack());
    }
    EXPECT_THAT(racks, SizeIs(3));
  }
}

TEST_F(ChunkPlacementTest, ACopyAvoidsTheMachinesAndRacksThatHaveOne) {
  servers_.AddMany(6, 2);
  const Placement chosen = Choose({.count = 1, .bytes = 1, .present = {ServerId(2)}});
  ASSERT_THAT(chosen.servers, SizeIs(1));
  EXPECT_NE(Server(chosen.servers[0]).row.rack(), Server(ServerId(2)).row.rack());
}

TEST_F(ChunkPlacementTest, NamesWhatRulesAServerOut) {
  servers_.AddMany(4);
  servers_.Add({.id = 5, .free_bytes = 1000});
  servers_.AddAwaited({.id = 6});
  servers_.Kill(1);
  servers_.registry.Disconnect(ServerId(2));
  const Placement chosen =
      Choose({.count = 9, .bytes = 1, .exclude = {ServerId(3)}, .present = {ServerId(4)}});
  EXPECT_THAT(chosen.servers, SizeIs(0));
  EXPECT_EQ(
      chosen.Reasons(),
      "cs1 is dead, cs2 is silent, cs3 has just failed or has a bad replica, cs4 has a replica "
      "already, cs5 has no room (1000 B free), cs6 is awaited since the master's start");
  const std::string known = chosen.Reasons({{ServerId(3), "has burnt"}, {ServerId(5), "has too"}});
  EXPECT_THAT(known, HasSubstr("cs3 has burnt, ")) << "only what it was excluded for";
  EXPECT_THAT(known, HasSubstr("cs5 has no room"));
}

TEST_F(ChunkPlacementTest, PrefersServersWithFreeSpace) {
  servers_.Add({.id = 1, .free_bytes = uint64_t{180} << 30});
  servers_.Add({.id = 2, .free_bytes = uint64_t{20} << 30});
  std::map<ServerId, int> chosen;
  for (int i = 0; i < 1000; ++i) ++chosen[Choose({.count = 1, .bytes = 1}).servers[0]];
  EXPECT_GT(chosen[ServerId(1)], 800);
  EXPECT_GT(chosen[ServerId(2)], 20);
}

TEST_F(ChunkPlacementTest, RecentCreationsKeepANewServerFromBeingFlooded) {
  servers_.Add({.id = 1, .free_bytes = uint64_t{199} << 30});
  servers_.Add({.id = 2, .free_bytes = uint64_t{100} << 30});
  std::map<ServerId, int> chosen;
  for (int i = 0; i < 300; ++i) {
    const ServerId server = Choose({.count = 1, .bytes = 1}).servers[0];
    placement_.NoteCreation(server, servers_.now);
    ++chosen[server];
  }
  EXPECT_LT(chosen[ServerId(1)], 2.5 * chosen[ServerId(2)]);
  EXPECT_GT(chosen[ServerId(1)], chosen[ServerId(2)]);
}

TEST_F(ChunkPlacementTest, AnyClusterGivesDistinctLivingServersAsLongAsThereAreSome) {
  for (int round = 0; round < 200; ++round) {
    TestServers servers;
    const auto count = static_cast<uint32_t>(1 + Below(12));
    std::set<ServerId> usable;
    for (uint32_t id = 1; id <= count; ++id) {
      servers.Add({.id = id,
                   .node = "m" + std::to_string(Below(5)),
                   .rack = "/r" + std::to_string(Below(3)),
                   .free_bytes = OneIn(4) ? 0 : uint64_t{50} << 30});
      if (OneIn(5)) servers.registry.Disconnect(ServerId(id));
      const ServerInfo& server = *servers.registry.Find(ServerId(id));
      if (server.connected && server.free_bytes > 0) usable.insert(ServerId(id));
    }
    const size_t wanted = 1 + Below(5);
    const Placement chosen = placement_.Choose(
        servers.registry, {.count = wanted, .bytes = 64 << 20, .writer_node = "m1"}, servers.now,
        random_);
    EXPECT_EQ(chosen.servers.size(), std::min(wanted, usable.size()));
    const std::set<ServerId> distinct(chosen.servers.begin(), chosen.servers.end());
    EXPECT_EQ(distinct.size(), chosen.servers.size());
    std::map<std::string, int> on_machine;
    std::set<std::string> machines;
    for (const ServerId id : usable) machines.insert(servers.registry.Find(id)->row.node());
    for (const ServerId id : chosen.servers) {
      EXPECT_TRUE(usable.contains(id));
      ++on_machine[servers.registry.Find(id)->row.node()];
    }
    EXPECT_EQ(on_machine.size(), std::min(chosen.servers.size(), machines.size()));
  }
}

// Only some servers are looked at in a large cluster; what is promised still holds.
TEST_F(ChunkPlacementTest, ALargeClusterIsFilledByTheSameRules) {
  constexpr uint32_t kServers = 1000;
  for (uint32_t id = 1; id <= kServers; ++id) {
    servers_.Add({.id = id,
                  .rack = "/r" + std::to_string(id % 20),
                  .free_bytes = uint64_t{id % 2 == 0 ? 160u : 40u} << 30});
  }
  std::map<ServerId, int> chosen;
  int emptier = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string writer = "n" + std::to_string(1 + Below(kServers));
    const Placement placement = Choose({.count = 3, .bytes = 1, .writer_node = writer});
    ASSERT_THAT(placement.servers, SizeIs(3));
    EXPECT_EQ(Server(placement.servers[0]).row.node(), writer);
    std::set<std::string> racks;
    for (const ServerId id : placement.servers) racks.insert(Server(id).row.rack());
    ASSERT_THAT(racks, SizeIs(3));
    for (size_t n = 1; n < 3; ++n) {
      ++chosen[placement.servers[n]];
      emptier += placement.servers[n].value() % 2 == 0 ? 1 : 0;
    }
  }
  // Four fifths of the free space is on the even ones.
  EXPECT_NEAR(emptier, 4800, 300);
  EXPECT_GT(chosen.size(), 800u);
}

TEST_F(ChunkPlacementTest, TheLastServersWithRoomAreFoundInALargeCluster) {
  for (uint32_t id = 1; id <= 1000; ++id) {
    servers_.Add({.id = id, .free_bytes = id % 400 == 7 ? uint64_t{50} << 30 : 0});
  }
  EXPECT_THAT(Choose({.count = 3, .bytes = 1 << 20}).servers,
              UnorderedElementsAre(ServerId(7), ServerId(407), ServerId(807)));
  const Placement none = Choose({.count = 4, .bytes = 1 << 20});
  EXPECT_THAT(none.servers, SizeIs(3));
  EXPECT_THAT(none.Reasons(), EndsWith(" and 987 more"));
}

}  // namespace
}  // namespace quern::master
