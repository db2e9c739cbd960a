// The directory of one local cluster: what is kept in it besides the servers' data.
//
//   DIR/cluster.json      sizes and ports of the last start that came up, kept over down/up
//   DIR/state.json        the processes of the last `up`, replaced at every change; paths below DIR
//                         are relative to it
//   DIR/lock              held (flock) by the supervisor for as long as it lives
//   DIR/logs/NAME.log     what each server says
//   DIR/NAME/             data of the server
//
// Both JSON files are replaced atomically and durably. One that is damaged all the same costs
// nothing but ports: `up` takes the sizes from the directories of the servers and goes on. A
// damaged cluster.json stays as cluster.json.unreadable (.2, .3 and so on): somebody may have
// written it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/fd.h"
#include "common/status.h"
#include "deploy/local/cluster_layout.h"
#include "deploy/local/process_identity.h"

namespace quern::local {

// What state.json says of one server.
struct ServerRecord {
  std::string role = {};
  std::string name = {};
  std::string node = {};
  std::string rpc = {};
  std::string http = {};
  std::string dir = {};
  std::string log = {};
  std::string state = {};
  ProcessIdentity process = {};
  int restarts = 0;
  std::string last_exit = {};
};

struct ClusterState {
  ProcessIdentity supervisor;
  // The cluster has been able to serve since this `up`.
  bool up = false;
  std::vector<ServerRecord> servers;
};

// HOST:PORT of what a shell asks.
struct ClusterAddresses {
  std::string master;
  std::string coordinator;
  // The `up` that runs has yet to come up: these are its addresses if it does.
  bool starting = false;
};
// Of the `up` that runs, from its first moment on, else of the last one that came up. None where
// there was none.
std::optional<ClusterAddresses> FindAddresses(const std::optional<ClusterState>& state,
                                              const std::optional<ClusterConfig>& config);

class ClusterDir {
 public:
  // ~/.quern, for who names none.
  static std::string Default();
  // Absolute path of `dir`. Makes nothing. InvalidArgument when it is empty.
  static absl::StatusOr<ClusterDir> At(std::string_view dir);

  const std::string& path() const { return path_; }
  absl::Status Make() const;

  // None when no cluster has come up here. DataLoss when the file cannot be read.
  absl::StatusOr<std::optional<ClusterConfig>> LoadConfig() const;
  absl::Status SaveConfig(const ClusterConfig& config) const;
  // Copies a cluster.json that cannot be read to a name that is not there yet, before it is
  // replaced; the path of the copy.
  absl::StatusOr<std::string> CopyUnreadableConfig() const;
  // The sizes of the cluster whose servers have data here, with any ports: what stands in for a
  // cluster.json that cannot be read.
  absl::StatusOr<ClusterConfig> GuessConfig() const;
  // Numbers above `count`, ascending, of the chunkservers whose directory here is not empty:
  // they may hold data, or be left from a start that failed.
  std::vector<int> ChunkserversBeyond(int count) const;
  // What is to be removed when nothing is needed of a chunkserver any more: its directory, and what
  // a chunkserver writes beside it (chunkserver/store/disk.h), since that alone makes the next
  // chunkserver of this number miss its disk.
  std::vector<std::string> AllOfChunkserver(int number) const;
  absl::StatusOr<std::optional<ClusterState>> LoadState() const;
  absl::Status SaveState(const ClusterState& state) const;

  // The right to run a cluster here, held until the descriptor is closed. FailedPrecondition when
  // another process has it and keeps it: the end of a supervisor that was killed is waited for.
  absl::StatusOr<UniqueFd> Lock() const;

 private:
  explicit ClusterDir(std::string path) : path_(std::move(path)) {}
  std::string file(std::string_view name) const;
  // "DIR/logs/x" <-> "logs/x"; other paths stay as they are. JSON is UTF-8, and DIR is any bytes.
  std::string Relative(std::string_view path) const;
  std::string Absolute(std::string_view path) const;
  std::string path_;
};

}  // namespace quern::local
