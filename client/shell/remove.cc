// dfs rm, dfs rmdir
#include <algorithm>
#include <span>

#include "client/shell/commands.h"
#include "client/shell/jobs.h"
#include "client/shell/shell.h"
#include "client/shell/target.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

constexpr size_t kAtOnce = 256;
constexpr size_t kThreads = 16;

void PrintDeleted(Shell* shell, const std::string& path) {
  if (shell->json()) {
    shell->Print(JsonLine().Add("path", path).Add("deleted", true));
  } else {
    shell->Print(fmt::format("Deleted {}\n", shell->Shown(path)));
  }
}

class Rm final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-r,-R,--recursive", &recursive_, "directories, with everything in them");
    line->Switch("-f,--force", &force_, "no error for names that are not there");
    line->Switch("--skip-trash,--skipTrash", &skip_trash_,
                 "accepted for Hadoop's habit: there is no trash, all is removed at once");
    line->Switch("--internal", &internal_,
                 "also at and below /.quern, which running jobs need: for what lost ones left");
    line->Arguments(&patterns_, 0);
  }

  absl::Status Run(Shell* shell) override {
    if (patterns_.empty() && !force_) return UsageError("1 argument is missing");
    std::vector<std::string> paths;
    for (const std::string& pattern : patterns_) {
      for (std::string& path : shell->Expand(pattern)) paths.push_back(std::move(path));
    }
    for (size_t begin = 0; begin < paths.size(); begin += kAtOnce) {
      RemoveSome(shell, std::span(paths).subspan(begin, std::min(kAtOnce, paths.size() - begin)));
    }
    return absl::OkStatus();
  }

 private:
  // Removals that are made side by side share the master's writes; they are told in their order.
  void RemoveSome(Shell* shell, std::span<const std::string> paths) const {
    std::vector<absl::StatusOr<bool>> removed(paths.size(), false);
    RunJobs(paths.size(), kThreads, [&](size_t i) { removed[i] = Remove(shell, paths[i]); });
    for (size_t i = 0; i < paths.size(); ++i) {
      if (!removed[i].ok()) {
        shell->Report(removed[i].status(), paths[i]);
      } else if (*removed[i]) {
        PrintDeleted(shell, paths[i]);
      }
    }
  }

  // True when there was something to remove.
  absl::StatusOr<bool> Remove(Shell* shell, const std::string& path) const {
    if (path == "/") return InvalidArgumentError("/: the root cannot be removed");
    if (!internal_) RETURN_IF_ERROR(CheckIsRemovable(path));
    ASSIGN_OR_RETURN(const auto status, shell->StatIfExists(path));
    if (!status.has_value()) {
      if (force_) return false;
      return NotFoundError("{}: no such file or directory", path);
    }
    if (status->is_directory() && !recursive_) {
      return FailedPreconditionError("{}: is a directory. Try: dfs rm -r", path);
    }
    return shell->fs()->Delete(path, {.recursive = recursive_});
  }

  static absl::Status CheckIsRemovable(const std::string& path) {
    if (!client::IsReserved(path)) return absl::OkStatus();
    return FailedPreconditionError(
        "{}: {} is what the coordinator and its jobs work with, which would fail. Try: mr kill "
        "JOB, or, for what lost jobs left, dfs rm -r --internal",
        path, client::kReservedDir);
  }

  bool recursive_ = false;
  bool force_ = false;
  bool internal_ = false;
  bool skip_trash_ = false;
  std::vector<std::string> patterns_;
};

class Rmdir final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("--ignore-fail-on-non-empty", &ignore_non_empty_,
                 "no error for a directory that is not empty");
    line->Arguments(&patterns_, 1);
  }

  absl::Status Run(Shell* shell) override {
    for (const client::FileStatus& entry : shell->ExpandAndStat(patterns_)) {
      if (const absl::Status status = Remove(shell, entry); !status.ok()) {
        shell->Report(status, entry.path);
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Remove(Shell* shell, const client::FileStatus& entry) const {
    RETURN_IF_ERROR(CheckIsNotReserved(entry.path));
    if (!entry.is_directory()) return FailedPreconditionError("{}: is not a directory", entry.path);
    if (entry.child_count > 0) {
      if (ignore_non_empty_) return absl::OkStatus();
      return FailedPreconditionError("{}: the directory is not empty. Try: dfs rm -r", entry.path);
    }
    // A file that came in meanwhile is not lost: the master refuses.
    return shell->fs()->Delete(entry.path).status();
  }

  bool ignore_non_empty_ = false;
  std::vector<std::string> patterns_;
};

}  // namespace

CommandSpec RmCommand() {
  return {.name = "rm",
          .aliases = {"del", "delete"},
          .usage = "[-r] [-f] [--skip-trash] [--internal] PATH...",
          .summary = "removes files, with -r also directories",
          .examples = {"dfs rm /tmp/a.txt", "dfs rm -r '/out/run-*'"},
          .make = Maker<Rm>("rm")};
}

CommandSpec RmdirCommand() {
  return {.name = "rmdir",
          .aliases = {},
          .usage = "[--ignore-fail-on-non-empty] PATH...",
          .summary = "removes empty directories",
          .examples = {"dfs rmdir /in/old", "dfs rmdir --ignore-fail-on-non-empty '/tmp/*'"},
          .make = Maker<Rmdir>("rmdir")};
}

}  // namespace quern::shell
