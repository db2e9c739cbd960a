// dfs get, dfs getmerge
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "client/read_files.h"
#include "client/shell/commands.h"
#include "client/shell/copy.h"
#include "client/shell/interrupt.h"
#include "client/shell/jobs.h"
#include "client/shell/made_directories.h"
#include "client/shell/resume.h"
#include "client/shell/shell.h"
#include "client/shell/target.h"
#include "client/shell/tree.h"
#include "common/cli/cli.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

using client::FileStatus;

bool IsLocalDirectory(const std::string& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

absl::Status StreamTo(Shell* shell, const FileStatus& file, int fd, std::string_view name,
                      Progress* progress, RateLimit* limit) {
  ASSIGN_OR_RETURN(const auto reader, shell->fs()->Open(file.path));
  const auto stream = reader->Stream(0, reader->status().length);
  return CopyToFd(stream.get(), fd, name, progress, limit);
}

class Get final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-f,--force", &force_, "replace files that are there");
    line->Switch("-p,--preserve", &preserve_,
                 "keep modification times and permission bits; directories that are there keep "
                 "theirs, also those of a run that was killed");
    line->Number("-j,--jobs,-t", "N", &jobs_, {1, kMaxJobs}, "files at a time (4)");
    line->Value("--bwlimit", "RATE", &rate_, "bytes a second at most, over all files, as in 10MiB");
    line->Switch(
        "--resume", &resume_,
        "keep what came of a file (.NAME.dfs-part) when it breaks off, and go on with what "
        "an earlier --resume left, after its checksums were compared");
    line->Arguments(&arguments_, 1);
  }

  absl::Status Run(Shell* shell) override {
    auto limit = RateLimit::Parse(rate_, &shell->clock());
    if (!limit.ok()) return UsageError(fmt::format("--bwlimit: {}", Message(limit.status())));
    limit_ = *std::move(limit);
    // As with other shells, the current directory when no target is named.
    std::string target = ".";
    if (arguments_.size() > 1) {
      target = arguments_.back();
      arguments_.pop_back();
    }
    const InterruptGuard guard;
    const std::vector<FileStatus> sources = shell->ExpandAndStat(arguments_);
    if (target == "-" && resume_) return UsageError("--resume is not for stdout");
    if (target == "-") return ToStdout(shell, sources);
    const bool into = IsLocalDirectory(target);
    if (!into && (sources.size() > 1 || target.ends_with('/'))) {
      return FailedPreconditionError("{}: no such directory on this machine", target);
    }
    for (const FileStatus& source : sources) {
      const absl::Status status =
          Plan(shell, source, into ? JoinPath(target, source.name()) : target);
      if (!status.ok()) shell->Report(status, source.path);
    }
    Copy(shell);
    FinishLocalDirectories(shell, made_);
    return CheckInterrupt();
  }

 private:
  struct Job {
    FileStatus source;
    std::string target;
  };

  absl::Status Plan(Shell* shell, const FileStatus& source, const std::string& root) {
    return WalkTree(shell, source, [&](const FileStatus& entry) {
      const std::string below = entry.path.substr(source.path.size());
      const std::string to = root + (below.empty() || below.front() == '/' ? "" : "/") + below;
      if (!entry.is_directory()) {
        if (Claim(shell, {.target = to, .source = entry.path})) queue_.push_back({entry, to});
        return absl::OkStatus();
      }
      return MakeDirectory(entry, to);
    });
  }

  // A tree may have a file that is called as another one is until it is complete.
  bool Claim(Shell* shell, const UsedTargets::Use& use) {
    return targets_.Claim(shell, use) &&
           (!resume_ ||
            targets_.Claim(shell, {.target = PartialName(use.target), .source = use.source}));
  }

  // One that is there stays as it is. A private one is that from its beginning.
  absl::Status MakeDirectory(const FileStatus& entry, const std::string& to) {
    if (mkdir(to.c_str(), preserve_ ? 0700 : 0777) == 0) {
      if (preserve_) made_.push_back({to, entry.mode, entry.mtime});
      return absl::OkStatus();
    }
    if (errno == EEXIST && IsLocalDirectory(to)) return absl::OkStatus();
    return ErrnoStatus(errno, to);
  }

  void Copy(Shell* shell) {
    uint64_t total = 0;
    for (const Job& job : queue_) total += job.source.length;
    const std::string what =
        queue_.size() == 1 ? queue_[0].source.name() : fmt::format("{} files", queue_.size());
    const auto progress = shell->StartProgress(what, total, ProgressOptions::Unit::kBytes);
    RunJobs(queue_.size(), static_cast<size_t>(jobs_), [&](size_t i) {
      const absl::Status status = CopyOne(shell, queue_[i], progress.get());
      if (!status.ok() && !Interrupted()) shell->Report(status, queue_[i].target);
    });
  }

  absl::Status CopyOne(Shell* shell, const Job& job, Progress* progress) const {
    if (resume_) {
      // An earlier call may have got all of it.
      ASSIGN_OR_RETURN(const bool is_there, HasAllBytes(shell, job.source, job.target));
      if (is_there) {
        progress->Add(job.source.length);
        PrintCopied(shell, job, job.source.length);
        return absl::OkStatus();
      }
    }
    ASSIGN_OR_RETURN(LocalTarget target, LocalTarget::Create(job.target, {.replace = force_,
                                                                          .is_private = preserve_,
                                                                          .resume = resume_}));
    ASSIGN_OR_RETURN(const auto reader, shell->fs()->Open(job.source.path));
    uint64_t kept = 0;
    if (target.can_resume()) {
      ASSIGN_OR_RETURN(kept, KeepVerified(shell, reader->status(), target.fd(), job.target));
      if (kept > 0) shell->Note(fmt::format("{}: goes on after {} bytes", job.target, kept));
      progress->Add(kept);
    }
    const auto stream = reader->Stream(kept, reader->status().length - kept);
    RETURN_IF_ERROR(CopyToFd(stream.get(), target.fd(), job.target, progress, limit_.get()));
    const absl::Status preserved = preserve_ ? target.SetAttributes(job.source) : absl::OkStatus();
    RETURN_IF_ERROR(target.Commit());
    PrintCopied(shell, job, kept);
    return preserved;
  }

  void PrintCopied(Shell* shell, const Job& job, uint64_t kept) const {
    if (!shell->json()) return;
    JsonLine line;
    line.Add("source", job.source.path).Add("path", job.target).Add("bytes", job.source.length);
    if (resume_) line.Add("kept_bytes", kept);
    shell->Print(line);
  }

  absl::Status ToStdout(Shell* shell, const std::vector<FileStatus>& sources) const {
    const auto progress = shell->StartProgress("-", 0, ProgressOptions::Unit::kBytes);
    for (const FileStatus& source : sources) {
      RETURN_IF_ERROR(
          StreamTo(shell, source, STDOUT_FILENO, "stdout", progress.get(), limit_.get()));
    }
    return absl::OkStatus();
  }

  bool force_ = false;
  bool preserve_ = false;
  bool resume_ = false;
  int64_t jobs_ = 4;
  std::string rate_;
  std::unique_ptr<RateLimit> limit_;  // null: none
  std::vector<std::string> arguments_;
  UsedTargets targets_;
  std::vector<Job> queue_;
  MadeDirectories made_;  // with -p
};

