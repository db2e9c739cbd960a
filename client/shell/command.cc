#include "client/shell/command.h"

#include "client/shell/interrupt.h"
#include "client/shell/shell.h"
#include "common/cli/cli.h"
#include "common/cluster_config.h"

namespace quern::shell {
namespace {

class CommandInShell final : public Command {
 public:
  CommandInShell(std::string name, std::unique_ptr<ShellCommand> command)
      : name_(std::move(name)), command_(std::move(command)) {}

  void Define(CommandLine* line) override {
    command_->Define(line);
    line->Value("--master", "HOST:PORT,...", &master_,
                "the masters to ask (else QUERN_MASTER, the config file, 127.0.0.1:9400)");
    line->Switch("--literal", &options_.literal, "paths are names, never patterns");
    line->Switch("--json", &options_.json, "one JSON object per line, errors too");
    line->Switch("--quiet", &options_.quiet, "no progress; warnings and errors all the same");
  }

  absl::StatusOr<int> Run() override {
    auto masters = FindMasters(master_);
    if (!masters.ok()) return UsageError(Message(masters.status()));
    options_.masters = *std::move(masters);
    shell_ = std::make_unique<Shell>(name_, options_);
    const absl::Status status = command_->Run(shell_.get());
    if (IsUsageError(status)) return status;
    if (!status.ok()) shell_->Report(status);
    if (Interrupted()) return kExitInterrupted;
    return shell_->exit_code();
  }

 private:
  const std::string name_;
  const std::unique_ptr<ShellCommand> command_;
  ShellOptions options_;
  std::string master_;
  std::unique_ptr<Shell> shell_;
};

}  // namespace

std::unique_ptr<Command> InShell(std::string name, std::unique_ptr<ShellCommand> command) {
  return std::make_unique<CommandInShell>(std::move(name), std::move(command));
}

}  // namespace quern::shell
