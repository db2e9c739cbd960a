// Starts the servers of a local cluster, starts dead ones again, stops them all.
//
// There is no thread: whoever owns it calls Step in a loop, or while it waits for something. Not
// thread-safe.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/status.h"
#include "deploy/local/server_process.h"

namespace quern::local {

struct SupervisorOptions {
  bool restart = true;
  // Between the end of a server and its next start; doubles with every quick death.
  absl::Duration min_backoff = absl::Milliseconds(200);
  absl::Duration max_backoff = absl::Seconds(10);
  // A server that lived this long is believed healthy: its next death starts at min_backoff again.
  absl::Duration healthy_after = absl::Seconds(30);
  // A log that has grown past this is moved to NAME.log.1.
  uint64_t max_log_bytes = 64 << 20;
  // Called after every change of a server's state.
  std::function<void()> on_change;
};

class Supervisor {
 public:
  // `clock` is borrowed.
  Supervisor(std::vector<ServerSpec> specs, SupervisorOptions options, Clock* clock);
  // Stops everything.
  ~Supervisor();

  // Makes the directories and starts all servers at once.
  absl::Status StartAll();
  // Returns when every server has printed its READY line. FailedPrecondition, with the last line of
  // its log, when one of them ends instead; DeadlineExceeded after `timeout`.
  absl::Status WaitUntilReady(absl::Duration timeout);
  // Handles what has happened, waiting at most `timeout` for something to happen.
  void Step(absl::Duration timeout);
  // SIGTERM to the workers and the coordinator, then the chunkservers, then the master; SIGKILL to
  // those that have not ended after `grace`. No server is started again.
  void StopAll(absl::Duration grace = absl::Seconds(10));

  // NotFound for an unknown name.
  absl::StatusOr<ServerProcess*> Find(std::string_view name);
  const std::vector<std::unique_ptr<ServerProcess>>& servers() const { return servers_; }

 private:
  void HandleDeath(ServerProcess* server);
  void StartDue();
  void RotateLogs();
  void Changed() const;

  std::vector<std::unique_ptr<ServerProcess>> servers_;
  std::map<const ServerProcess*, int> quick_deaths_;  // in a row, since the last long life
  const SupervisorOptions options_;
  Clock* const clock_;
  absl::Time next_rotation_;
};

}  // namespace quern::local
