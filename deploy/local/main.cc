// quern: a whole cluster on this machine.
#include <string>
#include <vector>

#include "common/cli/cli.h"
#include "common/cli/program.h"
#include "common/clock.h"
#include "common/replication.h"
#include "deploy/local/cluster_dir.h"
#include "deploy/local/commands.h"
#include "deploy/local/local_cluster.h"

namespace quern::local {
namespace {

class ClusterCommand : public Command {
 public:
  void Define(CommandLine* line) override {
    line->Value("--dir", "DIR", &dir_, "the cluster's directory (default: ~/.quern)");
    line->Arguments(&none_, 0, 0);
  }
  absl::StatusOr<int> Run() final {
    // An empty variable of a script means no directory, least of all the default one.
    if (dir_.empty()) return UsageError("--dir: is empty; without the flag it is ~/.quern");
    return RunIn(dir_);
  }

 protected:
  virtual absl::StatusOr<int> RunIn(const std::string& dir) = 0;

 private:
  std::string dir_ = ClusterDir::Default();
  std::vector<std::string> none_;
};

class UpCommand final : public ClusterCommand {
 public:
  void Define(CommandLine* line) override {
    ClusterCommand::Define(line);
    line->Number("--chunkservers", "N", &options_.chunkservers, {1, kMaxServers},
                 "how many (default: 3, or as before)");
    line->Number("--workers", "N", &options_.workers, {0, kMaxServers},
                 "how many (default: 2, or as before)");
    line->Number("--port_base", "PORT", &options_.port_base, {0, kMaxPortBase},
                 "first RPC port (default: 9400, or as before); 0: any free ports");
    line->Number("--replication", "N", &options_.replication, {1, kMaxReplication},
                 "copies of a new file (default: 3, or the number of chunkservers)");
    line->Value("--restart", "always|never", &restart_,
                "whether dead servers are started again (default: always)");
    line->Values("--forget_disks", "ID", &options_.forget_disks,
                 "a disk that is lost for good, and what was on it (see the error that names it)");
    line->Switch("--leave_out", &options_.leave_out,
                 "with fewer --chunkservers than before: start without what the others hold");
    line->Switch("--detach", &options_.detach, "return when the cluster can serve");
  }

  absl::StatusOr<int> RunIn(const std::string& dir) override {
    if (restart_ != "always" && restart_ != "never") {
      return UsageError(fmt::format("--restart: '{}' is neither always nor never", restart_));
    }
    for (const std::string& disk : options_.forget_disks) {
      if (disk.empty()) return UsageError("--forget_disks: is empty");
    }
    options_.dir = dir;
    options_.restart = restart_ == "always";
    return RunUp(options_);
  }

 private:
  UpOptions options_;
  std::string restart_ = "always";
};

class DownCommand final : public ClusterCommand {
 public:
  absl::StatusOr<int> RunIn(const std::string& dir) override { return RunDown(dir, Clock::Real()); }
};

class StatusCommand final : public ClusterCommand {
 public:
  void Define(CommandLine* line) override {
    ClusterCommand::Define(line);
    line->Switch("--json", &json_, "one object per process and line");
  }
  absl::StatusOr<int> RunIn(const std::string& dir) override { return RunStatus(dir, json_); }

 private:
  bool json_ = false;
};

class EnvCommand final : public ClusterCommand {
 public:
  absl::StatusOr<int> RunIn(const std::string& dir) override { return RunEnv(dir); }
};

Program QuernProgram() {
  return {
      .name = "quern",
      .about = "A whole Quern cluster on this machine.",
      .commands =
          {
              {.name = "up",
               .aliases = {"start"},
               .usage = "[--dir DIR] [--chunkservers N] [--workers N] [--port_base PORT]\n"
                        "                [--replication N] [--restart always|never] "
                        "[--forget_disks ID]\n"
                        "                [--leave_out] [--detach]",
               .summary = "starts a cluster; without --detach, Ctrl-C stops it",
               .examples = {"quern up", "quern up --dir /tmp/q --port_base 0 --detach"},
               .make = [] { return std::make_unique<UpCommand>(); }},
              {.name = "down",
               .aliases = {"stop"},
               .usage = "[--dir DIR]",
               .summary = "stops a cluster; its data are kept",
               .examples = {"quern down", "quern down --dir /tmp/q"},
               .make = [] { return std::make_unique<DownCommand>(); }},
              {.name = "status",
               .aliases = {},
               .usage = "[--dir DIR] [--json]",
               .summary = "shows the processes of a cluster (exit code 0: all run)",
               .examples = {"quern status", "quern status --json"},
               .make = [] { return std::make_unique<StatusCommand>(); }},
              {.name = "env",
               .aliases = {},
               .usage = "[--dir DIR]",
               .summary = "prints the exports that make a shell use a cluster, also one that is "
                          "starting",
               .examples = {"eval \"$(quern env)\"; dfs ls /", "quern env --dir /tmp/q"},
               .make = [] { return std::make_unique<EnvCommand>(); }},
          },
      .notes = "",
      .examples = {"quern up                    master, 3 chunkservers, coordinator, 2 workers",
                   "eval \"$(quern env)\"; dfs ls /", "quern status", "quern down"},
      .leading_flags = {"--dir"},
  };
}

}  // namespace
}  // namespace quern::local

int main(int argc, char** argv) {
  return quern::RunProgram(quern::local::QuernProgram(),
                           std::vector<std::string>(argv, argv + argc));
}
