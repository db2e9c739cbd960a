#include "client/shell/known_servers.h"

#include <algorithm>

#include "client/shell/fsck_report.h"
#include "client/shell/space.h"
#include "common/server_silence.h"

namespace quern::shell {
namespace {

constexpr absl::Duration kServersFresh = absl::Seconds(1);
// Besides what makes a server dead: the master has to notice it.
constexpr absl::Duration kNoticeDead = absl::Seconds(2);
constexpr absl::Duration kAwaitedPatience = absl::Seconds(5);

}  // namespace

absl::Status KnownServers::Refresh(absl::Time now) {
  if (now - asked_at_ < kServersFresh) return absl::OkStatus();
  ASSIGN_OR_RETURN(const client::ClusterStatus cluster, ask_());
  silent_ = SilentServers(cluster);
  alive_ = WriteAbilityOf(cluster).servers_alive;
  asked_at_ = now;
  return absl::OkStatus();
}

bool SecondLook::IsWorthwhile(const std::vector<ChunkPresence>& chunks, absl::Time now) {
  if (DependsOnLateServers(chunks)) {
    // Such a server is alive again or dead then.
    late_until_ = std::min(late_until_, now + kDefaultDeadAfter + kNoticeDead);
    return now < late_until_;
  }
  late_until_ = absl::InfiniteFuture();
  if (!DependsOnAwaitedServers(chunks)) return false;
  awaited_until_ = std::min(awaited_until_, now + kAwaitedPatience);
  return now < awaited_until_;
}

}  // namespace quern::shell
