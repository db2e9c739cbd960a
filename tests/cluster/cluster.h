// A cluster of real processes for tests: started in a directory of its own on free ports, with
// nobody who restarts what a test has killed, and gone at the end of the test.
//
//   auto cluster = Cluster::Start({.chunkservers = 4});
//   EXPECT_EQ(cluster->Dfs({"put", "-", "/a"}, {.stdin_text = "x"}).exit_code, 0);
//   cluster->Kill("chunkserver2");
//   EXPECT_TRUE(cluster->Eventually([&] { return cluster->Dfs({"fsck", "/a"}).exit_code == 0; }));
//
// Not thread-safe.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/local/local_cluster.h"
#include "tests/cluster/command.h"
#include "tests/cluster/power_cut_disk.h"

namespace quern::testing {

struct ClusterOptions {
  int chunkservers = 3;
  int workers = 2;
  std::optional<int> replication = std::nullopt;
  // The servers' directories lie on a disk that PowerCut can cut. Needs PowerCutDisk::Available().
  bool on_power_cut_disk = false;
  // Each server has such a disk of its own, so that the power of some can be cut.
  bool disk_per_server = false;
  uint64_t disk_bytes = uint64_t{4} << 30;  // of each such disk; sparse
  // After a failed test the servers' whole logs are copied into this directory.
  std::string keep_logs_in = {};
  // May change command lines (see local::ServerSpec).
  std::function<void(local::ServerSpec*)> adjust = nullptr;
};

class Cluster {
 public:
  // Null, with a test failure, when the cluster does not come up.
  static std::unique_ptr<Cluster> Start(ClusterOptions options = {});
  // Stops it and removes its directory; after a failed test the servers' logs are printed.
  ~Cluster();

  // The command lines of this build, pointed at this cluster.
  CommandResult Dfs(std::vector<std::string> arguments, const CommandOptions& options = {});
  CommandResult Mr(std::vector<std::string> arguments, const CommandOptions& options = {});
  // The same, running while the test goes on: StartCommand({"dfs", "put", ...}). A name with a
  // slash is taken as it is.
  std::unique_ptr<Command> StartCommand(std::vector<std::string> argv, CommandOptions options = {});

  // kill -9, and it stays dead.
  void Kill(std::string_view name);
  void Pause(std::string_view name);
  void Resume(std::string_view name);
  // Starts a dead server again, on its old data and ports, and waits until it is ready.
  void Restart(std::string_view name);
  // The same for a server that may have a reason not to become ready, or to end at once.
  void StartUnready(std::string_view name);
  // Every process dies at once and what was not synced is forgotten; then all are started again and
  // the cluster serves.
  void PowerCut();
  // The same to some servers, each on a disk of its own; they are left dead, to be Restarted.
  void PowerCut(const std::vector<std::string>& names);
  // A clean stop of everything, and a start on the same data.
  void StopAndStart();
  // A clean stop of one server; Restart starts it again.
  void Stop(std::string_view name);
  // Everything stops, and the data stay where they are until the end of the test.
  void StopAll() { local_.reset(); }

  // The process that was started last under this name still lives.
  bool IsRunning(std::string_view name);

  // Steps until `done` holds; false when it does not within `timeout`.
  bool Eventually(const std::function<bool()>& done, absl::Duration timeout = absl::Seconds(30));

  const local::ServerSpec& spec(std::string_view name);
  pid_t pid(std::string_view name);
  // Only with disk_per_server.
  PowerCutDisk* disk(std::string_view name);
  std::string log(std::string_view name);
  std::string master() const { return local_->master(); }
  std::string coordinator() const { return local_->coordinator(); }
  // A directory for the test's own files.
  const std::string& scratch() const { return scratch_; }

 private:
  explicit Cluster(ClusterOptions options);
  absl::Status StartLocal();
  local::ServerProcess* Find(std::string_view name);
  static void HoldStill(local::ServerProcess* server);
  CommandOptions WithCluster(CommandOptions options) const;
  void ShowLogs() const;

  const ClusterOptions options_;
  std::string root_;
  std::string scratch_;
  absl::Status PlaceOnDisk(local::ServerSpec* spec);

  std::unique_ptr<PowerCutDisk> disk_;
  std::map<std::string, std::unique_ptr<PowerCutDisk>> disks_;  // with disk_per_server, by name
  // To a server each power cut looks like another boot of its machine.
  int power_cuts_ = 0;
  std::unique_ptr<local::LocalCluster> local_;
  std::map<std::string, std::string> log_paths_;  // by name, of servers that were stopped too
};

// Fails the test for each line of this log that a sanitizer reports with.
void ExpectNoSanitizerReport(const std::string& path);

// Where the binaries and jobs of this build lie (QUERN_BIN, QUERN_JOBS).
std::string BinaryPath(std::string_view name);
std::string JobPath(std::string_view plugin);

}  // namespace quern::testing
