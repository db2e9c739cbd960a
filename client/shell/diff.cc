// dfs diff
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/shell/commands.h"
#include "client/shell/copy.h"
#include "client/shell/file_sum.h"
#include "client/shell/interrupt.h"
#include "client/shell/local_tree.h"
#include "client/shell/shell.h"
#include "client/shell/tree.h"
#include "common/cli/cli.h"
#include "common/cli/command_line.h"
#include "common/fd.h"

namespace quern::shell {
namespace {

constexpr std::string_view kLocalPrefix = "file://";

// One file or directory of a tree.
struct DiffEntry {
  std::string path;
  bool is_directory = false;
  uint64_t size = 0;
};

// Everything at and below one path, by the paths relative to it; "" is the path itself.
struct DiffTree {
  bool is_local = false;
  std::map<std::string, DiffEntry> entries;
};

// The bytes of a file in their order.
class DiffBytes {
 public:
  virtual ~DiffBytes() = default;
  // Valid until the next call; empty at the end.
  virtual absl::StatusOr<std::string_view> Next() = 0;
};

class LocalDiffBytes final : public DiffBytes {
 public:
  static absl::StatusOr<std::unique_ptr<DiffBytes>> Open(const std::string& path) {
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return ErrnoStatus(errno, path);
    return std::make_unique<LocalDiffBytes>(path, std::move(fd));
  }
  LocalDiffBytes(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  absl::StatusOr<std::string_view> Next() override {
    ASSIGN_OR_RETURN(const size_t n, ReadSome(fd_.get(), path_, buffer_));
    return std::string_view(buffer_).substr(0, n);
  }

 private:
  const std::string path_;
  const UniqueFd fd_;
  std::string buffer_ = std::string(size_t{1} << 20, '\0');
};

class ClusterDiffBytes final : public DiffBytes {
 public:
  explicit ClusterDiffBytes(std::unique_ptr<client::FileReader> reader)
      : reader_(std::move(reader)), stream_(reader_->Stream(0, reader_->status().length)) {}
  absl::StatusOr<std::string_view> Next() override { return stream_->Next(); }

 private:
  const std::unique_ptr<client::FileReader> reader_;
  const std::unique_ptr<client::ReadStream> stream_;
};

// Where two files differ first; none when they are the same.
absl::StatusOr<std::optional<uint64_t>> FirstDifference(DiffBytes* first, DiffBytes* second) {
  std::string_view a;
  std::string_view b;
  for (uint64_t at = 0;;) {
    RETURN_IF_ERROR(CheckInterrupt());
    if (a.empty()) {
      ASSIGN_OR_RETURN(a, first->Next());
    }
    if (b.empty()) {
      ASSIGN_OR_RETURN(b, second->Next());
    }
    if (a.empty() && b.empty()) return std::optional<uint64_t>();
    const size_t both = std::min(a.size(), b.size());
    const auto differ =
        std::mismatch(a.begin(), a.begin() + static_cast<ptrdiff_t>(both), b.begin());
    const auto same = static_cast<size_t>(differ.first - a.begin());
    if (both == 0 || same < both) return std::optional<uint64_t>(at + same);
    at += both;
    a.remove_prefix(both);
    b.remove_prefix(both);
  }
}

class Diff final : public ShellCommand {
 public:
  void Define(CommandLine* line) override { line->Arguments(&arguments_, 2, 2); }

  absl::Status Run(Shell* shell) override {
    const InterruptGuard guard;
    ASSIGN_OR_RETURN(first_, List(shell, arguments_[0]));
    ASSIGN_OR_RETURN(second_, List(shell, arguments_[1]));
    std::map<std::string, int> all;
    for (const auto& [relative, entry] : first_.entries) all[relative] |= 1;
    for (const auto& [relative, entry] : second_.entries) all[relative] |= 2;
    for (const auto& [relative, sides] : all) {
      if (!IsInBoth(relative)) continue;
      if (sides == 3) {
        const absl::Status compared = CompareBoth(shell, relative);
        if (IsRetryable(compared) || Interrupted()) return compared;
        if (!compared.ok()) shell->Report(compared, second_.entries.at(relative).path);
        continue;
      }
      const DiffTree& side = sides == 1 ? first_ : second_;
      const DiffEntry& entry = side.entries.at(relative);
      Tell(shell, entry.path, "is only on this side", sides == 1 ? "only_first" : "only_second");
    }
    return CheckInterrupt();
  }

