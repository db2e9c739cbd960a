#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "common/shell_words.h"
#include "deploy/local/cluster_dir.h"
#include "deploy/local/commands.h"
#include "deploy/local/shell_exports.h"

namespace quern::local {
namespace {

// What state.json says, corrected by what is true now: nobody updates it once the supervisor is
// gone.
std::string StateNow(const ClusterState& state, const ServerRecord& server) {
  if (server.process.IsAlive()) return server.state;
  if (!state.supervisor.IsAlive()) return "stopped";
  return server.state == "restarting" ? server.state : "dead";
}

void PrintJson(const ClusterState& state) {
  for (const ServerRecord& server : state.servers) {
    const bool alive = server.process.IsAlive();
    const nlohmann::ordered_json line = {
        {"role", server.role},
        {"name", server.name},
        {"node", server.node},
        {"pid", alive ? nlohmann::ordered_json(server.process.pid) : nlohmann::ordered_json()},
        {"rpc", server.rpc},
        {"http", server.http},
        {"dir", server.dir},
        {"log", server.log},
        {"state", StateNow(state, server)},
        {"restarts", server.restarts}};
    Out().Format("{}\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
}

void PrintTable(const ClusterState& state) {
  using enum Table::Align;
  Table table(
      {{"NAME"}, {"STATE"}, {"PID", kRight}, {"RPC"}, {"HTTP"}, {"RESTARTS", kRight}, {"DIR"}});
  for (const ServerRecord& server : state.servers) {
    const bool alive = server.process.IsAlive();
    table.AddRow({server.name, StateNow(state, server),
                  alive ? std::to_string(server.process.pid) : "-", server.rpc,
                  "http://" + server.http, std::to_string(server.restarts), server.dir});
  }
  Out().Print(table.ToString());
}

int Fail(std::string_view command, const absl::Status& status) {
  Err().Print(ErrorLine(command, status));
  return kExitFailed;
}

}  // namespace

int RunStatus(const std::string& dir_flag, bool json) {
  const auto dir = ClusterDir::At(dir_flag);
  if (!dir.ok()) return Fail("quern status", dir.status());
  const auto state = dir->LoadState();
  if (!state.ok()) return Fail("quern status", state.status());
  if (!state->has_value()) {
    return Fail("quern status",
                NotFoundError("{}: no cluster was started here. Try: quern up --dir {}",
                              dir->path(), ShellQuoted(dir->path())));
  }
  json ? PrintJson(**state) : PrintTable(**state);
  const bool all_run = std::all_of(
      (*state)->servers.begin(), (*state)->servers.end(),
      [&](const ServerRecord& server) { return StateNow(**state, server) == "running"; });
  return all_run ? kExitOk : kExitFailed;
}

int RunEnv(const std::string& dir_flag) {
  const auto dir = ClusterDir::At(dir_flag);
  if (!dir.ok()) return Fail("quern env", dir.status());
  const auto config = dir->LoadConfig();
  const auto state = dir->LoadState();
  // Either is enough; what cannot be read is told where the other does not answer.
  const auto found =
      FindAddresses(state.ok() ? *state : std::nullopt, config.ok() ? *config : std::nullopt);
  if (!found.has_value()) {
    if (!config.ok()) return Fail("quern env", config.status());
    return Fail("quern env",
                NotFoundError("{}: no cluster runs here, and none has come up before. Try: quern "
                              "up --dir {}",
                              dir->path(), ShellQuoted(dir->path())));
  }
  if (found->starting) {
    Err().Format(
        "quern env: {}: the cluster is starting. Try: until dfs health; do sleep 1; done\n",
        dir->path());
  }
  Out().Print(ShellExports(found->master, found->coordinator, ""));
  return kExitOk;
}

}  // namespace quern::local
