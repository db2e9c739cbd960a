// dfs ls
#include <algorithm>

#include "client/shell/commands.h"
#include "client/shell/format.h"
#include "client/shell/shell.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

using client::FileStatus;

class Ls final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-C,--paths", &paths_only_, "paths only");
    line->Switch("-d,--directory", &directories_as_files_,
                 "directories themselves, not what is in them");
    line->Switch("-h,--human-readable", &human_, "sizes as 1.4 G");
    line->Switch("-R,--recursive", &recursive_, "everything below");
    line->Switch("-t,--time", &by_time_, "newest first");
    line->Switch("-S,--size", &by_size_, "largest first");
    line->Switch("-r,--reverse", &reverse_, "the other way round");
    line->Arguments(&patterns_, 0);
  }

  absl::Status Run(Shell* shell) override {
    if (patterns_.empty()) patterns_.push_back("/");
    ListFormat format(human_);
    for (const FileStatus& entry : shell->ExpandAndStat(patterns_)) {
      if (entry.is_directory() && !directories_as_files_) {
        if (const absl::Status status = ListDirectory(shell, entry.path, &format); !status.ok()) {
          shell->Report(status, entry.path);
        }
      } else {
        format.Widen({entry});
        PrintEntry(shell, entry, format);
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status ListDirectory(Shell* shell, const std::string& path, ListFormat* format) {
    ASSIGN_OR_RETURN(std::vector<FileStatus> entries, shell->fs()->List(path));
    Sort(&entries);
    if (!recursive_ && !paths_only_ && !shell->json() && !entries.empty()) {
      shell->Print(fmt::format("Found {} items\n", entries.size()));
    }
    format->Widen(entries);
    for (const FileStatus& entry : entries) {
      PrintEntry(shell, entry, *format);
      if (!recursive_ || !entry.is_directory()) continue;
      const absl::Status below = ListDirectory(shell, entry.path, format);
      if (IsRetryable(below)) return below;  // it would be the same for all others
      if (!below.ok()) shell->Report(below, entry.path);
    }
    return absl::OkStatus();
  }

  void Sort(std::vector<FileStatus>* entries) const {
    // Listings come in the order of names; a stable sort keeps it among equals.
    if (by_time_) {
      std::stable_sort(entries->begin(), entries->end(),
                       [](const auto& a, const auto& b) { return a.mtime > b.mtime; });
    } else if (by_size_) {
      std::stable_sort(entries->begin(), entries->end(),
                       [](const auto& a, const auto& b) { return a.length > b.length; });
    }
    if (reverse_) std::reverse(entries->begin(), entries->end());
  }

  void PrintEntry(Shell* shell, const FileStatus& entry, const ListFormat& format) const {
    if (shell->json()) {
      shell->Print(StatusJson(entry));
    } else {
      FileStatus shown = entry;
      shown.path = shell->Shown(entry.path);
      shell->Print(paths_only_ ? shown.path + "\n" : format.Line(shown));
    }
  }

  bool paths_only_ = false;
  bool directories_as_files_ = false;
  bool human_ = false;
  bool recursive_ = false;
  bool by_time_ = false;
  bool by_size_ = false;
  bool reverse_ = false;
  std::vector<std::string> patterns_;
};

}  // namespace

CommandSpec LsCommand() {
  return {.name = "ls",
          .aliases = {"dir", "list"},
          .usage = "[-C] [-d] [-h] [-R] [-t] [-S] [-r] [PATH...]",
          .summary = "lists files and directories",
          .examples = {"dfs ls /", "dfs ls -hR '/logs/2026-*'"},
          .make = Maker<Ls>("ls")};
}

}  // namespace quern::shell
