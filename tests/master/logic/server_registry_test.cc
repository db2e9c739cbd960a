#include "master/logic/server_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/master/logic/test_servers.h"

namespace quern::master {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ServerRegistryTest, ABrokenSessionIsSuspectedAtOnceAndDeadAfterTenSeconds) {
  TestServers servers;
  servers.AddMany(2);
  EXPECT_EQ(servers.registry.Health(ServerId(1), servers.now), ServerHealth::kAlive);
  servers.registry.Disconnect(ServerId(1));
  EXPECT_EQ(servers.registry.Health(ServerId(1), servers.now), ServerHealth::kSuspected);
  EXPECT_EQ(servers.registry.CountAlive(servers.now), 1u);
  servers.now += absl::Seconds(9.9);
  servers.Heartbeat(2);
  EXPECT_THAT(servers.registry.TakeDead(servers.now), IsEmpty());
  servers.now += absl::Seconds(0.1);
  EXPECT_THAT(servers.registry.TakeDead(servers.now), ElementsAre(ServerId(1)));
  EXPECT_THAT(servers.registry.TakeDead(servers.now), IsEmpty()) << "each death is told once";
}

TEST(ServerRegistryTest, SilenceOverAStandingSessionIsSuspectedToo) {
  TestServers servers;
  servers.AddMany(1);
  servers.now += absl::Seconds(4);
  EXPECT_EQ(servers.registry.Health(ServerId(1), servers.now), ServerHealth::kSuspected);
  servers.Heartbeat(1);
  EXPECT_EQ(servers.registry.Health(ServerId(1), servers.now), ServerHealth::kAlive);
}

TEST(ServerRegistryTest, ServersOfTheLastTermAreAwaitedNotDead) {
  TestServers servers;
  servers.AddAwaited({.id = 1});
  const absl::Time patience_ends = servers.now + absl::Minutes(10);
  servers.now += absl::Minutes(9);
  EXPECT_THAT(servers.registry.TakeDead(servers.now), IsEmpty());
  EXPECT_EQ(servers.registry.Health(ServerId(1), servers.now), ServerHealth::kAwaited);
  EXPECT_FALSE(servers.registry.AllConfirmed());
  EXPECT_EQ(servers.registry.NextDeadline(), patience_ends);
}

TEST(ServerRegistryTest, AServerThatDoesNotComeBackAfterARestartIsDeadInTheEnd) {
  TestServers servers;
  servers.AddAwaited({.id = 1});
  servers.now += absl::Minutes(10);
  EXPECT_THAT(servers.registry.TakeDead(servers.now), ElementsAre(ServerId(1)));
  EXPECT_EQ(servers.registry.Health(ServerId(1), servers.now), ServerHealth::kDead);
  EXPECT_THAT(servers.registry.TakeDead(servers.now), IsEmpty());
  EXPECT_TRUE(servers.registry.AllConfirmed());
  servers.registry.Admit(ServerId(1), {}, servers.now);
  EXPECT_EQ(servers.registry.Health(ServerId(1), servers.now), ServerHealth::kAlive);
}

TEST(ServerRegistryTest, AServerAtWhoseAddressAnotherOneRegistersIsNotThere) {
  TestServers servers;
  for (const uint32_t id : {1, 2, 3}) servers.AddAwaited({.id = id, .node = "n"});
  pb::ServerRow row = servers.registry.Find(ServerId(1))->row;
  row.set_uuid("uuid2");
  servers.registry.Load(ServerId(2), row);  // started without its disk, say
  servers.registry.Admit(ServerId(2), {}, servers.now);
  EXPECT_THAT(servers.registry.TakeDead(servers.now), ElementsAre(ServerId(1)))
      << "3 has another address and is awaited";
  servers.registry.Admit(ServerId(1), {}, servers.now);
  EXPECT_EQ(servers.registry.Health(ServerId(1), servers.now), ServerHealth::kAlive);
  EXPECT_THAT(servers.registry.TakeDead(servers.now), IsEmpty()) << "2 has its session still";
  servers.registry.Disconnect(ServerId(2));
  EXPECT_THAT(servers.registry.TakeDead(servers.now), ElementsAre(ServerId(2)));
  EXPECT_EQ(servers.registry.NextDeadline(), servers.now + absl::Seconds(10)) << "of 1";
}

TEST(ServerRegistryTest, AServerThatReturnsMustConfirmAnew) {
  TestServers servers;
  servers.AddMany(1);
  EXPECT_TRUE(servers.registry.AllConfirmed());
  servers.Kill(1);
  EXPECT_TRUE(servers.registry.AllConfirmed()) << "the dead have nothing to say";
  servers.registry.Admit(ServerId(1), {}, servers.now);
  EXPECT_FALSE(servers.registry.AllConfirmed());
  EXPECT_EQ(servers.registry.Health(ServerId(1), servers.now), ServerHealth::kAlive);
}

TEST(ServerRegistryTest, FailedDisksDoNotCountAsSpace) {
  TestServers servers;
  servers.AddAwaited({.id = 1});
  pb::ServerMessage::Register registration;
  for (const bool failed : {false, true}) {
    pb::DiskReport* disk = registration.add_disks();
    disk->set_capacity_bytes(100);
    disk->set_free_bytes(40);
    disk->set_failed(failed);
  }
  servers.registry.Admit(ServerId(1), registration, servers.now);
  EXPECT_EQ(servers.registry.Find(ServerId(1))->capacity_bytes, 100u);
  EXPECT_EQ(servers.registry.Find(ServerId(1))->free_bytes, 40u);
}

TEST(ServerRegistryTest, KnowsServersByTheirUuid) {
  TestServers servers;
  servers.AddMany(2);
  EXPECT_EQ(servers.registry.FindByUuid("uuid2"), ServerId(2));
  EXPECT_EQ(servers.registry.FindByUuid("uuid3"), std::nullopt);
}

}  // namespace
}  // namespace quern::master
