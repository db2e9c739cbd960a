// dfs health
#include "client/shell/commands.h"
#include "client/shell/shell.h"
#include "client/shell/space.h"
#include "common/cli/cli.h"
#include "common/cli/command_line.h"
#include "common/write_trouble.h"

namespace quern::shell {
namespace {

// For scripts that wait for a cluster, and for people. Whoever starts servers anew when this says
// no should ask them for /healthz instead: a start makes no room on a disk.
class Health final : public ShellCommand {
 public:
  void Define(CommandLine* line) override { line->Arguments(&none_, 0, 0); }

  absl::Status Run(Shell* shell) override {
    ASSIGN_OR_RETURN(const client::ClusterStatus cluster, shell->fs()->GetCluster());
    const WriteAbility ability = WriteAbilityOf(cluster);
    const WriteTrouble trouble = TroubleOf(ability);
    const bool writable = CanWrite(trouble);
    if (!writable) shell->set_exit_code(kExitFailed);
    if (writable && trouble != WriteTrouble::kNone) shell->Warn(DescribeTrouble(ability));
    if (shell->json()) {
      shell->Print(JsonLine()
                       .Add("healthy", writable)
                       .Add("writable", writable)
                       .Add("trouble", ToString(trouble))
                       .Add("free_bytes", ability.free_bytes)
                       .Add("chunkservers_alive", uint64_t{ability.servers_alive})
                       .Add("chunkservers", uint64_t{ability.servers_known})
                       .Add("min_write_replicas", cluster.min_write_replicas)
                       .Add("under_replicated", cluster.under_replicated)
                       .Add("missing", cluster.missing)
                       .Add("halted", cluster.halted));
      return absl::OkStatus();
    }
    shell->Print(writable ? fmt::format("healthy: {} of {} chunkservers alive\n",
                                        ability.servers_alive, ability.servers_known)
                          : fmt::format("not healthy: {}\n", DescribeTrouble(ability)));
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
          .summary =
              "tells whether the cluster can serve: exit code 0 when files can be written, 1 when "
              "not, with the reason (full, too few chunkservers, halted), also if they can be read",
          .examples = {"dfs health", "until dfs health; do sleep 1; done"},
          .make = Maker<Health>("health")};
}

}  // namespace quern::shell
