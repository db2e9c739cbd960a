// A cluster of real processes on this machine, run by the process that holds this object: what
// `quern up` is, and what the cluster tests build on. Not thread-safe.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/status.h"
#include "deploy/local/cluster_dir.h"
#include "deploy/local/cluster_layout.h"
#include "deploy/local/ports.h"
#include "deploy/local/serving.h"
#include "deploy/local/supervisor.h"

namespace quern::local {

inline constexpr int kMaxServers = 100;  // of a kind, on one machine
// The last of the documented HTTP ports lies 139 above the base.
inline constexpr int kMaxPortBase = 65535 - 139;

// What was not given is as it was at the last start in that directory that came up, or the default.
struct LocalClusterOptions {
  std::string dir;      // not empty
  std::string bin_dir;  // where the servers' binaries lie
  std::optional<int> chunkservers;
  std::optional<int> workers;
  std::optional<int> port_base;
  std::optional<int> replication;
  // Ids of disks of chunkservers that are lost for good. Each server takes its own from the list.
  std::vector<std::string> forget_disks;
  // Fewer chunkservers than at the last start may leave out some that hold data: a start without
  // this is refused when their directories are not empty.
  bool leave_out = false;
  bool restart = true;
  absl::Duration start_timeout = absl::Seconds(60);
  // May change the command line of a server before it is started.
  std::function<void(ServerSpec*)> adjust;
  Clock* clock = Clock::Real();
};

class LocalCluster {
 public:
  // Takes the directory's lock, ends what a killed supervisor has left there, chooses the ports,
  // starts all servers and returns when the cluster can serve. InvalidArgument: sizes that make no
  // sense; FailedPrecondition: directory or port in use, a directory that is no cluster's, a server
  // that ends at once, data that would be left out. After a failure nothing runs, and the directory
  // remembers the sizes and ports from before.
  static absl::StatusOr<std::unique_ptr<LocalCluster>> Start(LocalClusterOptions options);
  // Stops everything.
  ~LocalCluster();

  // See Supervisor::Step.
  void Step(absl::Duration timeout) { supervisor_->Step(timeout); }
  // Waits until every server that lives has registered; see CheckServing.
  absl::StatusOr<std::string> WaitUntilServing(const ServingQuestion& question,
                                               absl::Duration timeout);
  void Stop();

  // What a user should know of the start: files that could not be read, data that are left out,
  // disks that are nearly full. Lines, or empty.
  const std::string& notes() const { return notes_; }
  const ClusterDir& dir() const { return dir_; }
  const ClusterConfig& config() const { return config_; }
  Supervisor& supervisor() { return *supervisor_; }
  std::string master() const;       // HOST:PORT
  std::string coordinator() const;  // HOST:PORT

 private:
  LocalCluster(ClusterDir dir, LocalClusterOptions options);
  absl::Status Prepare();
  // As it was kept, or, when that cannot be read, as the directories show it.
  absl::StatusOr<std::optional<ClusterConfig>> KeptConfig();
  // What cannot be read is kept under another name.
  absl::Status SaveConfig();
  // Data of chunkservers that are not to be started: refused or told.
  absl::Status CheckLeftOut(const std::optional<ClusterConfig>& kept);
  // Ends what a killed supervisor has left.
  absl::Status EndOldServers();
  // Their command lines.
  std::vector<ServerSpec> Specs() const;
  absl::Status StartServers();
  void SaveState() const;

  const ClusterDir dir_;
  const LocalClusterOptions options_;
  UniqueFd lock_;
  ClusterConfig config_;
  PortLeases leases_;
  std::string notes_;
  bool config_unreadable_ = false;
  bool up_ = false;
  std::unique_ptr<Supervisor> supervisor_;
};

// `kept` (of the last start, if any) with what `options` ask for. InvalidArgument says what is
// wrong.
absl::StatusOr<ClusterConfig> ResolveConfig(const std::optional<ClusterConfig>& kept,
                                            const LocalClusterOptions& options);

// Why a start with `options` failed. When a chunkserver misses a disk: with the command that
// forgets it and is the same start otherwise, since the failed one left nothing to be remembered.
absl::Status WithLostDisk(const absl::Status& failed, const LocalClusterOptions& options,
                          const ClusterDir& dir);

// What a user should know of chunkservers (ascending numbers, one at least) that have something in
// their directories and are not started: a line.
std::string LeftOutNote(const ClusterDir& dir, const std::vector<int>& left_out);

// Ends processes of `state` that still run although their supervisor does not, politely for as long
// as `grace`. PermissionDenied: they are another user's; DeadlineExceeded: one was killed and is
// still there after the same time again.
absl::Status EndLeftovers(const ClusterState& state, absl::Duration grace, Clock* clock);

}  // namespace quern::local
