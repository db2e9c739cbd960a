// dfs admin report, dfs admin adopt-history
#include "client/shell/adopt_history.h"
#include "client/shell/commands.h"
#include "client/shell/shell.h"
#include "client/shell/space.h"
#include "common/cli/cli.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

using client::ClusterStatus;

std::string Bytes(uint64_t bytes) { return fmt::format("{} ({})", bytes, FormatBinarySize(bytes)); }

std::string Percent(const Space& space) {
  const double share = space.capacity == 0
                           ? 0
                           : static_cast<double>(space.used) / static_cast<double>(space.capacity);
  return fmt::format("{:.2f}%", share * 100);
}

// The master gives a negative age where there was no heartbeat.
std::string LastContact(absl::Duration age) {
  return age < absl::ZeroDuration() ? "none since the master started"
                                    : fmt::format("{} ago", absl::FormatDuration(age));
}

JsonLine ServerJson(const ClusterStatus::Server& server) {
  std::vector<JsonLine> disks;
  for (const auto& disk : server.disks) {
    disks.push_back(std::move(JsonLine()
                                  .Add("path", disk.path)
                                  .Add("capacity_bytes", disk.capacity_bytes)
                                  .Add("free_bytes", disk.free_bytes)
                                  .Add("failed", disk.failed)
                                  .Add("hangs", disk.hangs)));
  }
  return std::move(
      JsonLine()
          .Add("server", server.address.id.ToString())
          .Add("address", server.address.address)
          .Add("node", server.address.node)
          .Add("rack", server.address.rack)
          .Add("alive", server.alive)
          .Add("heartbeat_age_ms", int64_t{absl::ToInt64Milliseconds(server.heartbeat_age)})
          .Add("capacity_bytes", server.capacity_bytes)
          .Add("used_bytes", server.used_bytes)
          .Add("free_bytes", server.free_bytes)
          .Add("chunks", server.chunk_count)
          .Add("http", server.http_address)
          .Add("version", server.version)
          .Add("disks", disks));
}

JsonLine ClusterJson(const ClusterStatus& cluster, const Space& space) {
  return std::move(JsonLine()
                       .Add("cluster_id", cluster.cluster_id)
                       .Add("term", cluster.term)
                       .Add("capacity_bytes", space.capacity)
                       .Add("used_bytes", space.used)
                       .Add("free_bytes", space.free)
                       .Add("files", cluster.file_count)
                       .Add("directories", cluster.directory_count)
                       .Add("chunks", cluster.chunk_count)
                       .Add("under_replicated", cluster.under_replicated)
                       .Add("missing", cluster.missing)
                       .Add("repairs_in_flight", cluster.repairs_in_flight)
                       .Add("default_replication", cluster.default_replication)
                       .Add("min_write_replicas", cluster.min_write_replicas)
                       .Add("writable", cluster.writable)
                       .Add("halted", cluster.halted)
                       .Add("http", cluster.http_address));
}

class Admin final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("--live", &live_, "report: only chunkservers that are alive");
    line->Switch("--dead", &dead_, "report: only those that are not");
    line->Switch("--confirm", &confirm_, "adopt-history: do it, instead of saying what it means");
    line->Arguments(&arguments_, 1, 1);
  }

  absl::Status Run(Shell* shell) override {
    if (arguments_.front() == "adopt-history") return AdoptHistory(shell, confirm_);
    if (arguments_.front() != "report") {
      return UsageError(fmt::format("no such command: admin {}. There are: report, adopt-history",
                                    arguments_.front()));
    }
    ASSIGN_OR_RETURN(const ClusterStatus cluster, shell->fs()->GetCluster());
    const Space space = SpaceOf(cluster);
    if (shell->json()) {
      PrintJson(shell, cluster, space);
      return absl::OkStatus();
    }
    PrintCluster(shell, cluster, space);
    if (!dead_) PrintServers(shell, cluster, true);
    if (!live_) PrintServers(shell, cluster, false);
    return absl::OkStatus();
  }

 private:
  void PrintJson(Shell* shell, const ClusterStatus& cluster, const Space& space) const {
    shell->Print(ClusterJson(cluster, space));
    for (const auto& server : cluster.servers) {
      if (server.alive ? !dead_ : !live_) shell->Print(ServerJson(server));
    }
  }

  static void PrintCluster(Shell* shell, const ClusterStatus& cluster, const Space& space) {
    if (!cluster.halted.empty()) shell->Print(fmt::format("HALTED: {}\n\n", cluster.halted));
    shell->Print(fmt::format(
        "Configured Capacity: {}\nDFS Remaining: {}\nDFS Used: {}\nDFS Used%: {}\n"
        "Files: {}\nDirectories: {}\nChunks: {}\nUnder replicated chunks: {}\n"
        "Missing chunks: {}\nRepairs in flight: {}\nDefault replication: {}\n"
        "Can be written: {}\nCluster: {} (term {})\n\n{:-<49}\n",
        Bytes(space.capacity), Bytes(space.free), Bytes(space.used), Percent(space),
        cluster.file_count, cluster.directory_count, cluster.chunk_count, cluster.under_replicated,
        cluster.missing, cluster.repairs_in_flight, cluster.default_replication,
        cluster.writable ? "yes" : "no", cluster.cluster_id, cluster.term, ""));
  }

  static void PrintServers(Shell* shell, const ClusterStatus& cluster, bool alive) {
    std::string text;
    int count = 0;
    for (const auto& server : cluster.servers) {
      if (server.alive != alive) continue;
      ++count;
      text += ServerText(server);
    }
    if (count == 0 && !alive) return;
    shell->Print(fmt::format("{} chunkservers ({}):\n\n{}", alive ? "Live" : "Dead", count, text));
  }

  static std::string ServerText(const ClusterStatus::Server& server) {
    const Space space{server.capacity_bytes, server.used_bytes, server.free_bytes};
    std::string text = fmt::format(
        "Name: {} ({})\nHostname: {}\nRack: {}\nConfigured Capacity: {}\nDFS Used: {}\n"
        "DFS Remaining: {}\nDFS Used%: {}\nChunks: {}\nLast contact: {}\n",
        server.address.address, server.address.id, server.address.node, server.address.rack,
        Bytes(space.capacity), Bytes(space.used), Bytes(space.free), Percent(space),
        server.chunk_count, LastContact(server.heartbeat_age));
    for (const auto& disk : server.disks) {
      text += fmt::format("Disk {}: {} free of {}{}\n", disk.path,
                          FormatBinarySize(disk.free_bytes), FormatBinarySize(disk.capacity_bytes),
                          disk.failed  ? ", FAILED"
                          : disk.hangs ? ", HANGS"
                                       : "");
    }
    return text + "\n";
  }

  bool live_ = false;
  bool dead_ = false;
  bool confirm_ = false;
  std::vector<std::string> arguments_;
};

}  // namespace

CommandSpec AdminCommand() {
  return {.name = "admin",
          .aliases = {"dfsadmin"},
          .usage = "report [--live | --dead] | adopt-history [--confirm]",
          .summary =
              "state of the cluster and of every chunkserver; the way on for a master that "
              "was restored from an old copy",
          .examples = {"dfs admin report", "dfs admin adopt-history", "dfsadmin -report -dead"},
          .make = Maker<Admin>("admin"),
          .dashed_words = true};
}

}  // namespace quern::shell
