// Judges one replica that a server reports, against what the log says of its chunk.
//
// Pure. A replica of which the master knows nothing is put aside for days before it may go: it may
// be the master that forgot (an old backup, an empty database).
#pragma once

#include <optional>
#include <string_view>

#include "master/logic/chunk_table.h"
#include "quern/dfs/v1/cluster.pb.h"

namespace quern::master {

enum class ReplicaVerdict {
  kIgnore,      // says nothing about the table
  kKeep,        // note it as reported
  kFinalize,    // note it, and tell the server the sealed length
  kReclaim,     // in quarantine, but wanted: tell the server the sealed length
  kForceSeal,   // note it, and seal its chunk: it will never grow again
  kDispute,     // sealed otherwise, or refused though it fits: tell the server the sealed length
  kBad,         // note it as stale or corrupt: to be replaced, then deleted
  kForget,      // the server has it no longer
  kDelete,      // of a deleted file, or in quarantine for long enough
  kQuarantine,  // unknown: keep it out of sight
};

struct ReplicaContext {
  // What the table knows; empty: no such chunk.
  std::optional<ChunkInfo> chunk;
  // A chunk of a deleted file.
  bool garbage = false;
  // Its Create order is under way: not logged yet, so nobody knows of it.
  bool allocating = false;
};

ReplicaVerdict JudgeReplica(ServerId server, const pb::ReplicaReport& report,
                            const ReplicaContext& context);

}  // namespace quern::master
