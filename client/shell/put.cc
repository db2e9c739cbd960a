// dfs put
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/shell/commands.h"
#include "client/shell/copies.h"
#include "client/shell/copy.h"
#include "client/shell/interrupt.h"
#include "client/shell/jobs.h"
#include "client/shell/local_tree.h"
#include "client/shell/made_directories.h"
#include "client/shell/pack.h"
#include "client/shell/shell.h"
#include "client/shell/space.h"
#include "client/shell/target.h"
#include "common/cli/command_line.h"
#include "common/fd.h"
#include "common/replication.h"
#include "common/write_trouble.h"

namespace quern::shell {
namespace {

// What the cluster keeps of a mode: nothing runs there, and whoever gets a file owns it, so setuid
// and setgid would be given to somebody else.
constexpr uint32_t kKeptModeBits = 01777;

class LocalSource final : public CopySource {
 public:
  LocalSource(client::FileSystem* fs, RateLimit* limit) : fs_(fs), limit_(limit) {}

  std::optional<std::string> ReadSmall(const CopyJob& job) const override {
    return ReadSmallFile(job.source);
  }

  absl::StatusOr<Copied> CopyAlone(const CopyJob& job, Progress* progress) const override {
    UniqueFd fd(job.source == "-" ? dup(STDIN_FILENO)
                                  : open(job.source.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return ErrnoStatus(errno, job.source);
    client::CreateOptions options = job.options;
    options.expected_bytes = job.size;
    ASSIGN_OR_RETURN(const auto writer, fs_->Create(job.target, options));
    RETURN_IF_ERROR(CopyFromFd(fd.get(), job.source, writer.get(), progress, limit_));
    const uint32_t crc = writer->crc();
    ASSIGN_OR_RETURN(const client::FileStatus status, writer->Close());
    return Copied{.bytes = status.length, .crc = crc};
  }

  bool CanReadAgain(const CopyJob& job) const override { return job.source != "-"; }

  client::FileSystem* const fs_;
  RateLimit* const limit_;  // null: none
};

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
    const LocalSource source(shell->fs(), limit_.get());
    Copies(shell, &source,
           {.workers = static_cast<size_t>(jobs_), .print_crc = true, .limit = limit_.get()})
        .Run(queue_);
    FinishDirectories(shell, made_);
    WarnOfLostBits(shell);
    return CheckInterrupt();
  }

 private:
  void WarnOfTooManyReplicas(Shell* shell) const {
    if (!replication_.has_value()) return;
    const auto cluster = shell->fs()->GetCluster();
    if (!cluster.ok()) return;  // whatever ails the master, the files will tell
    const std::string missing = DescribeMissingServers(WriteAbilityOf(*cluster).servers_alive,
                                                       static_cast<uint64_t>(*replication_));
    if (!missing.empty()) shell->Warn(missing);
  }

  // Makes the directories of a source and queues its files.
  absl::Status Plan(Shell* shell, const std::string& source, const TargetPlace& place) {
    if (source == "-") {
      if (place.is_directory) {
        return FailedPreconditionError("{}: is a directory, and stdin has no name", place.path);
      }
      queue_.push_back({.source = "-", .target = place.path, .options = Options()});
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
        queue_.push_back(
            {.source = entry.path, .target = to, .size = entry.size, .options = OptionsFor(entry)});
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

  client::CreateOptions Options() const {
    client::CreateOptions options;
    options.replication = static_cast<uint32_t>(replication_.value_or(0));
    options.overwrite = force_;
    return options;
  }

  client::CreateOptions OptionsFor(const LocalEntry& source) const {
    client::CreateOptions options = Options();
    if (preserve_) {
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
  std::vector<CopyJob> queue_;
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
