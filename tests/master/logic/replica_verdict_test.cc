#include "master/logic/replica_verdict.h"

#include <gtest/gtest.h>

namespace quern::master {
namespace {

using V = ReplicaVerdict;

constexpr ServerId kHolder(1);
constexpr ServerId kStranger(9);

ChunkInfo Chunk(pb::ChunkState state) {
  ChunkInfo chunk;
  chunk.id = ChunkId(5);
  chunk.state = state;
  chunk.length = 100;
  chunk.crc = 7;
  chunk.replicas = {{kHolder, pb::REPLICA_STATE_OPEN, true}};
  return chunk;
}

struct Row {
  const char* what;
  std::optional<pb::ChunkState> chunk;
  ServerId server;
  pb::ReplicaState state;
  uint64_t length;
  V expected;
  bool garbage = false;
  bool allocating = false;
  bool expired = false;
};

TEST(ReplicaVerdictTest, Table) {
  const auto kOpenChunk = pb::CHUNK_STATE_OPEN;
  const auto kSealing = pb::CHUNK_STATE_SEALING;
  const auto kSealed = pb::CHUNK_STATE_SEALED;
  const std::vector<Row> rows = {
      {"unknown chunk", {}, kHolder, pb::REPLICA_STATE_FINALIZED, 1, V::kQuarantine},
      {"put aside already", {}, kHolder, pb::REPLICA_STATE_QUARANTINED, 1, V::kIgnore},
      {"put aside for long enough",
       {},
       kHolder,
       pb::REPLICA_STATE_QUARANTINED,
       1,
       V::kDelete,
       false,
       false,
       true},
      {"gone and unknown", {}, kHolder, pb::REPLICA_STATE_REMOVED, 0, V::kIgnore},
      {"deleted file", {}, kHolder, pb::REPLICA_STATE_FINALIZED, 1, V::kDelete, true},
      {"being created", {}, kHolder, pb::REPLICA_STATE_OPEN, 0, V::kIgnore, false, true},

      {"open", kOpenChunk, kHolder, pb::REPLICA_STATE_OPEN, 10, V::kKeep},
      {"latched by its restart", kOpenChunk, kHolder, pb::REPLICA_STATE_FENCED, 10, V::kForceSeal},
      {"corrupt while open", kOpenChunk, kHolder, pb::REPLICA_STATE_CORRUPT, 10, V::kForceSeal},
      {"was told as gone", kOpenChunk, kStranger, pb::REPLICA_STATE_OPEN, 10, V::kIgnore},
      {"the same, sealed here", kSealing, kStranger, pb::REPLICA_STATE_FINALIZED, 10, V::kIgnore},
      {"lost while open", kOpenChunk, kHolder, pb::REPLICA_STATE_REMOVED, 0, V::kForget},
      {"latched for the seal", kSealing, kHolder, pb::REPLICA_STATE_FENCED, 10, V::kForceSeal},

      {"good", kSealed, kHolder, pb::REPLICA_STATE_FINALIZED, 100, V::kKeep},
      {"good copy", kSealed, kStranger, pb::REPLICA_STATE_FINALIZED, 100, V::kKeep},
      {"other length", kSealed, kHolder, pb::REPLICA_STATE_FINALIZED, 90, V::kDispute},
      {"missed the seal", kSealed, kHolder, pb::REPLICA_STATE_FENCED, 120, V::kFinalize},
      {"missed it, still open", kSealed, kHolder, pb::REPLICA_STATE_OPEN, 120, V::kFinalize},
      {"stale", kSealed, kHolder, pb::REPLICA_STATE_STALE, 90, V::kBad},
      {"refused, though it fits", kSealed, kHolder, pb::REPLICA_STATE_STALE, 100, V::kDispute},
      {"corrupt", kSealed, kHolder, pb::REPLICA_STATE_CORRUPT, 100, V::kBad},
      {"put aside by mistake", kSealed, kHolder, pb::REPLICA_STATE_QUARANTINED, 100, V::kReclaim},
      {"put aside while open", kOpenChunk, kHolder, pb::REPLICA_STATE_QUARANTINED, 100, V::kIgnore},
      {"removed", kSealed, kHolder, pb::REPLICA_STATE_REMOVED, 0, V::kForget},
  };
  for (const Row& row : rows) {
    pb::ReplicaReport report;
    report.set_chunk_id(5);
    report.set_state(row.state);
    report.set_length(row.length);
    report.set_crc(7);
    report.set_expired(row.expired);
    ReplicaContext context;
    context.garbage = row.garbage;
    context.allocating = row.allocating;
    if (row.chunk.has_value()) context.chunk = Chunk(*row.chunk);
    EXPECT_EQ(JudgeReplica(row.server, report, context), row.expected) << row.what;
  }
}

// Each report of a sealed chunk is answered with one order at most, and what that makes of the
// replica with none: whatever comes of it, no order goes back and forth.
TEST(ReplicaVerdictTest, WhatAnOrderMakesOfAReplicaIsNotAnsweredWithAnOrder) {
  const auto ordered = [](pb::ReplicaState state, uint64_t length, uint32_t crc) {
    pb::ReplicaReport report;
    report.set_state(state);
    report.set_length(length);
    report.set_crc(crc);
    const V verdict = JudgeReplica(kHolder, report, {.chunk = Chunk(pb::CHUNK_STATE_SEALED)});
    return verdict == V::kDispute || verdict == V::kFinalize || verdict == V::kReclaim;
  };
  for (const uint64_t length : {90, 100, 110}) {
    for (const uint32_t crc : {7, 8}) {
      const bool fits = length == 100 && crc == 7;
      EXPECT_EQ(ordered(pb::REPLICA_STATE_FINALIZED, length, crc), !fits);
      EXPECT_EQ(ordered(pb::REPLICA_STATE_STALE, length, crc), fits);
      EXPECT_FALSE(ordered(pb::REPLICA_STATE_CORRUPT, length, crc));
    }
  }
}

// Whatever a master that knows nothing is told, it deletes nothing.
TEST(ReplicaVerdictTest, AnEmptyMasterDeletesNothing) {
  for (int state = pb::ReplicaState_MIN; state <= pb::ReplicaState_MAX; ++state) {
    pb::ReplicaReport report;
    report.set_chunk_id(5);
    report.set_state(static_cast<pb::ReplicaState>(state));
    EXPECT_NE(JudgeReplica(kHolder, report, {}), V::kDelete);
  }
}

}  // namespace
}  // namespace quern::master
