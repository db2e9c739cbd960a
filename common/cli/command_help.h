// What programs of several commands ("dfs ls", "mr run") share: help and wrong use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/cli/command_line.h"

namespace quern {

struct CommandDoc {
  std::string program;  // "dfs"
  std::string name;
  std::string usage;    // what follows the name: "[-p] PATH..."
  std::string summary;  // one line
  std::vector<std::string> examples;
};

// What --help prints.
std::string HelpText(const CommandDoc& doc, const CommandLine& line);

// Among the words before "--".
bool HasWord(const std::vector<std::string>& words, std::string_view word);

// Says what is wrong, in the name of `who`, and to try `command --help`. Returns the exit code.
int WrongUsage(std::string_view who, std::string_view command, const absl::Status& status);
// The same for a word that is none of the commands.
int UnknownCommand(std::string_view program, std::string_view word,
                   const std::vector<std::string>& commands);

}  // namespace quern
