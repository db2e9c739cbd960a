#include "client/shell/space.h"

#include <gtest/gtest.h>

namespace quern::shell {
namespace {

using client::ClusterStatus;

ClusterStatus::Server Server(std::vector<ClusterStatus::Disk> disks, bool alive = true) {
  ClusterStatus::Server server;
  server.alive = alive;
  server.used_bytes = 10;
  for (const auto& disk : disks) {
    if (disk.failed) continue;
    server.capacity_bytes += disk.capacity_bytes;
    server.free_bytes += disk.free_bytes;
  }
  server.disks = std::move(disks);
  return server;
}

ClusterStatus::Disk Disk(const std::string& device, uint64_t capacity, uint64_t free) {
  ClusterStatus::Disk disk;
  disk.device = device;
  disk.capacity_bytes = capacity;
  disk.free_bytes = free;
  return disk;
}

void ExpectSpace(const ClusterStatus& cluster, uint64_t capacity, uint64_t used, uint64_t free) {
  const Space space = SpaceOf(cluster);
  EXPECT_EQ(space.capacity, capacity);
  EXPECT_EQ(space.used, used);
  EXPECT_EQ(space.free, free);
}

TEST(Space, IsTheSumOfMachines) {
  ClusterStatus cluster;
  cluster.servers = {Server({Disk("m1:1", 100, 60), Disk("m1:2", 100, 70)}),
                     Server({Disk("m2:1", 100, 50)}), Server({Disk("m3:1", 100, 50)}, false)};
  ExpectSpace(cluster, 300, 20, 180);
}

TEST(Space, OfADiskThatSeveralServersShareCountsOnce) {
  ClusterStatus cluster;
  cluster.servers = {Server({Disk("m1:1", 100, 60)}), Server({Disk("m1:1", 100, 58)}),
                     Server({Disk("m1:1", 100, 59), Disk("m1:1", 100, 59)})};
  ExpectSpace(cluster, 100, 30, 58);
}

TEST(Space, OfADiskWithoutANameOrThatHasFailedIsAsItsServerSays) {
  ClusterStatus cluster;
  cluster.servers = {Server({Disk("", 100, 60)}), Server({Disk("", 100, 60)})};
  ExpectSpace(cluster, 200, 20, 120);
  ClusterStatus::Disk failed = Disk("m1:2", 1000, 1000);
  failed.failed = true;
  cluster.servers = {Server({Disk("m1:1", 100, 60), failed})};
  ExpectSpace(cluster, 100, 10, 60);
}

TEST(Space, OnlyServersThatAreAliveCanBeWrittenTo) {
  ClusterStatus cluster;
  cluster.min_write_replicas = 2;
  cluster.default_replication = 3;
  cluster.servers = {Server({Disk("m1:1", 100, 0)}), Server({Disk("m2:1", 100, 0)}),
                     Server({Disk("m3:1", 100, 50)}, false)};
  const WriteAbility ability = WriteAbilityOf(cluster);
  EXPECT_EQ(ability.servers_alive, 2u);
  EXPECT_EQ(ability.servers_known, 3u);
  EXPECT_EQ(ability.capacity_bytes, 200u);
  EXPECT_EQ(TroubleOf(ability), WriteTrouble::kFull);
  cluster.writable = true;
  cluster.servers[0].free_bytes = 100;
  EXPECT_EQ(TroubleOf(WriteAbilityOf(cluster)), WriteTrouble::kNone);
}

}  // namespace
}  // namespace quern::shell
