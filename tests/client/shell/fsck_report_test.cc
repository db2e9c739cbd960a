#include "client/shell/fsck_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/shell/known_servers.h"
#include "common/server_silence.h"

namespace quern::shell {
namespace {

using client::ChunkInfo;
using client::FileStatus;
using client::ServerAddress;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

ServerAddress Server(uint32_t id) {
  return {.id = ServerId(id), .address = "h:1", .node = "n1", .rack = "/r1"};
}

ChunkPresence Chunk(uint32_t replicas, uint32_t wanted = 3) {
  ChunkPresence result;
  ChunkInfo& chunk = result.info;
  chunk.id = ChunkId(0x2a);
  chunk.length = 1000;
  chunk.sealed = true;
  chunk.wanted_replicas = wanted;
  for (uint32_t i = 1; i <= replicas; ++i) chunk.replicas.push_back(Server(i));
  return result;
}

// With one replica more on a server that the master awaits, and one on a server that is late.
ChunkPresence WithAwaited(ChunkPresence chunk) {
  chunk.awaited.push_back(Server(8));
  return chunk;
}
ChunkPresence WithLate(ChunkPresence chunk) {
  chunk.late.push_back(Server(9));
  return chunk;
}

std::string VerdictOf(const std::vector<ChunkPresence>& chunks) {
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
  ChunkPresence lost = Chunk(3);
  lost.info.lost_tail = true;
  EXPECT_EQ(VerdictOf({lost}), "CORRUPT");
}

TEST(FsckReport, AReplicaWhoseServerIsNotHeardOfDoesNotCountAndIsNotLost) {
  EXPECT_EQ(VerdictOf({WithAwaited(Chunk(2))}), "UNDER-REPLICATED FOR NOW");
  EXPECT_EQ(VerdictOf({WithLate(Chunk(2))}), "UNDER-REPLICATED FOR NOW");
  EXPECT_EQ(VerdictOf({WithAwaited(Chunk(3))}), "HEALTHY") << "it is one too many";
  EXPECT_EQ(VerdictOf({WithAwaited(Chunk(1))}), "UNDER-REPLICATED") << "also when it comes";
  EXPECT_EQ(VerdictOf({WithAwaited(Chunk(0, 1))}), "UNAVAILABLE FOR NOW");
  EXPECT_EQ(VerdictOf({WithLate(Chunk(0)), Chunk(2)}), "UNAVAILABLE FOR NOW");
  EXPECT_EQ(VerdictOf({WithLate(Chunk(0)), Chunk(0)}), "CORRUPT");
}

TEST(FsckReport, TheServerThatIsNotHeardOfIsNamed) {
  FsckTotals totals;
  totals.Add({}, {WithAwaited(Chunk(2)), WithLate(Chunk(2)), WithAwaited(Chunk(0, 1))});
  EXPECT_FALSE(totals.healthy());
  const std::string text = totals.Summary("/");
  EXPECT_THAT(text, HasSubstr("Under-replicated for now:\t2\n"));
  EXPECT_THAT(text, HasSubstr("Unavailable for now:\t1\n"));
  EXPECT_THAT(text, HasSubstr("Missing chunks:\t0\n"));
  EXPECT_THAT(text, HasSubstr(" Chunkserver h:1 (n1) has not reported since the master started: 2 "
                              "replicas there not counted. Try: start it"));
  EXPECT_THAT(text, HasSubstr("has not been heard of for seconds: 1 replica there not counted"));
  EXPECT_EQ(ChunkLine(WithAwaited(Chunk(1)), false),
            "0. 0x2a len=1000 replicas=1 of 3 crc=00000000 awaited=1\n");
}

TEST(FsckReport, MoreReplicasThanServersIsTheReasonThatIsGiven) {
  FsckTotals totals;
  totals.Add({}, {Chunk(3, 5), Chunk(3)});
  totals.servers_alive = 3;
  EXPECT_EQ(totals.Verdict(), "UNDER-REPLICATED");
  EXPECT_THAT(totals.Summary("/"), HasSubstr(" 3 chunkservers are there, 5 copies are wanted: "));
  totals.servers_alive = 5;
  EXPECT_THAT(totals.Summary("/"), ::testing::Not(HasSubstr("copies are wanted")));
  FsckTotals healthy;
  healthy.Add({}, {Chunk(3)});
  healthy.servers_alive = 1;
  EXPECT_THAT(healthy.Summary("/"), ::testing::Not(HasSubstr("copies are wanted")));
}

TEST(FsckReport, OnlyWhatALateServerDecidesIsWorthASecondLook) {
  EXPECT_TRUE(DependsOnLateServers({Chunk(3), WithLate(Chunk(2))}));
  EXPECT_FALSE(DependsOnLateServers({WithLate(Chunk(3))}));
  EXPECT_FALSE(DependsOnLateServers({WithLate(Chunk(1))})) << "it lacks another one";
  EXPECT_FALSE(DependsOnLateServers({WithAwaited(Chunk(2))})) << "that may take minutes";
}

TEST(SecondLook, ServersThatComeAfterTheirMasterAreGivenSomeSeconds) {
  const absl::Time start = absl::UnixEpoch();
  const std::vector<ChunkPresence> unavailable = {WithAwaited(Chunk(0, 1))};
  SecondLook look;
  EXPECT_TRUE(look.IsWorthwhile(unavailable, start));
  EXPECT_TRUE(look.IsWorthwhile({WithAwaited(Chunk(2))}, start + absl::Seconds(4)));
  EXPECT_FALSE(look.IsWorthwhile({Chunk(3)}, start + absl::Seconds(4))) << "all is there";
  EXPECT_FALSE(look.IsWorthwhile({WithAwaited(Chunk(1))}, start + absl::Seconds(4)))
      << "it lacks another one";
  EXPECT_FALSE(look.IsWorthwhile(unavailable, start + absl::Seconds(5)))
      << "one that is away is not waited for with every file";
}

TEST(SecondLook, ALateServerIsWaitedForUntilItIsAliveOrDead) {
  const absl::Time start = absl::UnixEpoch();
  const std::vector<ChunkPresence> late = {WithLate(Chunk(2))};
  SecondLook look;
  EXPECT_TRUE(look.IsWorthwhile(late, start));
  EXPECT_TRUE(look.IsWorthwhile(late, start + kDefaultDeadAfter + absl::Seconds(1)));
  EXPECT_FALSE(look.IsWorthwhile(late, start + kDefaultDeadAfter + absl::Seconds(2)));
  EXPECT_FALSE(look.IsWorthwhile({Chunk(3)}, start + absl::Seconds(20)));
  EXPECT_TRUE(look.IsWorthwhile(late, start + absl::Seconds(21))) << "another one, anew";
}

TEST(KnownServers, AreAskedForOnceASecond) {
  int asked = 0;
  KnownServers servers([&asked]() -> absl::StatusOr<client::ClusterStatus> {
    ++asked;
    client::ClusterStatus cluster;
    auto& server = cluster.servers.emplace_back();
    server.address = Server(1);
    server.heartbeat_age = absl::Seconds(5);
    server.alive = asked > 1;
    return cluster;
  });
  const auto replicas = [&] {
    return servers.silent().Separate({Chunk(1).info})[0].info.replicas.size();
  };
  const absl::Time start = absl::UnixEpoch();
  ASSERT_TRUE(servers.Refresh(start).ok());
  EXPECT_EQ(replicas(), 0u);
  EXPECT_EQ(servers.alive(), 0u);
  ASSERT_TRUE(servers.Refresh(start + absl::Milliseconds(999)).ok());
  EXPECT_EQ(asked, 1) << "however many files are looked at";
  ASSERT_TRUE(servers.Refresh(start + absl::Seconds(1)).ok());
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(replicas(), 1u);
  EXPECT_EQ(servers.alive(), 1u);
  servers.Forget();
  ASSERT_TRUE(servers.Refresh(start + absl::Seconds(1)).ok());
  EXPECT_EQ(asked, 3);
}

TEST(KnownServers, WhatCouldNotBeAskedIsAskedAgain) {
  int asked = 0;
  KnownServers servers([&asked]() -> absl::StatusOr<client::ClusterStatus> {
    if (++asked == 1) return UnavailableError("no master");
    return client::ClusterStatus();
  });
  EXPECT_FALSE(servers.Refresh(absl::UnixEpoch()).ok());
  EXPECT_TRUE(servers.Refresh(absl::UnixEpoch()).ok());
  EXPECT_EQ(asked, 2);
}

TEST(FsckReport, TheMasterTellsWhichServersAreSilent) {
  client::ClusterStatus cluster;
  for (uint32_t id = 1; id <= 3; ++id) {
    auto& server = cluster.servers.emplace_back();
    server.address = Server(id);
    server.alive = id == 1;
    server.heartbeat_age = absl::Milliseconds(id == 2 ? -1 : 5000);
  }
  ChunkPresence open = Chunk(3);
  open.info.sealed = false;
  const auto seen = SilentServers(cluster).Separate({Chunk(4, 4).info, open.info});
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_THAT(seen[0].info.replicas, ElementsAre(Server(1), Server(4)))
      << "one that is not in the list has come since";
  EXPECT_THAT(seen[0].awaited, ElementsAre(Server(2)));
  EXPECT_THAT(seen[0].late, ElementsAre(Server(3)));
  EXPECT_EQ(seen[1].info.replicas.size(), 3u) << "the chain of what is being written";
}

TEST(FsckReport, WhatIsBeingWrittenIsNotJudged) {
  ChunkPresence open = Chunk(1);
  open.info.sealed = false;
  EXPECT_EQ(VerdictOf({open}), "HEALTHY");
  ChunkPresence empty = Chunk(0);
  empty.info.length = 0;
  EXPECT_EQ(VerdictOf({empty}), "HEALTHY");
}

TEST(FsckReport, ThereIsNothingToWaitForWhenEveryChunkHasWhatItWants) {
  EXPECT_TRUE(HasAllReplicas({}));
  EXPECT_TRUE(HasAllReplicas({Chunk(3), Chunk(2, 2)}));
  EXPECT_FALSE(HasAllReplicas({Chunk(3), Chunk(2)}));
  EXPECT_FALSE(HasAllReplicas({Chunk(4)})) << "one is to be removed";
  EXPECT_FALSE(HasAllReplicas({WithAwaited(Chunk(2))})) << "it may not come";
  EXPECT_FALSE(HasAllReplicas({WithLate(Chunk(3))})) << "it may be one too many";
  ChunkPresence empty = Chunk(1);
  empty.info.length = 0;
  EXPECT_TRUE(HasAllReplicas({Chunk(3), empty})) << "it gets no copy, ever";
  empty.info.sealed = false;
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

TEST(FsckReport, FilesWithoutANameAreToldWithTheirWritersSilence) {
  FsckTotals totals;
  EXPECT_THAT(totals.Summary("/"), Not(HasSubstr("without a name")));
  client::OpenFile file;
  file.path = "/in/a";
  file.length = 1000;
  file.chunk_count = 2;
  EXPECT_EQ(OpenFileLine(file),
            "/in/a 1000 bytes, 2 chunks:  being written, no name yet, writer not heard of since "
            "the master started\n");
  totals.nameless.Add(file);
  EXPECT_THAT(totals.Summary("/"), HasSubstr(" none has been heard of since the master started)"));
  file.writer_silence = absl::Minutes(12);
  file.chunk_count = 1;
  EXPECT_THAT(OpenFileLine(file), EndsWith(" no name yet, writer heard of 12 min ago\n"));
  totals.nameless.Add(file);
  EXPECT_THAT(totals.Summary("/"),
              HasSubstr(" Files without a name yet:\t2 (2000 B in 3 chunks; a writer that is not "
                        "heard of for 1 h is given up, the longest silence is 12 min)\n"));
  EXPECT_TRUE(totals.healthy());
  file.linked = true;
  EXPECT_THAT(OpenFileLine(file), EndsWith(" being written, writer heard of 12 min ago\n"));
}

TEST(FsckReport, ChunksTellWhereTheyAre) {
  EXPECT_EQ(ChunkLine(Chunk(2), false), "0. 0x2a len=1000 replicas=2 of 3 crc=00000000\n");
  EXPECT_THAT(ChunkLine(Chunk(2), true), EndsWith(" [cs1 n1 /r1 h:1, cs2 n1 /r1 h:1]\n"));
}

}  // namespace
}  // namespace quern::shell
