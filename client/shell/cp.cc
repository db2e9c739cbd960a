// dfs cp
#include <optional>
#include <string>
#include <vector>

#include "client/shell/commands.h"
#include "client/shell/copies.h"
#include "client/shell/copy.h"
#include "client/shell/interrupt.h"
#include "client/shell/jobs.h"
#include "client/shell/made_directories.h"
#include "client/shell/shell.h"
#include "client/shell/target.h"
#include "client/shell/tree.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

using client::FileStatus;

class ClusterSource final : public CopySource {
 public:
  explicit ClusterSource(client::FileSystem* fs) : fs_(fs) {}

  // Also nothing when it is another file now that is empty or large.
  std::optional<std::string> ReadSmall(const CopyJob& job) const override {
    const auto reader = fs_->Open(job.source);
    if (!reader.ok()) return std::nullopt;
    const uint64_t length = (*reader)->status().length;
    if (length == 0 || length > kSmallFileBytes) return std::nullopt;
    std::string bytes(length, '\0');
    const absl::StatusOr<size_t> got = (*reader)->Pread(0, length, bytes.data());
    if (!got.ok() || *got != length) return std::nullopt;
    return bytes;
  }

  absl::StatusOr<Copied> CopyAlone(const CopyJob& job, Progress* progress) const override {
    ASSIGN_OR_RETURN(const auto reader, fs_->Open(job.source));
    const uint64_t length = reader->status().length;
    client::CreateOptions options = job.options;
    options.expected_bytes = length;
    ASSIGN_OR_RETURN(const auto writer, fs_->Create(job.target, options));
    const auto stream = reader->Stream(0, length);
    RETURN_IF_ERROR(CopyToWriter(stream.get(), writer.get(), progress));
    ASSIGN_OR_RETURN(const FileStatus status, writer->Close());
    return Copied{.bytes = status.length};
  }

 private:
  client::FileSystem* const fs_;
};

class Cp final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-f,--force", &force_, "replace files that are there");
    line->Switch("-p,--preserve", &preserve_,
                 "keep replication, modification times and permission bits");
    line->Switch("-r,-R,--recursive", &ignored_, "accepted: directories are copied with all below");
    line->Number("-j,--jobs,-t", "N", &jobs_, {1, kMaxJobs}, "files at a time (4)");
    line->Arguments(&arguments_, 2);
  }

  absl::Status Run(Shell* shell) override {
    ASSIGN_OR_RETURN(const std::string target, CleanPath(arguments_.back()));
    const bool slash = arguments_.back().ends_with('/');
    arguments_.pop_back();
    // The master drops files that are not complete.
    const InterruptGuard guard(InterruptGuard::Patience::kEndSoon);
    const std::vector<FileStatus> sources = shell->ExpandAndStat(arguments_);
    ASSIGN_OR_RETURN(const TargetPlace place, FindTarget(shell, target, slash, sources.size() > 1));
    for (const FileStatus& source : sources) {
      if (const absl::Status status = Plan(shell, source, place.For(source.path)); !status.ok()) {
        shell->Report(status, source.path);
      }
    }
    const ClusterSource source(shell->fs());
    Copies(shell, &source, {.workers = static_cast<size_t>(jobs_)}).Run(queue_);
    FinishDirectories(shell, made_);
    return CheckInterrupt();
  }

 private:
  absl::Status Plan(Shell* shell, const FileStatus& source, const std::string& root) {
    if (root == source.path || source.path == "/" ||
        (source.is_directory() && root.starts_with(source.path + "/"))) {
      return InvalidArgumentError("{}: cannot be copied onto or into itself ({})", source.path,
                                  root);
    }
    return WalkTree(shell, source, [&](const FileStatus& entry) {
      const std::string to = root + entry.path.substr(source.path.size());
      RETURN_IF_ERROR(CheckIsNotReserved(to));
      if (entry.is_directory()) return MakeDirectory(shell, entry, to);
      if (targets_.Claim(shell, {.target = to, .source = entry.path})) {
        queue_.push_back({.source = entry.path,
                          .target = to,
                          .size = entry.length,
                          .options = OptionsFor(entry)});
      }
      return absl::OkStatus();
    });
  }

  // One that is there stays as it is.
  absl::Status MakeDirectory(Shell* shell, const FileStatus& entry, const std::string& to) {
    if (!preserve_) return shell->fs()->Mkdirs(to, {.parents = true});
    ASSIGN_OR_RETURN(const auto there, shell->StatIfExists(to));
    if (there.has_value() && there->is_directory()) return absl::OkStatus();
    // Those above it are no copies.
    RETURN_IF_ERROR(shell->fs()->Mkdirs(ParentOf(to), {.parents = true}));
    RETURN_IF_ERROR(shell->fs()->Mkdirs(to, {.parents = false, .mode = entry.mode}));
    made_.push_back({to, entry.mode, entry.mtime});
    return absl::OkStatus();
  }

  client::CreateOptions OptionsFor(const FileStatus& source) const {
    client::CreateOptions options;
    options.overwrite = force_;
    if (preserve_) {
      options.replication = source.replication;
      options.mode = source.mode;
      options.mtime = source.mtime;
    }
    return options;
  }

  bool force_ = false;
  bool preserve_ = false;
  bool ignored_ = false;
  int64_t jobs_ = 4;
  std::vector<std::string> arguments_;
  UsedTargets targets_;
  std::vector<CopyJob> queue_;
  MadeDirectories made_;  // with -p
};

}  // namespace

CommandSpec CpCommand() {
  return {.name = "cp",
          .aliases = {"copy"},
          .usage = "[-f] [-p] [-j N] SOURCE... TARGET",
          .summary = "copies files and directories within the cluster",
          .examples = {"dfs cp /in/a.txt /in/b.txt", "dfs cp -p '/logs/2026-*' /archive"},
          .make = Maker<Cp>("cp")};
}

}  // namespace quern::shell
