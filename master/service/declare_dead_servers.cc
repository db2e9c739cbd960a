#include <algorithm>
#include <vector>

#include "common/log.h"
#include "master/service/master.h"

namespace quern::master {
namespace {

constexpr absl::Duration kLongestNap = absl::Seconds(1);

void SealOpenChunks(Master* master, ServerId server) {
  const std::unique_ptr<RowReader> rows = master->committer().Snapshot();
  for (const ChunkId chunk : MetadataView(*rows).OpenChunks(server)) {
    master->sealer().SealLater(chunk, absl::ZeroDuration(), "a server of its chain is dead");
  }
}

}  // namespace

absl::Duration DeclareDeadServers(Master* master) {
  ClusterState& state = master->state();
  std::vector<ServerId> dead;
  absl::Time next;
  const absl::Time now = master->clock().MonotonicNow();
  // Those that have not come by then are not waited for any longer.
  if (now >= master->orders_wait_until()) master->orders().Release();
  {
    MutexLock lock(&state.mutex);
    dead = state.servers.TakeDead(now);
    for (const ServerId server : dead) state.garbage.ServerDied(server);
    next = state.servers.NextDeadline();
  }
  for (const ServerId server : dead) {
    LogWarning("server_dead", {{"server", server}});
    // Should it only have been asleep, it registers anew and its replicas are compared again.
    master->orders().Cancel(server);
    // Writers wait for this, so it comes before all that the server held.
    SealOpenChunks(master, server);
  }
  for (const ServerId server : dead) state.ReassessServer(server, now);
  return std::clamp(next - now, absl::Milliseconds(1), kLongestNap);
}

}  // namespace quern::master
