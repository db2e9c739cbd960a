// dfs stat, dfs test
#include "client/shell/commands.h"
#include "client/shell/format.h"
#include "client/shell/shell.h"
#include "common/cli/cli.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

class Stat final : public ShellCommand {
 public:
  void Define(CommandLine* line) override { line->Arguments(&arguments_, 1); }

  absl::Status Run(Shell* shell) override {
    std::string format = "%y";
    // A path may have a '%' in it, and always begins with '/'.
    if (!arguments_.front().starts_with('/') && arguments_.front().find('%') != std::string::npos) {
      format = arguments_.front();
      arguments_.erase(arguments_.begin());
      if (arguments_.empty()) return UsageError("the path is missing");
    }
    for (const client::FileStatus& status : shell->ExpandAndStat(arguments_)) {
      if (shell->json()) {
        shell->Print(StatusJson(status));
      } else {
        shell->Print(FormatStat(format, status) + "\n");
      }
    }
    return absl::OkStatus();
  }

 private:
  std::vector<std::string> arguments_;
};

constexpr int kExitCannotTell = 2;  // as test, diff and grep have it

class Test final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-d", &directory_, "is there and a directory");
    line->Switch("-e", &exists_, "is there");
    line->Switch("-f", &file_, "is there and a file");
    line->Switch("-s", &not_empty_, "is there and not empty");
    line->Switch("-z", &empty_, "is there, a file, and empty");
    line->Arguments(&paths_, 1, 1);
  }

  absl::Status Run(Shell* shell) override {
    if (directory_ + exists_ + file_ + not_empty_ + empty_ != 1) {
      return UsageError("exactly one of -d -e -f -s -z is needed");
    }
    const std::string& path = paths_.front();
    const auto status = Look(shell, path);
    if (!status.ok()) {
      shell->Report(status.status(), path);
      shell->set_exit_code(kExitCannotTell);
      return absl::OkStatus();
    }
    const bool yes = status->has_value() && Holds(**status);
    if (shell->json()) {
      shell->Print(JsonLine().Add("path", *CleanPath(path)).Add("result", yes));
    }
    if (!yes) shell->set_exit_code(kExitFailed);
    return absl::OkStatus();
  }

 private:
  static absl::StatusOr<std::optional<client::FileStatus>> Look(Shell* shell,
                                                                const std::string& path) {
    ASSIGN_OR_RETURN(const std::string clean, CleanPath(path));
    return shell->StatIfExists(clean);
  }
  bool Holds(const client::FileStatus& status) const {
    if (directory_) return status.is_directory();
    if (file_) return !status.is_directory();
    if (not_empty_) return status.length > 0 || status.child_count > 0;
    if (empty_) return !status.is_directory() && status.length == 0;
    return true;
  }

  bool directory_ = false;
  bool exists_ = false;
  bool file_ = false;
  bool not_empty_ = false;
  bool empty_ = false;
  std::vector<std::string> paths_;
};

}  // namespace

CommandSpec StatCommand() {
  return {.name = "stat",
          .aliases = {},
          .usage = "[FORMAT] PATH...",
          .summary =
              "prints facts of a file by a format (which does not begin with '/'): %a %A mode, %b "
              "bytes, %D durability, %F type, "
              "%g group, %n name, %o chunk size, %r replication, %u owner, %y %Y time (UTC, ms)",
          .examples = {"dfs stat '%n %b bytes, %r replicas' /in/a.txt", "dfs stat --json '/in/*'"},
          .make = Maker<Stat>("stat")};
}

CommandSpec TestCommand() {
  return {
      .name = "test",
      .aliases = {},
      .usage = "-d|-e|-f|-s|-z PATH",
      .summary = "answers by its exit code: 0 yes, 1 no, 2 nobody to ask, or PATH is no path",
      .examples = {"dfs test -e /out/_SUCCESS && echo done", "dfs test -d /in || dfs mkdir /in"},
      .make = Maker<Test>("test")};
}

}  // namespace quern::shell
