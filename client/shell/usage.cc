// dfs du, dfs df, dfs count
#include "client/shell/commands.h"
#include "client/shell/format.h"
#include "client/shell/shell.h"
#include "client/shell/space.h"
#include "client/shell/tree.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

using client::FileStatus;

class Du final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-s,--summary", &summary_, "one line for each argument");
    line->Switch("-h,--human-readable", &human_, "sizes as 1.4 G");
    line->Switch("-v,--verbose", &heading_, "a line of headings first");
    line->Arguments(&patterns_, 0);
  }

  absl::Status Run(Shell* shell) override {
    if (patterns_.empty()) patterns_.push_back("/");
    if (heading_ && !shell->json()) {
      table_.AddRow({"SIZE", "DISK_SPACE_CONSUMED_WITH_ALL_REPLICAS", "FULL_PATH_NAME"});
    }
    for (const FileStatus& entry : shell->ExpandAndStat(patterns_)) {
      if (const absl::Status status = Measure(shell, entry); !status.ok()) {
        shell->Report(status, entry.path);
      }
    }
    if (!shell->json()) shell->Print(table_.ToString());
    return absl::OkStatus();
  }

 private:
  // Without -s a directory is measured one level deep.
  absl::Status Measure(Shell* shell, const FileStatus& entry) {
    if (summary_ || !entry.is_directory()) return AddRow(shell, entry);
    ASSIGN_OR_RETURN(const std::vector<FileStatus> children, shell->fs()->List(entry.path));
    for (const FileStatus& child : children) RETURN_IF_ERROR(AddRow(shell, child));
    return absl::OkStatus();
  }

  absl::Status AddRow(Shell* shell, const FileStatus& entry) {
    ASSIGN_OR_RETURN(const ContentSummary sum, Summarize(shell, entry));
    if (shell->json()) {
      shell->Print(JsonLine()
                       .Add("path", entry.path)
                       .Add("bytes", sum.bytes)
                       .Add("bytes_with_replicas", sum.bytes_with_replicas));
    } else {
      table_.AddRow({SizeText(sum.bytes, human_), SizeText(sum.bytes_with_replicas, human_),
                     shell->Shown(entry.path)});
    }
    return absl::OkStatus();
  }

  bool summary_ = false;
  bool human_ = false;
  bool heading_ = false;
  std::vector<std::string> patterns_;
  UsageTable table_{{false, false, false}};
};

class Df final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-h,--human-readable", &human_, "sizes as 1.4 G");
    // Accepted as elsewhere; there is one file system, and every path is in it.
    line->Arguments(&paths_, 0);
  }

  absl::Status Run(Shell* shell) override {
    ASSIGN_OR_RETURN(const client::ClusterStatus cluster, shell->fs()->GetCluster());
    const auto [capacity, used, free] = SpaceOf(cluster);
    const std::string name = "quern://" + shell->masters().front();
    if (shell->json()) {
      shell->Print(JsonLine()
                       .Add("filesystem", name)
                       .Add("capacity_bytes", capacity)
                       .Add("used_bytes", used)
                       .Add("free_bytes", free));
      return absl::OkStatus();
    }
    const double share =
        capacity == 0 ? 0 : static_cast<double>(used) / static_cast<double>(capacity);
    UsageTable table({false, true, true, true, true});
    table.AddRow({"Filesystem", "Size", "Used", "Available", "Use%"});
    table.AddRow({name, SizeText(capacity, human_), SizeText(used, human_), SizeText(free, human_),
                  fmt::format("{:.0f}%", share * 100)});
    shell->Print(table.ToString());
    return absl::OkStatus();
  }

 private:
  bool human_ = false;
  std::vector<std::string> paths_;
};

class Count final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-q,--quota", &quota_, "columns for quotas first");
    line->Switch("-h,--human-readable", &human_, "sizes as 1.4 G");
    line->Switch("-v,--verbose", &heading_, "a line of headings first");
    line->Arguments(&patterns_, 1);
  }

  absl::Status Run(Shell* shell) override {
    if (heading_ && !shell->json()) PrintHeading(shell);
    for (const FileStatus& entry : shell->ExpandAndStat(patterns_)) {
      const auto sum = Summarize(shell, entry);
      if (sum.ok()) {
        PrintSum(shell, entry, *sum);
      } else {
        shell->Report(sum.status(), entry.path);
      }
    }
    return absl::OkStatus();
  }

 private:
  void PrintHeading(Shell* shell) const {
    std::string line;
    if (quota_) {
      line = fmt::format("{:>12} {:>15} {:>15} {:>15} ", "QUOTA", "REM_QUOTA", "SPACE_QUOTA",
                         "REM_SPACE_QUOTA");
    }
    line +=
        fmt::format("{:>12} {:>12} {:>18} PATHNAME\n", "DIR_COUNT", "FILE_COUNT", "CONTENT_SIZE");
    shell->Print(line);
  }

  void PrintSum(Shell* shell, const FileStatus& entry, const ContentSummary& sum) const {
    if (shell->json()) {
      shell->Print(JsonLine()
                       .Add("path", entry.path)
                       .Add("directories", sum.directories)
                       .Add("files", sum.files)
                       .Add("bytes", sum.bytes)
                       .Add("bytes_with_replicas", sum.bytes_with_replicas));
      return;
    }
    std::string line;
    if (quota_) line = fmt::format("{:>12} {:>15} {:>15} {:>15} ", "none", "inf", "none", "inf");
    line += fmt::format("{:>12} {:>12} {:>18} {}\n", SizeText(sum.directories, human_),
                        SizeText(sum.files, human_), SizeText(sum.bytes, human_),
                        shell->Shown(entry.path));
    shell->Print(line);
  }

  bool quota_ = false;
  bool human_ = false;
  bool heading_ = false;
  std::vector<std::string> patterns_;
};

}  // namespace

CommandSpec DuCommand() {
  return {.name = "du",
          .aliases = {},
          .usage = "[-s] [-h] [-v] [PATH...]",
          .summary = "sizes of files and directories, without and with their replicas",
          .examples = {"dfs du -h /", "dfs du -s '/logs/*'"},
          .make = Maker<Du>("du")};
}

CommandSpec DfCommand() {
  return {.name = "df",
          .aliases = {},
          .usage = "[-h]",
          .summary = "capacity of the cluster, used and free",
          .examples = {"dfs df -h", "dfs df --json"},
          .make = Maker<Df>("df")};
}

CommandSpec CountCommand() {
  return {.name = "count",
          .aliases = {},
          .usage = "[-q] [-h] [-v] PATH...",
          .summary = "numbers of directories and files, and their bytes",
          .examples = {"dfs count /in", "dfs count -v -h '/logs/*'"},
          .make = Maker<Count>("count")};
}

}  // namespace quern::shell
