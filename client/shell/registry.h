// The table of commands and how a word finds its command.
#pragma once

#include <string_view>
#include <vector>

#include "client/shell/command.h"

namespace quern::shell {

// In the order of the help.
const std::vector<CommandSpec>& AllCommands();
// By name or alias; nullptr for none.
const CommandSpec* LookUpCommand(std::string_view name);

}  // namespace quern::shell
