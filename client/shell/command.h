// One command of `dfs`: its flags, and what it does with the file system.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/cli/program.h"
#include "common/status.h"

namespace quern::shell {

class Shell;

// Lives for one run.
class ShellCommand {
 public:
  virtual ~ShellCommand() = default;
  // Names the flags and arguments, which the parser then sets.
  virtual void Define(CommandLine* line) = 0;
  // What goes wrong with one argument is told to shell->Report, and the next one is done; a status
  // that is returned ends the command.
  virtual absl::Status Run(Shell* shell) = 0;
};

// The same as a command of a program: with the flags that all of `dfs` share, and a Shell to run
// in. `name` stands in front of errors.
std::unique_ptr<Command> InShell(std::string name, std::unique_ptr<ShellCommand> command);

template <typename T>
std::function<std::unique_ptr<Command>()> Maker(std::string name) {
  return [name = std::move(name)] { return InShell(name, std::make_unique<T>()); };
}

}  // namespace quern::shell
