// dfs health
#include <algorithm>

#include "client/shell/commands.h"
#include "client/shell/shell.h"
#include "common/cli/cli.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

// For health checks of containers and for scripts that wait for a cluster.
class Health final : public ShellCommand {
 public:
  void Define(CommandLine* line) override { line->Arguments(&none_, 0, 0); }

  absl::Status Run(Shell* shell) override {
    ASSIGN_OR_RETURN(const client::ClusterStatus cluster, shell->fs()->GetCluster());
    const auto alive = std::count_if(cluster.servers.begin(), cluster.servers.end(),
                                     [](const auto& server) { return server.alive; });
    if (!cluster.writable) shell->set_exit_code(kExitFailed);
    if (shell->json()) {
      shell->Print(std::move(JsonLine()
                                 .Add("healthy", cluster.writable)
                                 .Add("chunkservers_alive", int64_t{alive})
                                 .Add("chunkservers", uint64_t{cluster.servers.size()})
                                 .Add("min_write_replicas", cluster.min_write_replicas)
                                 .Add("under_replicated", cluster.under_replicated)
                                 .Add("missing", cluster.missing)
                                 .Add("halted", cluster.halted)));
      return absl::OkStatus();
    }
    const std::string servers =
        fmt::format("{} of {} chunkservers alive", alive, cluster.servers.size());
    if (!cluster.halted.empty()) {
      shell->Print(fmt::format("not healthy: {}\n", cluster.halted));
    } else if (cluster.writable) {
      shell->Print(fmt::format("healthy: {}\n", servers));
    } else {
      shell->Print(
          fmt::format("not healthy: {}, need {} to write\n", servers, cluster.min_write_replicas));
    }
    return absl::OkStatus();
  }

 private:
  std::vector<std::string> none_;
};

}  // namespace

CommandSpec HealthCommand() {
  return {.name = "health",
          .aliases = {},
          .usage = "",
          .summary = "tells whether the cluster can serve (exit code 0)",
          .examples = {"dfs health", "until dfs health; do sleep 1; done"},
          .make = Maker<Health>("health")};
}

}  // namespace quern::shell
