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
  // The same, running while the test goes on: StartCommand({"dfs", "put", ...}).
  std::unique_ptr<Command> StartCommand(std::vector<std::string> argv, CommandOptions options = {});

  // kill -9, and it stays dead.
  void Kill(std::string_view name);
  void Pause(std::string_view name);
  void Resume(std::string_view name);
  // Starts a dead server again, on its old data and ports, and waits until it is ready.
  void Restart(std::string_view name);
  // Every process dies at once and what was not synced is forgotten; then all are started again and
  // the cluster serves.
  void PowerCut();
  // A clean stop of everything, and a start on the same data.
  void StopAndStart();

  // The process that was started last under this name still lives.
  bool IsRunning(std::string_view name);

  // Steps until `done` holds; false when it does not within `timeout`.
  bool Eventually(const std::function<bool()>& done, absl::Duration timeout = absl::Seconds(30));

  const local::ServerSpec& spec(std::string_view name);
  std::string log(std::string_view name);
  std::string master() const { return local_->master(); }
  std::string coordinator() const { return local_->coordinator(); }
  // A directory for the test's own files.
  const std::string& scratch() const { return scratch_; }

 private:
  explicit Cluster(ClusterOptions options);
  absl::Status StartLocal();
  local::ServerProcess* Find(std::string_view name);
  CommandOptions WithCluster(CommandOptions options) const;

  const ClusterOptions options_;
  std::string root_;
  std::string scratch_;
  std::unique_ptr<PowerCutDisk> disk_;
  int power_cuts_ = 0;  // to the servers each looks like another boot of the machine
  std::unique_ptr<local::LocalCluster> local_;
};

// Fails the test for each line of this log that a sanitizer reports with.
void ExpectNoSanitizerReport(const std::string& path);

// Where the binaries and jobs of this build lie (QUERN_BIN, QUERN_JOBS).
std::string BinaryPath(std::string_view name);
std::string JobPath(std::string_view plugin);

}  // namespace quern::testing