 private:
  // file:///x, and what does not begin with a slash, is of this machine.
  static absl::StatusOr<DiffTree> List(Shell* shell, const std::string& path) {
    DiffTree tree;
    tree.is_local = path.starts_with(kLocalPrefix) || !path.starts_with('/');
    if (tree.is_local) {
      const std::string root =
          path.starts_with(kLocalPrefix) ? path.substr(kLocalPrefix.size()) : path;
      ASSIGN_OR_RETURN(LocalTree local, ListLocalTree(root, {}));
      for (const std::string& skipped : local.skipped) {
        shell->Report(FailedPreconditionError("{}", skipped));
      }
      for (LocalEntry& entry : local.entries) {
        tree.entries[entry.relative] = {entry.path, entry.is_directory, entry.size};
      }
      return tree;
    }
    ASSIGN_OR_RETURN(const std::string clean, CleanPath(path));
    ASSIGN_OR_RETURN(const client::FileStatus root, shell->fs()->Stat(clean));
    const size_t skip = clean == "/" ? 1 : clean.size() + 1;
    RETURN_IF_ERROR(WalkTree(shell, root, [&](const client::FileStatus& entry) {
      const std::string relative = entry.path.size() < skip ? "" : entry.path.substr(skip);
      tree.entries[relative] = {entry.path, entry.is_directory(), entry.length};
      return CheckInterrupt();
    }));
    return tree;
  }

  // Both sides have the directory that it lies in; of one that is told, the contents are not.
  bool IsInBoth(const std::string& relative) const {
    if (relative.empty()) return true;
    const size_t slash = relative.rfind('/');
    const std::string parent = slash == std::string::npos ? "" : relative.substr(0, slash);
    const auto is_directory = [&](const DiffTree& tree) {
      const auto entry = tree.entries.find(parent);
      return entry != tree.entries.end() && entry->second.is_directory;
    };
    return is_directory(first_) && is_directory(second_);
  }

  absl::Status CompareBoth(Shell* shell, const std::string& relative) const {
    const DiffEntry& a = first_.entries.at(relative);
    const DiffEntry& b = second_.entries.at(relative);
    if (a.is_directory != b.is_directory) {
      Tell(shell, a.path,
           fmt::format("is a {}, and {} is none", a.is_directory ? "directory" : "file",
                       shell->Shown(b.path)),
           "other_kind");
      return absl::OkStatus();
    }
    if (a.is_directory) return absl::OkStatus();
    if (!first_.is_local && !second_.is_local && a.size == b.size) {
      ASSIGN_OR_RETURN(const std::optional<uint32_t> crc_a, Sum(shell, a.path));
      ASSIGN_OR_RETURN(const std::optional<uint32_t> crc_b, Sum(shell, b.path));
      if (crc_a.has_value() && crc_a == crc_b) return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const auto bytes_a, Open(shell, first_, a));
    ASSIGN_OR_RETURN(const auto bytes_b, Open(shell, second_, b));
    ASSIGN_OR_RETURN(const std::optional<uint64_t> at,
                     FirstDifference(bytes_a.get(), bytes_b.get()));
    if (at.has_value()) {
      Tell(shell, a.path,
           fmt::format("differs from {} at byte {} (of {} and {})", shell->Shown(b.path), *at,
                       a.size, b.size),
           "differs", at);
    }
    return absl::OkStatus();
  }

  // Of a file whose chunks are all sealed: no byte is read.
  static absl::StatusOr<std::optional<uint32_t>> Sum(Shell* shell, const std::string& path) {
    ASSIGN_OR_RETURN(const std::vector<client::ChunkInfo> chunks, shell->fs()->GetChunks(path));
    const FileSum sum = SumOfChunks(chunks);
    return sum.of_all ? std::optional<uint32_t>(sum.crc) : std::nullopt;
  }

  static absl::StatusOr<std::unique_ptr<DiffBytes>> Open(Shell* shell, const DiffTree& tree,
                                                         const DiffEntry& entry) {
    if (tree.is_local) return LocalDiffBytes::Open(entry.path);
    ASSIGN_OR_RETURN(auto reader, shell->fs()->Open(entry.path));
    return std::make_unique<ClusterDiffBytes>(std::move(reader));
  }

  static void Tell(Shell* shell, const std::string& path, std::string_view what,
                   std::string_view state, std::optional<uint64_t> at = std::nullopt) {
    shell->set_exit_code(kExitFailed);
    if (shell->json()) {
      JsonLine line;
      line.Add("path", path).Add("state", state);
      if (at.has_value()) line.Add("byte", *at);
      shell->Print(line);
    } else {
      shell->Print(fmt::format("{}: {}\n", shell->Shown(path), what));
    }
  }

  std::vector<std::string> arguments_;
  DiffTree first_;
  DiffTree second_;
};

}  // namespace

CommandSpec DiffCommand() {
  return {.name = "diff",
          .aliases = {},
          .usage = "PATH|file:///LOCAL PATH|file:///LOCAL",
          .summary =
              "compares files, or directories with all below (0: the same; 1: not); what does not "
              "begin with / is of this machine, too; bytes count from 0",
          .examples = {"dfs diff /in /copy", "dfs diff file:///data/in /in", "dfs diff . /in"},
          .make = Maker<Diff>("diff")};
}

}  // namespace quern::shell
