// dfs mv
#include "client/shell/commands.h"
#include "client/shell/shell.h"
#include "client/shell/target.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

class Mv final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-f,--force", &force_, "replace a file of that name, atomically");
    line->Arguments(&arguments_, 2);
  }

  absl::Status Run(Shell* shell) override {
    ASSIGN_OR_RETURN(const std::string target, CleanPath(arguments_.back()));
    const bool slash = arguments_.back().ends_with('/');
    arguments_.pop_back();
    const std::vector<std::string> sources = shell->Expand(arguments_);
    if (sources.empty()) return absl::OkStatus();  // already reported
    // A directory may get a name that is written with a slash; a file may not.
    bool names_directory = slash;
    if (slash && sources.size() == 1) {
      ASSIGN_OR_RETURN(const client::FileStatus source, shell->fs()->Stat(sources.front()));
      names_directory = !source.is_directory();
    }
    ASSIGN_OR_RETURN(const TargetPlace place,
                     FindTarget(shell, target, names_directory, sources.size() > 1));
    UsedTargets targets;
    for (const std::string& source : sources) {
      const std::string to = place.For(source);
      if (!targets.Claim(shell, {.target = to, .source = source})) continue;
      const absl::Status status = Move(shell, source, to);
      if (!status.ok()) shell->Report(status, source);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Move(Shell* shell, const std::string& source, const std::string& to) const {
    RETURN_IF_ERROR(CheckIsNotReserved(source));
    RETURN_IF_ERROR(CheckIsNotReserved(to));
    if (source == to && shell->fs()->Stat(source).ok()) {
      return FailedPreconditionError("{}: is there already: source and target are the same", to);
    }
    const auto mode = force_ ? client::RenameMode::kReplaceFile : client::RenameMode::kNoReplace;
    return shell->fs()->Rename(source, to, mode);
  }

  bool force_ = false;
  std::vector<std::string> arguments_;
};

}  // namespace

CommandSpec MvCommand() {
  return {.name = "mv",
          .aliases = {"move", "rename"},
          .usage = "[-f] SOURCE... TARGET",
          .summary = "renames, or moves into a directory",
          .examples = {"dfs mv /in/a.txt /in/b.txt", "dfs mv '/in/*.log' /archive"},
          .make = Maker<Mv>("mv")};
}

}  // namespace quern::shell
