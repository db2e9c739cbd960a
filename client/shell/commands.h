// Every command of `dfs`. To add one: write its file, declare it here, list it in registry.cc.
#pragma once

#include "client/shell/command.h"

namespace quern::shell {

CommandSpec AdminCommand();
CommandSpec CatCommand();
CommandSpec ChecksumCommand();
CommandSpec ChgrpCommand();
CommandSpec ChmodCommand();
CommandSpec ChownCommand();
CommandSpec CountCommand();
CommandSpec CpCommand();
CommandSpec DfCommand();
CommandSpec DiffCommand();
CommandSpec DuCommand();
CommandSpec FindCommand();
CommandSpec FsckCommand();
CommandSpec GetCommand();
CommandSpec GetmergeCommand();
CommandSpec HeadCommand();
CommandSpec HealthCommand();
CommandSpec LsCommand();
CommandSpec MkdirCommand();
CommandSpec MvCommand();
CommandSpec PutCommand();
CommandSpec RmCommand();
CommandSpec RmdirCommand();
CommandSpec SetrepCommand();
CommandSpec StatCommand();
CommandSpec TailCommand();
CommandSpec TestCommand();
CommandSpec TextCommand();
CommandSpec TouchCommand();
CommandSpec TruncateCommand();

}  // namespace quern::shell
