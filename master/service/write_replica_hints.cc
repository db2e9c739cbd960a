#include <algorithm>
#include <utility>
#include <vector>

#include "common/log.h"
#include "master/logic/chunk_assessment.h"
#include "master/service/master.h"

namespace quern::master {
namespace {

constexpr absl::Duration kPause = absl::Seconds(2);
constexpr size_t kHintsPerRecord = 1000;

struct Changed {
  // Confirmed replicas, by chunk.
  std::vector<std::pair<ChunkId, ServerList>> chunks;
  bool more = false;
};

// Chunks about which something is still open come again when it is not.
Changed TakeChanged(ClusterState* state) {
  Changed changed;
  MutexLock lock(&state->mutex);
  auto& hints = state->hints_to_write;
  for (size_t looked = 0; !hints.empty() && looked < kHintsPerRecord; ++looked) {
    const ChunkId chunk = *hints.begin();
    hints.erase(hints.begin());
    const std::optional<ChunkInfo> info = state->chunks.Find(chunk);
    if (!info.has_value() || info->state != pb::CHUNK_STATE_SEALED) continue;
    ChunkAssessment assessment = Assess(*info, state->servers);
    const bool settled = assessment.hoped.empty() && assessment.pending.empty();
    if (assessment.good.empty() || !settled) continue;
    changed.chunks.emplace_back(chunk, std::move(assessment.good));
  }
  changed.more = !hints.empty();
  return changed;
}

bool SameServers(const pb::ChunkRow& row, const ServerList& servers) {
  return row.servers_size() == static_cast<int>(servers.size()) &&
         std::all_of(row.servers().begin(), row.servers().end(), [&](uint32_t server) {
           return std::find(servers.begin(), servers.end(), ServerId(server)) != servers.end();
         });
}

}  // namespace

absl::Duration WriteReplicaHints(Master* master) {
  const Changed changed = TakeChanged(&master->state());
  const absl::Duration pause = changed.more ? absl::ZeroDuration() : kPause;
  pb::LogRecord record;
  {
    const std::unique_ptr<RowReader> rows = master->committer().Snapshot();
    const MetadataView view(*rows);
    for (const auto& [chunk, servers] : changed.chunks) {
      const std::optional<pb::ChunkRow> row = view.Chunk(chunk);
      if (!row.has_value() || SameServers(*row, servers)) continue;
      auto* note = record.mutable_note_replicas()->add_chunks();
      note->set_chunk_id(chunk.value());
      for (const ServerId server : servers) note->add_servers(server.value());
    }
  }
  if (!record.has_note_replicas()) return pause;
  const absl::Status status = master->committer().Commit(
      [&](const MetadataView&) -> absl::StatusOr<std::optional<pb::LogRecord>> { return record; });
  if (!status.ok()) LogWarning("hints_not_written", {{"status", status}});
  return pause;
}

}  // namespace quern::master
