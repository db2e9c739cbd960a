// dfs mv
#include "client/shell/commands.h"
#include "client/shell/shell.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

class Mv final : public Command {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-f,--force", &force_, "replace a file of that name, atomically");
    line->Arguments(&arguments_, 2);
  }

  absl::Status Run(Shell* shell) override {
    ASSIGN_OR_RETURN(const std::string target, CleanPath(arguments_.back()));
    arguments_.pop_back();
    const std::vector<std::string> sources = shell->Expand(arguments_);
    if (sources.empty()) return absl::OkStatus();  // already reported
    ASSIGN_OR_RETURN(const auto there, shell->StatIfExists(target));
    const bool into = there.has_value() && there->is_directory();
    if (sources.size() > 1 && !into) {
      return FailedPreconditionError("{}: is not a directory, and there are {} sources", target,
                                     sources.size());
    }
    const auto mode = force_ ? client::RenameMode::kReplaceFile : client::RenameMode::kNoReplace;
    for (const std::string& source : sources) {
      const std::string to = into ? JoinPath(target, BaseName(source)) : target;
      const absl::Status status = shell->fs()->Rename(source, to, mode);
      if (!status.ok()) shell->Report(status, source);
    }
    return absl::OkStatus();
  }

 private:
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
          .make = Maker<Mv>()};
}

}  // namespace quern::shell
