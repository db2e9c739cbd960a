// dfs put
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/shell/commands.h"
#include "client/shell/copy.h"
#include "client/shell/interrupt.h"
#include "client/shell/jobs.h"
#include "client/shell/local_tree.h"
#include "client/shell/made_directories.h"
#include "client/shell/pack.h"
#include "client/shell/put_small.h"
#include "client/shell/shell.h"
#include "client/shell/space.h"
#include "client/shell/target.h"
#include "common/cli/command_line.h"
#include "common/crc32c.h"
#include "common/replication.h"

namespace quern::shell {
namespace {

// Of one file, each after another power cut.
constexpr int kMaxRewrites = 3;
// What the cluster keeps of a mode: nothing runs there, and whoever gets a file owns it, so setuid
// and setgid would be given to somebody else.
constexpr uint32_t kKeptModeBits = 01777;

class Put final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-f,--force", &force_, "replace files that are there");
    line->Switch("-p,--preserve", &preserve_,
                 "keep modification times and permission bits, but for setuid and setgid");
    line->Number("-j,--jobs,-t", "N", &jobs_, {1, kMaxJobs}, "files at a time (4)");
    line->Value("--bwlimit", "RATE", &rate_, "bytes a second at most, over all files, as in 10MiB");
    line->Number("--replication", "N", &replication_, {1, kMaxReplication},
                 "replicas of each chunk (the cluster's default)");
    line->Values("--exclude", "GLOB", &tree_options_.exclude, "leave out files of such names");
    line->Switch("--follow-links", &follow_links_,
                 "links to directories stand for them (those to files always do, but with --pack)");
    line->Switch("--skip-links", &skip_links_, "leave out links");
    line->Switch("--pack", &pack_,
                 "all text files below a directory become one file of JSON lines");
    line->Switch("-l,-d,--direct", &ignored_,
                 "accepted and not needed: files never appear half written");
    line->Arguments(&arguments_, 2);
  }

  absl::Status Run(Shell* shell) override {
    if (follow_links_ && skip_links_) return UsageError("--follow-links or --skip-links, not both");
    if (follow_links_) tree_options_.links = Links::kFollow;
    // What links name lies in a tree of texts already, mostly.
    if (skip_links_ || (pack_ && !follow_links_)) tree_options_.links = Links::kSkip;
    auto limit = RateLimit::Parse(rate_, &shell->clock());
    if (!limit.ok()) return UsageError(fmt::format("--bwlimit: {}", Message(limit.status())));
    limit_ = *std::move(limit);
    if (pack_ && limit_ != nullptr) return UsageError("--bwlimit is not for --pack");
    ASSIGN_OR_RETURN(const std::string target, CleanPath(arguments_.back()));
    const bool slash = arguments_.back().ends_with('/');
    arguments_.pop_back();
    RETURN_IF_ERROR(CheckIsNotReserved(target));
    // The master drops files that are not complete.
    const InterruptGuard guard(InterruptGuard::Patience::kEndSoon);
    WarnOfTooManyReplicas(shell);
    if (pack_) return PutPacked(shell, target);
    ASSIGN_OR_RETURN(const TargetPlace place,
                     FindTarget(shell, target, slash, arguments_.size() > 1));
    for (const std::string& source : arguments_) {
      if (const absl::Status status = Plan(shell, source, place); !status.ok()) {
        shell->Report(status, source);
      }
    }
    Copy(shell);
    FinishDirectories(shell, made_);
    WarnOfLostBits(shell);
    return CheckInterrupt();
  }

 private:
  void WarnOfTooManyReplicas(Shell* shell) const {
    if (!replication_.has_value()) return;
    const auto cluster = shell->fs()->GetCluster();
    if (!cluster.ok()) return;  // whatever ails the master, the files will tell
    const std::string missing = DescribeMissingServers(
        WriteAbilityOf(*cluster).servers_alive, static_cast<uint64_t>(*replication_),
        "fsck says UNDER-REPLICATED until there are more");
    if (!missing.empty()) shell->Warn(missing);
  }

