// dfs setrep
#include "client/shell/commands.h"
#include "client/shell/fsck_report.h"
#include "client/shell/known_servers.h"
#include "client/shell/shell.h"
#include "client/shell/space.h"
#include "client/shell/tree.h"
#include "common/cli/command_line.h"
#include "common/replication.h"
#include "common/sizes.h"
#include "common/write_trouble.h"

namespace quern::shell {
namespace {

using client::FileStatus;

constexpr absl::Duration kPollEvery = absl::Milliseconds(500);

class Setrep final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-R,--recursive", &recursive_,
                 "accepted: directories are always done with all below");
    line->Switch("-w,--wait", &wait_, "wait until the replicas are there");
    line->Arguments(&arguments_, 2);
  }

  absl::Status Run(Shell* shell) override {
    const auto replication = ParseNumber(arguments_.front(), {1, kMaxReplication});
    if (!replication.ok()) return UsageError(Message(replication.status()));
    replication_ = static_cast<uint32_t>(*replication);
    arguments_.erase(arguments_.begin());
    for (const FileStatus& entry : shell->ExpandAndStat(arguments_)) {
      const absl::Status status = ChangeTree(shell, entry, [&](const FileStatus& file) {
        return file.is_directory() ? absl::OkStatus() : Set(shell, file.path);
      });
      if (!status.ok()) shell->Report(status, entry.path);
    }
    if (!done_.empty()) SayWhatIsMissing(shell);
    KnownServers servers([shell] { return shell->fs()->GetCluster(); });
    for (const std::string& path : done_) {
      if (!wait_) break;
      if (const absl::Status status = WaitFor(shell, &servers, path); !status.ok()) {
        shell->Report(status, path);
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Set(Shell* shell, const std::string& path) {
    RETURN_IF_ERROR(shell->fs()->SetReplication(path, replication_).status());
    done_.push_back(path);
    if (shell->json()) {
      shell->Print(JsonLine().Add("path", path).Add("replication", replication_));
    } else {
      shell->Print(fmt::format("Replication {} set: {}\n", replication_, path));
    }
    return absl::OkStatus();
  }

  // No copies come to servers that are not there.
  void SayWhatIsMissing(Shell* shell) const {
    const auto cluster = shell->fs()->GetCluster();
    if (!cluster.ok()) return;
    const size_t alive = WriteAbilityOf(*cluster).servers_alive;
    const std::string missing =
        wait_ ? DescribeMissingServers(alive, replication_, "-w waits until there are more")
              : DescribeMissingServers(alive, replication_);
    if (!missing.empty()) shell->Warn(missing);
  }

  static absl::Status WaitFor(Shell* shell, KnownServers* servers, const std::string& path) {
    if (!shell->json()) shell->Print(fmt::format("Waiting for {} ...", path));
    absl::Time dot = shell->clock().MonotonicNow();
    while (true) {
      ASSIGN_OR_RETURN(std::vector<client::ChunkInfo> chunks, shell->fs()->GetChunks(path));
      // A replica counts when its server is alive.
      RETURN_IF_ERROR(servers->Refresh(shell->clock().MonotonicNow()));
      // Those that are wanted now: somebody may have set another number meanwhile.
      if (HasAllReplicas(servers->silent().Separate(std::move(chunks)))) break;
      shell->clock().Sleep(kPollEvery);
      if (shell->clock().MonotonicNow() - dot > absl::Seconds(10) && !shell->json()) {
        shell->Print(".");
        dot = shell->clock().MonotonicNow();
      }
    }
    if (!shell->json()) shell->Print(" done\n");
    return absl::OkStatus();
  }

  bool recursive_ = false;
  bool wait_ = false;
  uint32_t replication_ = 0;
  std::vector<std::string> arguments_;
  std::vector<std::string> done_;
};

}  // namespace

CommandSpec SetrepCommand() {
  return {.name = "setrep",
          .aliases = {},
          .usage = "[-w] N PATH...",
          .summary = "sets how many replicas files have",
          .examples = {"dfs setrep 3 /in/a.txt", "dfs setrep -w 2 /archive"},
          .make = Maker<Setrep>("setrep")};
}

}  // namespace quern::shell
