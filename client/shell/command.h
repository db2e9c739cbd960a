// One command of `dfs`: its place in the help, its flags, and what it does.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/cli/command_line.h"
#include "common/status.h"

namespace quern::shell {

class Shell;

// Lives for one run.
class Command {
 public:
  virtual ~Command() = default;
  // Names the flags and arguments, which the parser then sets.
  virtual void Define(CommandLine* line) = 0;
  // What goes wrong with one argument is told to shell->Report, and the next one is done; a status
  // that is returned ends the command.
  virtual absl::Status Run(Shell* shell) = 0;
};

struct CommandSpec {
  std::string name;
  std::vector<std::string> aliases;  // what other file shells call it
  std::string usage;                 // what follows the name: "[-p] PATH..."
  std::string summary;               // one line
  std::vector<std::string> examples;
  std::function<std::unique_ptr<Command>()> make;
};

template <typename T>
std::function<std::unique_ptr<Command>()> Maker() {
  return [] { return std::make_unique<T>(); };
}

}  // namespace quern::shell