  // Makes the directories of a source and queues its files.
  absl::Status Plan(Shell* shell, const std::string& source, const TargetPlace& place) {
    if (source == "-") {
      if (place.is_directory) {
        return FailedPreconditionError("{}: is a directory, and stdin has no name", place.path);
      }
      LocalEntry entry;
      entry.path = "-";
      jobs_queue_.push_back({std::move(entry), place.path});
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(LocalTree tree, ListLocalTree(source, tree_options_));
    for (const std::string& skipped : tree.skipped)
      shell->Report(FailedPreconditionError("{}", skipped));
    const std::string root = place.For(source);
    for (LocalEntry& entry : tree.entries) {
      const std::string to = entry.relative.empty() ? root : JoinPath(root, entry.relative);
      RETURN_IF_ERROR(CheckIsNotReserved(to));
      if (preserve_ && (entry.mode & ~kKeptModeBits) != 0) {
        if (with_lost_bits_++ == 0) first_with_lost_bits_ = entry.path;
        entry.mode &= kKeptModeBits;
      }
      if (entry.is_directory) {
        RETURN_IF_ERROR(MakeDirectory(shell, entry, to));
      } else if (targets_.Claim(shell, {.target = to, .source = entry.path})) {
        jobs_queue_.push_back({std::move(entry), to});
      }
    }
    return absl::OkStatus();
  }

  void WarnOfLostBits(Shell* shell) const {
    if (with_lost_bits_ == 0) return;
    shell->Warn(
        fmt::format("{}{}: setuid and setgid are not kept", first_with_lost_bits_,
                    with_lost_bits_ == 1 ? "" : fmt::format(" and {} more", with_lost_bits_ - 1)));
  }

  absl::Status MakeDirectory(Shell* shell, const LocalEntry& entry, const std::string& to) {
    ASSIGN_OR_RETURN(const auto there, shell->StatIfExists(to));
    if (there.has_value()) {
      if (there->is_directory()) return absl::OkStatus();
      return AlreadyExistsError("{}: is a file, not a directory", to);
    }
    RETURN_IF_ERROR(
        shell->fs()->Mkdirs(to, {.parents = false, .mode = preserve_ ? entry.mode : 0755}));
    if (preserve_) made_.push_back({to, entry.mode, entry.mtime});
    return absl::OkStatus();
  }

  void Copy(Shell* shell) {
    uint64_t total = 0;
    for (const PutJob& job : jobs_queue_) total += job.source.size;
    const std::string what = jobs_queue_.size() == 1 ? BaseName(jobs_queue_[0].source.path)
                                                     : fmt::format("{} files", jobs_queue_.size());
    const auto progress = shell->StartProgress(what, total, ProgressOptions::Unit::kBytes);
    const auto groups = GroupPutJobs(jobs_queue_, static_cast<size_t>(jobs_));
    RunJobs(groups.size(), static_cast<size_t>(jobs_), [&](size_t i) {
      if (groups[i].size() > 1) return CopySmall(shell, groups[i], progress.get());
      const PutJob& job = groups[i].front();
      Tell(shell, job, CopyOne(shell, job, progress.get()));
    });
  }

  static void Tell(Shell* shell, const PutJob& job, const absl::Status& status) {
    // Ctrl-C is told once, at the end.
    if (!status.ok() && !Interrupted()) shell->Report(status, job.target);
  }

  void CopySmall(Shell* shell, std::span<const PutJob> jobs, Progress* progress) const {
    std::vector<std::string> contents;
    std::vector<const PutJob*> together;
    for (const PutJob& job : jobs) {
      std::optional<std::string> bytes = ReadSmallFile(job.source.path);
      if (bytes.has_value()) {
        contents.push_back(*std::move(bytes));
        together.push_back(&job);
      } else {
        Tell(shell, job, CopyOne(shell, job, progress));
      }
    }
    uint64_t bytes_together = 0;
    std::vector<client::SmallFile> files;
    for (size_t i = 0; i < together.size(); ++i) {
      bytes_together += contents[i].size();
      client::CreateOptions options = OptionsFor(together[i]->source);
      options.expected_bytes = contents[i].size();
      files.push_back({together[i]->target, options, contents[i]});
    }
    // Ctrl-C, which is told at the end.
    if (limit_ != nullptr && !limit_->Take(bytes_together).ok()) return;
    const auto results = shell->fs()->WriteSmall(files);
    for (size_t i = 0; i < results.size(); ++i) {
      const PutJob& job = *together[i];
      if (absl::IsAborted(results[i].status())) {
        Tell(shell, job, CopyOne(shell, job, progress));
      } else if (!results[i].ok()) {
        Tell(shell, job, results[i].status());
      } else {
        progress->Add(contents[i].size());
        PrintCopied(shell, job, contents[i].size(), Crc32c(contents[i]));
      }
    }
  }

  // The file as a whole has to be written again when servers lost power under it.
  absl::Status CopyOne(Shell* shell, const PutJob& job, Progress* progress) const {
    absl::Status status = TryCopyOne(shell, job, progress);
    for (int again = 0; absl::IsAborted(status) && again < kMaxRewrites; ++again) {
      if (job.source.path == "-" || Interrupted()) break;
      status = TryCopyOne(shell, job, progress);
    }
    return status;
  }

  absl::Status TryCopyOne(Shell* shell, const PutJob& job, Progress* progress) const {
    UniqueFd fd(job.source.path == "-" ? dup(STDIN_FILENO)
                                       : open(job.source.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return ErrnoStatus(errno, job.source.path);
    ASSIGN_OR_RETURN(const auto writer, shell->fs()->Create(job.target, OptionsFor(job.source)));
    RETURN_IF_ERROR(CopyFromFd(fd.get(), job.source.path, writer.get(), progress, limit_.get()));
    const uint32_t crc = writer->crc();
    ASSIGN_OR_RETURN(const client::FileStatus status, writer->Close());
    PrintCopied(shell, job, status.length, crc);
    return absl::OkStatus();
  }

  static void PrintCopied(Shell* shell, const PutJob& job, uint64_t bytes, uint32_t crc) {
    if (!shell->json()) return;
    shell->Print(std::move(JsonLine()
                               .Add("source", job.source.path)
                               .Add("path", job.target)
                               .Add("bytes", bytes)
                               .Add("crc32c", fmt::format("{:08x}", crc))));
  }

  client::CreateOptions Options() const {
    client::CreateOptions options;
    options.replication = static_cast<uint32_t>(replication_.value_or(0));
    options.overwrite = force_;
    return options;
  }

  client::CreateOptions OptionsFor(const LocalEntry& source) const {
    client::CreateOptions options = Options();
    options.expected_bytes = source.path == "-" ? 0 : source.size;
    if (preserve_ && source.path != "-") {
      options.mode = source.mode;
      options.mtime = source.mtime;
    }
    return options;
  }

  absl::Status PutPacked(Shell* shell, const std::string& target) const {
    if (arguments_.size() != 1) return UsageError("--pack takes one directory and one target");
    ASSIGN_OR_RETURN(const auto writer, shell->fs()->Create(target, Options()));
    return PackDirectory(shell, arguments_.front(), target, tree_options_, writer.get());
  }

  bool force_ = false;
  bool preserve_ = false;
  bool follow_links_ = false;
  bool skip_links_ = false;
  bool pack_ = false;
  bool ignored_ = false;
  int64_t jobs_ = 4;
  std::string rate_;
  std::unique_ptr<RateLimit> limit_;  // null: none
  std::optional<int64_t> replication_;
  LocalTreeOptions tree_options_;
  std::vector<std::string> arguments_;
  UsedTargets targets_;
  std::vector<PutJob> jobs_queue_;
  MadeDirectories made_;  // with -p
  uint64_t with_lost_bits_ = 0;
  std::string first_with_lost_bits_;
};

}  // namespace

CommandSpec PutCommand() {
  return {.name = "put",
          .aliases = {"copyFromLocal", "upload"},
          .usage =
              "[-f] [-p] [-j N] [--bwlimit RATE] [--replication N]\n"
              "               [--exclude GLOB] [--follow-links | --skip-links] SOURCE... TARGET\n"
              "       dfs put --pack [--exclude GLOB] [--follow-links] DIRECTORY TARGET.jsonl",
          .summary = "copies files and directories of this machine into the cluster ('-' is stdin)",
          .examples = {"dfs put -f big.bin /in/big.bin", "tar c . | dfs put - /backup.tar",
                       "dfs put --pack /usr/share/doc /corpus/doc.jsonl"},
          .make = Maker<Put>("put")};
}

}  // namespace quern::shell
