// dfs truncate: refused, with the reason.
#include "client/shell/commands.h"
#include "client/shell/shell.h"
#include "common/cli/command_line.h"

namespace quern::shell {
namespace {

class Truncate final : public ShellCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("-w,--wait", &wait_, "accepted for Hadoop's habit");
    line->Arguments(&arguments_, 0);
  }

  absl::Status Run(Shell*) override {
    return UnimplementedError(
        "files are append-only: bytes that a reader has seen are never taken away. Try: "
        "dfs head -c LENGTH FILE | dfs put -f - FILE");
  }

 private:
  bool wait_ = false;
  std::vector<std::string> arguments_;
};

}  // namespace

CommandSpec TruncateCommand() {
  return {.name = "truncate",
          .aliases = {},
          .usage = "LENGTH PATH...",
          .summary = "is refused: files are append-only",
          .examples = {"dfs head -c 1MiB /in/a.txt | dfs put -f - /in/a.txt",
                       "dfs rm /in/a.txt && dfs touch /in/a.txt"},
          .make = Maker<Truncate>("truncate")};
}

}  // namespace quern::shell
