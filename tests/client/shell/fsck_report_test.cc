#include "client/shell/fsck_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::shell {
namespace {

using client::ChunkInfo;
using client::FileStatus;
using ::testing::EndsWith;
using ::testing::HasSubstr;

ChunkInfo Chunk(uint32_t replicas, uint32_t wanted = 3) {
  ChunkInfo chunk;
  chunk.id = ChunkId(0x2a);
  chunk.length = 1000;
  chunk.sealed = true;
  chunk.wanted_replicas = wanted;
  for (uint32_t i = 1; i <= replicas; ++i) {
    chunk.replicas.push_back({.id = ServerId(i), .address = "h:1", .node = "n1", .rack = "/r1"});
  }
  return chunk;
}

std::string VerdictOf(const std::vector<ChunkInfo>& chunks) {
  FileStatus file;
  file.path = "/in/a";
  FsckTotals totals;
  totals.Add(file, chunks);
  return std::string(totals.Verdict());
}

TEST(FsckReport, OneChunkShortOfReplicasDecides) {
  EXPECT_EQ(VerdictOf({}), "HEALTHY");
  EXPECT_EQ(VerdictOf({Chunk(3), Chunk(3)}), "HEALTHY");
  EXPECT_EQ(VerdictOf({Chunk(4)}), "HEALTHY");
  EXPECT_EQ(VerdictOf({Chunk(3), Chunk(2)}), "UNDER-REPLICATED");
  EXPECT_EQ(VerdictOf({Chunk(2), Chunk(0)}), "CORRUPT");
  ChunkInfo lost = Chunk(3);
  lost.lost_tail = true;
  EXPECT_EQ(VerdictOf({lost}), "CORRUPT");
}

TEST(FsckReport, WhatIsBeingWrittenIsNotJudged) {
  ChunkInfo open = Chunk(1);
  open.sealed = false;
  EXPECT_EQ(VerdictOf({open}), "HEALTHY");
  ChunkInfo empty = Chunk(0);
  empty.length = 0;
  EXPECT_EQ(VerdictOf({empty}), "HEALTHY");
}

TEST(FsckReport, ThereIsNothingToWaitForWhenEveryChunkHasWhatItWants) {
  EXPECT_TRUE(HasAllReplicas({}));
  EXPECT_TRUE(HasAllReplicas({Chunk(3), Chunk(2, 2)}));
  EXPECT_FALSE(HasAllReplicas({Chunk(3), Chunk(2)}));
  EXPECT_FALSE(HasAllReplicas({Chunk(4)})) << "one is to be removed";
  ChunkInfo empty = Chunk(1);
  empty.length = 0;
  EXPECT_TRUE(HasAllReplicas({Chunk(3), empty})) << "it gets no copy, ever";
  empty.sealed = false;
  EXPECT_FALSE(HasAllReplicas({empty})) << "it may be filled";
}

TEST(FsckReport, TheLastLineIsTheVerdict) {
  FsckTotals totals;
  EXPECT_THAT(totals.Summary("/in"), EndsWith("\nThe filesystem under path '/in' is HEALTHY\n"));
  FileStatus file;
  totals.Add(file, {Chunk(0)});
  EXPECT_THAT(totals.Summary("/in"), EndsWith("\nThe filesystem under path '/in' is CORRUPT\n"));
  EXPECT_THAT(totals.Summary("/in"), HasSubstr("Missing chunks:\t1\n"));
}

TEST(FsckReport, ChunksTellWhereTheyAre) {
  EXPECT_EQ(ChunkLine(Chunk(2), false), "0. 0x2a len=1000 replicas=2 of 3 crc=00000000\n");
  EXPECT_THAT(ChunkLine(Chunk(2), true), EndsWith(" [cs1 n1 /r1 h:1, cs2 n1 /r1 h:1]\n"));
}

}  // namespace
}  // namespace quern::shell
