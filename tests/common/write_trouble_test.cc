#include "common/write_trouble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern {
namespace {

using ::testing::HasSubstr;

// Three servers of 100 GiB together, half of it free.
WriteAbility Well() {
  return {.writable = true,
          .servers_alive = 3,
          .servers_known = 3,
          .min_write_replicas = 2,
          .default_replication = 3,
          .capacity_bytes = uint64_t{100} << 30,
          .free_bytes = uint64_t{50} << 30};
}

TEST(WriteTrouble, AClusterThatIsWellHasNone) {
  EXPECT_EQ(TroubleOf(Well()), WriteTrouble::kNone);
  EXPECT_EQ(DescribeTrouble(Well()), "");
}

TEST(WriteTrouble, WithoutRoomNoFileCanBeWritten) {
  WriteAbility full = Well();
  full.writable = false;
  full.free_bytes = 0;
  EXPECT_EQ(TroubleOf(full), WriteTrouble::kFull);
  EXPECT_FALSE(CanWrite(TroubleOf(full)));
  EXPECT_THAT(DescribeTrouble(full), HasSubstr("full (0 B of 100 GiB free"));
  full.free_bytes = 100;  // less than what is kept for removals
  EXPECT_EQ(TroubleOf(full), WriteTrouble::kFull);
}

TEST(WriteTrouble, NearlyFullIsAWarning) {
  WriteAbility cluster = Well();
  cluster.free_bytes = uint64_t{5} << 30;
  EXPECT_EQ(TroubleOf(cluster), WriteTrouble::kNone);
  --cluster.free_bytes;
  EXPECT_EQ(TroubleOf(cluster), WriteTrouble::kNearlyFull);
  EXPECT_TRUE(CanWrite(TroubleOf(cluster)));
  EXPECT_THAT(DescribeTrouble(cluster), HasSubstr("nearly full"));
}

TEST(WriteTrouble, TooFewServersAreSaidBeforeRoom) {
  WriteAbility cluster = Well();
  cluster.writable = false;
  cluster.servers_alive = 1;
  cluster.free_bytes = 0;
  EXPECT_EQ(TroubleOf(cluster), WriteTrouble::kTooFewServers);
  EXPECT_THAT(DescribeTrouble(cluster), HasSubstr("1 of 3 chunkservers alive, need 2"));
  cluster.servers_alive = 0;
  cluster.default_replication = 1;
  EXPECT_THAT(DescribeTrouble(cluster), HasSubstr("0 of 3 chunkservers alive, need 1"));
}

TEST(WriteTrouble, OneServerIsEnoughForAClusterOfOne) {
  WriteAbility cluster = Well();
  cluster.servers_alive = cluster.servers_known = 1;
  EXPECT_EQ(TroubleOf(cluster), WriteTrouble::kNone);
  cluster.writable = false;
  EXPECT_EQ(TroubleOf(cluster), WriteTrouble::kFull);
}

TEST(MissingServers, AreSaidWhereMoreCopiesAreWanted) {
  EXPECT_EQ(DescribeMissingServers(3, 3), "");
  EXPECT_EQ(
      DescribeMissingServers(1, 5),
      "1 chunkserver is there, 5 copies are wanted: fsck says UNDER-REPLICATED until there are "
      "more");
  EXPECT_EQ(DescribeMissingServers(2, 3, "waits"),
            "2 chunkservers are there, 3 copies are wanted: waits");
}

TEST(WriteTrouble, WhatHaltsTheMasterIsSaidFirst) {
  WriteAbility cluster = Well();
  cluster.writable = false;
  cluster.servers_alive = 0;
  cluster.halted = "the master's disk is full";
  EXPECT_EQ(TroubleOf(cluster), WriteTrouble::kHalted);
  EXPECT_EQ(DescribeTrouble(cluster), cluster.halted);
  EXPECT_FALSE(CanWrite(TroubleOf(cluster)));
}

}  // namespace
}  // namespace quern
