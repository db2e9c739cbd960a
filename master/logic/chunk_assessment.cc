#include "master/logic/chunk_assessment.h"

#include <algorithm>

namespace quern::master {

size_t ChunkAssessment::Deficit() const {
  const size_t expected = good.size() + pending.size() + hoped.size();
  return expected >= wanted ? 0 : wanted - expected;
}

ChunkAssessment Assess(const ChunkInfo& chunk, const ServerRegistry& servers) {
  ChunkAssessment assessment;
  assessment.wanted = chunk.wanted;
  for (const Replica& replica : chunk.replicas) {
    const ServerInfo* server = servers.Find(replica.server);
    if (server == nullptr || server->dead) continue;
    if (!replica.confirmed || server->comparing) {
      assessment.hoped.push_back(replica.server);
    } else if (replica.state == pb::REPLICA_STATE_FINALIZED) {
      assessment.good.push_back(replica.server);
    } else if (replica.state == pb::REPLICA_STATE_OPEN ||
               replica.state == pb::REPLICA_STATE_FENCED) {
      assessment.pending.push_back(replica.server);
    } else {
      assessment.bad.push_back(replica.server);
    }
  }
  if (chunk.state == pb::CHUNK_STATE_SEALED && chunk.length == 0) {
    const size_t there =
        assessment.good.size() + assessment.pending.size() + assessment.hoped.size();
    assessment.wanted = static_cast<uint32_t>(std::min<size_t>(assessment.wanted, there));
  }
  return assessment;
}

size_t CountDurable(const ChunkInfo& chunk, const ServerRegistry& servers) {
  if (chunk.state != pb::CHUNK_STATE_SEALED) return 0;
  const ChunkAssessment assessment = Assess(chunk, servers);
  return assessment.good.size() + (chunk.clean ? assessment.pending.size() : 0);
}

}  // namespace quern::master
