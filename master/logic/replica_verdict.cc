#include "master/logic/replica_verdict.h"

namespace quern::master {
namespace {

ReplicaVerdict JudgeUnknown(const pb::ReplicaReport& report, const ReplicaContext& context) {
  if (report.state() == pb::REPLICA_STATE_REMOVED || context.allocating) {
    return ReplicaVerdict::kIgnore;
  }
  if (context.garbage) return ReplicaVerdict::kDelete;
  // Days have passed, and the server, which knows nothing that this master does not (Standing), has
  // not heard of the chunk either.
  if (report.state() == pb::REPLICA_STATE_QUARANTINED && report.expired()) {
    return ReplicaVerdict::kDelete;
  }
  return report.state() == pb::REPLICA_STATE_QUARANTINED ? ReplicaVerdict::kIgnore
                                                         : ReplicaVerdict::kQuarantine;
}

// The chunk is OPEN or SEALING: only the servers of its chain may hold it.
ReplicaVerdict JudgeUnsealed(ServerId server, const pb::ReplicaReport& report,
                             const ChunkInfo& chunk) {
  // It was gone for a while, so its chunk is being sealed. It does not count before the seal has
  // told it what it should hold.
  if (chunk.Find(server) == nullptr) return ReplicaVerdict::kIgnore;
  if (report.state() == pb::REPLICA_STATE_OPEN) return ReplicaVerdict::kKeep;
  // FINALIZED before the log says so would be news from the future; a seal finds out.
  return ReplicaVerdict::kForceSeal;
}

// What another master has sealed or refused is for the server to judge anew, which may have the
// right one on another disk. The order makes STALE what does not fit and FINALIZED what fits, and
// neither is disputed: one order for a report, whatever comes of it.
ReplicaVerdict JudgeSealed(const pb::ReplicaReport& report, const ChunkInfo& chunk) {
  const bool fits = report.length() == chunk.length && report.crc() == chunk.crc;
  switch (report.state()) {
    case pb::REPLICA_STATE_FINALIZED:
      return fits ? ReplicaVerdict::kKeep : ReplicaVerdict::kDispute;
    case pb::REPLICA_STATE_STALE:
      return fits ? ReplicaVerdict::kDispute : ReplicaVerdict::kBad;
    case pb::REPLICA_STATE_OPEN:
    case pb::REPLICA_STATE_FENCED:
      return ReplicaVerdict::kFinalize;
    default:
      return ReplicaVerdict::kBad;
  }
}

}  // namespace

ReplicaVerdict JudgeReplica(ServerId server, const pb::ReplicaReport& report,
                            const ReplicaContext& context) {
  if (!context.chunk.has_value()) return JudgeUnknown(report, context);
  if (report.state() == pb::REPLICA_STATE_REMOVED) return ReplicaVerdict::kForget;
  if (report.state() == pb::REPLICA_STATE_UNSPECIFIED) return ReplicaVerdict::kIgnore;
  if (report.state() == pb::REPLICA_STATE_QUARANTINED) {
    // A master that knew less put it aside.
    const bool sealed = context.chunk->state == pb::CHUNK_STATE_SEALED;
    return sealed ? ReplicaVerdict::kReclaim : ReplicaVerdict::kIgnore;
  }
  if (context.chunk->state != pb::CHUNK_STATE_SEALED) {
    return JudgeUnsealed(server, report, *context.chunk);
  }
  return JudgeSealed(report, *context.chunk);
}

}  // namespace quern::master
