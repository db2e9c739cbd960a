#include "tests/campaign/verifier.h"

#include <fmt/format.h>

#include <algorithm>

namespace quern::campaign {
namespace {

using Violations = std::vector<std::string>;

// Set aside by a server that knows why it does not serve it; never counted as a copy.
bool SetAside(const ReplicaSeen& replica) {
  return replica.state == "QUARANTINED" || replica.state == "REMOVED" ||
         replica.state == "REMOVING";
}

void CheckListed(uint64_t id, const ChunkSeen& chunk, const std::string& server,
                 const ClusterSeen& seen, Violations* out) {
  const auto disk = seen.disks.find(server);
  if (disk == seen.disks.end()) {
    out->push_back(fmt::format("chunk {:#x}: listed at {}, which is no server", id, server));
    return;
  }
  const auto entry = disk->second.find(id);
  if (entry == disk->second.end() || !entry->second.has_file) {
    out->push_back(fmt::format("chunk {:#x} of {}: listed at {}, which has no file of it", id,
                               chunk.file, server));
    return;
  }
  const ReplicaSeen& replica = entry->second;
  if (replica.state != "FINALIZED") {
    out->push_back(fmt::format("chunk {:#x} of {}: listed at {}, where it is {}", id, chunk.file,
                               server, replica.state.empty() ? "without a row" : replica.state));
  }
  if (replica.file_length != chunk.length || replica.file_crc != chunk.crc) {
    out->push_back(fmt::format(
        "chunk {:#x} of {}: {} bytes with crc {:08x} on the disk of {}, sealed with {} and {:08x}",
        id, chunk.file, replica.file_length, replica.file_crc, server, chunk.length, chunk.crc));
  }
  if (replica.row_length != chunk.length || replica.row_crc != chunk.crc) {
    out->push_back(fmt::format("chunk {:#x} of {}: the row at {} says {} bytes, crc {:08x}", id,
                               chunk.file, server, replica.row_length, replica.row_crc));
  }
}

void CheckChunk(uint64_t id, const ChunkSeen& chunk, const ClusterSeen& seen, Violations* out) {
  if (!chunk.sealed) {
    out->push_back(fmt::format("chunk {:#x} of {}: still open", id, chunk.file));
    return;
  }
  if (chunk.lost_tail) {
    out->push_back(fmt::format("chunk {:#x} of {}: lost its tail", id, chunk.file));
  }
  const std::set<std::string> servers(chunk.servers.begin(), chunk.servers.end());
  if (servers.size() != chunk.servers.size()) {
    out->push_back(fmt::format("chunk {:#x} of {}: a server is listed twice", id, chunk.file));
  }
  if (chunk.length > 0 && servers.size() < chunk.wanted) {
    out->push_back(fmt::format("chunk {:#x} of {}: {} replicas of {}", id, chunk.file,
                               servers.size(), chunk.wanted));
  }
  if (servers.size() > chunk.wanted) {
    out->push_back(fmt::format("chunk {:#x} of {}: {} replicas, only {} wanted", id, chunk.file,
                               servers.size(), chunk.wanted));
  }
  for (const std::string& server : servers) CheckListed(id, chunk, server, seen, out);
}

void CheckOnDisk(const std::string& server, uint64_t id, const ReplicaSeen& replica,
                 const ClusterSeen& seen, Violations* out) {
  if (replica.state.empty()) {
    out->push_back(fmt::format("chunk {:#x}: an orphan file at {}", id, server));
    return;
  }
  if (SetAside(replica) || seen.nameless_chunks.contains(id)) return;
  if (!replica.has_file) {
    out->push_back(fmt::format("chunk {:#x}: a row without a file at {}, state {}", id, server,
                               replica.state));
  }
  const auto chunk = seen.chunks.find(id);
  if (chunk == seen.chunks.end()) {
    out->push_back(fmt::format("chunk {:#x}: {} at {}, but of no file", id, replica.state, server));
  } else if (std::find(chunk->second.servers.begin(), chunk->second.servers.end(), server) ==
             chunk->second.servers.end()) {
    out->push_back(fmt::format("chunk {:#x} of {}: {} at {}, which the master does not list", id,
                               chunk->second.file, replica.state, server));
  }
}

}  // namespace

Violations Verify(const ClusterSeen& seen) {
  Violations out;
  if (seen.fsck_exit != 0 || !seen.fsck_verdict.ends_with("is HEALTHY")) {
    out.push_back(fmt::format("fsck: exit {}: {}", seen.fsck_exit, seen.fsck_verdict));
  }
  for (const auto& [id, chunk] : seen.chunks) CheckChunk(id, chunk, seen, &out);
  for (const auto& [server, replicas] : seen.disks) {
    for (const auto& [id, replica] : replicas) CheckOnDisk(server, id, replica, seen, &out);
  }
  return out;
}

}  // namespace quern::campaign
