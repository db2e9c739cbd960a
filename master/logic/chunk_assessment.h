// How a sealed chunk is doing: which of its replicas count, which may yet, and which never will.
// Pure. Repair, garbage collection, Complete and the pages all go by this one reading.
#pragma once

#include <absl/container/inlined_vector.h>

#include "master/logic/chunk_table.h"
#include "master/logic/server_registry.h"

namespace quern::master {

using ServerList = absl::InlinedVector<ServerId, 4>;

struct ChunkAssessment {
  // An empty chunk loses nothing with its replicas: of it, no more than there are.
  uint32_t wanted = 0;
  // Confirmed FINALIZED replicas on servers that are not dead.
  ServerList good;
  // Sealed on their server's disk or about to be: their Finalize is under way.
  ServerList pending;
  // Hints from the last term whose server has not yet spoken.
  ServerList hoped;
  // Stale or corrupt, to be replaced and then removed.
  ServerList bad;

  // Copies that are lacking even if everything that may turn out well does.
  size_t Deficit() const;
  bool UnderReplicated() const { return Deficit() > 0; }
  // Nobody has it, and nobody may yet.
  bool Missing() const { return good.empty() && pending.empty() && hoped.empty(); }
};

ChunkAssessment Assess(const ChunkInfo& chunk, const ServerRegistry& servers);

// Replicas whose bytes are certainly on a disk of a server that is not dead: what Complete counts.
size_t CountDurable(const ChunkInfo& chunk, const ServerRegistry& servers);

}  // namespace quern::master