class Getmerge final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-f,--force", &force_, "replace the file if it is there");
    line->Switch("--nl", &newline_, "a line end after each file");
    line->Switch("--skip-empty-file", &skip_empty_, "no line end for empty files");
    line->Arguments(&arguments_, 2);
  }

  absl::Status Run(Shell* shell) override {
    const std::string target_path = arguments_.back();
    arguments_.pop_back();
    const InterruptGuard guard;
    ASSIGN_OR_RETURN(const std::vector<FileStatus> files, Files(shell));
    // One that is not there was reported: what lacks it is not what was asked for.
    if (shell->exit_code() != kExitOk) return absl::OkStatus();
    if (files.empty()) return NotFoundError("there is no file to merge");
    uint64_t total = 0;
    for (const FileStatus& file : files) total += file.length;
    const auto progress =
        shell->StartProgress(BaseName(target_path), total, ProgressOptions::Unit::kBytes);
    ASSIGN_OR_RETURN(LocalTarget target, LocalTarget::Create(target_path, {.replace = force_}));
    for (const FileStatus& file : files) {
      RETURN_IF_ERROR(StreamTo(shell, file, target.fd(), target_path, progress.get(), nullptr));
      const bool end_line = newline_ && !(skip_empty_ && file.length == 0);
      if (end_line && write(target.fd(), "\n", 1) != 1) return ErrnoStatus(errno, target_path);
    }
    return target.Commit();
  }

 private:
  // Of each argument what a job with that input would read, in the same order.
  absl::StatusOr<std::vector<FileStatus>> Files(Shell* shell) const {
    std::vector<FileStatus> files;
    for (const std::string& argument : arguments_) {
      auto found = client::FilesToRead(shell->fs(), argument, shell->Expand(argument));
      if (!found.ok()) {
        shell->Report(found.status(), argument);
        // Without a master every further path would wait as long.
        if (IsRetryable(found.status())) break;
        continue;
      }
      std::move(found->begin(), found->end(), std::back_inserter(files));
    }
    return files;
  }

  bool force_ = false;
  bool newline_ = false;
  bool skip_empty_ = false;
  std::vector<std::string> arguments_;
};

}  // namespace

CommandSpec GetCommand() {
  return {.name = "get",
          .aliases = {"copyToLocal", "download"},
          .usage = "[-f] [-p] [-j N] [--bwlimit RATE] [--resume] SOURCE... [TARGET]",
          .summary = "copies files and directories of the cluster to this machine ('-' is stdout)",
          .examples = {"dfs get /out/part-r-00000 .", "dfs get -f -j 8 '/out/*' results/",
                       "dfs get --resume /backup.tar ."},
          .make = Maker<Get>("get")};
}

CommandSpec GetmergeCommand() {
  return {
      .name = "getmerge",
      .aliases = {},
      .usage = "[-f] [-nl] [--skip-empty-file] SOURCE... TARGET",
      .summary =
          "copies files, or those below a directory that jobs read, one after another, into one "
          "file of this machine",
      .examples = {"dfs getmerge /out counts.txt", "dfs getmerge -nl '/out/part-*' all.txt"},
      .make = Maker<Getmerge>("getmerge")};
}

}  // namespace quern::shell
