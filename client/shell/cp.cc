// dfs cp
#include <optional>
#include <span>

#include "client/shell/commands.h"
#include "client/shell/copy.h"
#include "client/shell/interrupt.h"
#include "client/shell/jobs.h"
#include "client/shell/made_directories.h"
#include "client/shell/put_small.h"
#include "client/shell/shell.h"
#include "client/shell/target.h"
#include "client/shell/tree.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

using client::FileStatus;

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
    Copy(shell);
    FinishDirectories(shell, made_);
    return CheckInterrupt();
  }

 private:
  struct Job {
    FileStatus source;
    std::string target;
  };

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
        queue_.push_back({entry, to});
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

  void Copy(Shell* shell) {
    uint64_t total = 0;
    for (const Job& job : queue_) total += job.source.length;
    const auto progress = shell->StartProgress(fmt::format("{} files", queue_.size()), total,
                                               ProgressOptions::Unit::kBytes);
    std::vector<uint64_t> sizes;
    for (const Job& job : queue_) sizes.push_back(job.source.length);
    std::vector<std::span<const Job>> groups;
    std::span<const Job> left = queue_;
    for (const size_t count : GroupSmallFiles(sizes, static_cast<size_t>(jobs_))) {
      groups.push_back(left.first(count));
      left = left.subspan(count);
    }
    RunJobs(groups.size(), static_cast<size_t>(jobs_), [&](size_t i) {
      if (groups[i].size() > 1) return CopySmall(shell, groups[i], progress.get());
      const Job& job = groups[i].front();
      Tell(shell, job, CopyOne(shell, job, progress.get()));
    });
  }

  static void Tell(Shell* shell, const Job& job, const absl::Status& status) {
    // Ctrl-C is told once, at the end.
    if (!status.ok() && !Interrupted()) shell->Report(status, job.target);
  }

  void CopySmall(Shell* shell, std::span<const Job> jobs, Progress* progress) const {
    std::vector<std::string> contents;
    std::vector<const Job*> together;
    for (const Job& job : jobs) {
      if (Interrupted()) return;
      std::optional<std::string> bytes = ReadSmall(shell, job);
      if (bytes.has_value()) {
        contents.push_back(*std::move(bytes));
        together.push_back(&job);
      } else {
        Tell(shell, job, CopyOne(shell, job, progress));
      }
    }
    std::vector<client::SmallFile> files;
    for (size_t i = 0; i < together.size(); ++i) {
      files.push_back(
          {together[i]->target, OptionsFor(*together[i], contents[i].size()), contents[i]});
    }
    const auto results = shell->fs()->WriteSmall(files);
    for (size_t i = 0; i < results.size(); ++i) {
      const Job& job = *together[i];
      if (absl::IsAborted(results[i].status())) {
        Tell(shell, job, CopyOne(shell, job, progress));
      } else if (!results[i].ok()) {
        Tell(shell, job, results[i].status());
      } else {
        progress->Add(contents[i].size());
        PrintCopied(shell, job, contents[i].size());
      }
    }
  }

  // Nothing when it cannot be read, or is another file now that is empty or large: it is copied
  // alone, where it is told what is wrong with it.
  static std::optional<std::string> ReadSmall(Shell* shell, const Job& job) {
    const auto reader = shell->fs()->Open(job.source.path);
    if (!reader.ok()) return std::nullopt;
    const uint64_t length = (*reader)->status().length;
    if (length == 0 || length > kSmallFileBytes) return std::nullopt;
    std::string bytes(length, '\0');
    const absl::StatusOr<size_t> got = (*reader)->Pread(0, length, bytes.data());
    if (!got.ok() || *got != length) return std::nullopt;
    return bytes;
  }

  client::CreateOptions OptionsFor(const Job& job, uint64_t bytes) const {
    client::CreateOptions options;
    options.expected_bytes = bytes;
    options.overwrite = force_;
    if (preserve_) {
      options.replication = job.source.replication;
      options.mode = job.source.mode;
      options.mtime = job.source.mtime;
    }
    return options;
  }

  static void PrintCopied(Shell* shell, const Job& job, uint64_t bytes) {
    if (!shell->json()) return;
    shell->Print(std::move(
        JsonLine().Add("source", job.source.path).Add("path", job.target).Add("bytes", bytes)));
  }

  absl::Status CopyOne(Shell* shell, const Job& job, Progress* progress) const {
    ASSIGN_OR_RETURN(const auto reader, shell->fs()->Open(job.source.path));
    ASSIGN_OR_RETURN(const auto writer,
                     shell->fs()->Create(job.target, OptionsFor(job, reader->status().length)));
    const auto stream = reader->Stream(0, reader->status().length);
    RETURN_IF_ERROR(CopyToWriter(stream.get(), writer.get(), progress));
    ASSIGN_OR_RETURN(const FileStatus status, writer->Close());
    PrintCopied(shell, job, status.length);
    return absl::OkStatus();
  }

  bool force_ = false;
  bool preserve_ = false;
  bool ignored_ = false;
  int64_t jobs_ = 4;
  std::vector<std::string> arguments_;
  UsedTargets targets_;
  std::vector<Job> queue_;
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
