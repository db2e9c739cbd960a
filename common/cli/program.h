// Programs of several commands ("dfs ls", "mr run", "quern up"): their help, how a word finds its
// command, wrong use, and the end.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/cli/command_line.h"
#include "common/status.h"

namespace quern {

// Made for one run, and left to the end of the process.
class Command {
 public:
  virtual ~Command() = default;
  // Names the flags and arguments, which the parser then sets.
  virtual void Define(CommandLine* line) = 0;
  // Flags that only what `words` name has; after Define. What goes wrong is said when the words
  // cannot be parsed without.
  virtual absl::Status DefineMore(const std::vector<std::string>& words, CommandLine* line);
  // The exit code, or an error, whose exit code is 1 (2 for UsageError).
  virtual absl::StatusOr<int> Run() = 0;
  // Instead of the help that is made of the flags; empty: that.
  virtual std::string Help(const std::vector<std::string>& words);
};

struct CommandSpec {
  std::string name;
  std::vector<std::string> aliases;  // what other programs call it
  std::string usage;                 // what follows the name: "[-p] PATH..."
  std::string summary;               // one line
  std::vector<std::string> examples;
  std::function<std::unique_ptr<Command>()> make;
  // Its first word may have a dash, as in `dfsadmin -report`.
  bool dashed_words = false;
};

struct Program {
  std::string name;                   // "dfs"
  std::string about;                  // one line
  std::vector<CommandSpec> commands;  // in the order of the help
  std::string notes;                  // what follows the list of commands; "" or lines
  std::vector<std::string> examples;
  // Flags with a value that may stand before the command ("--master"), with their dashes.
  std::vector<std::string> leading_flags;
  bool dashed_commands = false;  // Hadoop's habit: "dfs -ls"
  // What errors begin with: "put: ..." as file shells do, else "mr list: ...".
  bool errors_name_the_program = true;
};

// argv as main got it; the exit code, for EndProcess. Call it first in main.
int RunProgram(const Program& program, const std::vector<std::string>& argv);

// By name or alias; nullptr for none.
const CommandSpec* LookUpCommand(const Program& program, std::string_view name);

// Among the words before "--".
bool HasWord(const std::vector<std::string>& words, std::string_view word);

}  // namespace quern
