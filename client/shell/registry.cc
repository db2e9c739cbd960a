#include "client/shell/registry.h"

#include <algorithm>

#include "client/shell/commands.h"

namespace quern::shell {

const std::vector<CommandSpec>& AllCommands() {
  static const auto* const kCommands = new std::vector<CommandSpec>{
      LsCommand(),     StatCommand(),  TestCommand(),  FindCommand(),     DuCommand(),
      CountCommand(),  DfCommand(),    PutCommand(),   GetCommand(),      GetmergeCommand(),
      CatCommand(),    HeadCommand(),  TailCommand(),  ChecksumCommand(), MkdirCommand(),
      TouchCommand(),  CpCommand(),    MvCommand(),    RmCommand(),       RmdirCommand(),
      SetrepCommand(), ChmodCommand(), ChownCommand(), ChgrpCommand(),    TruncateCommand(),
      HealthCommand(), FsckCommand(),  AdminCommand(),
  };
  return *kCommands;
}

const CommandSpec* LookUpCommand(std::string_view name) {
  for (const CommandSpec& spec : AllCommands()) {
    if (spec.name == name ||
        std::find(spec.aliases.begin(), spec.aliases.end(), name) != spec.aliases.end()) {
      return &spec;
    }
  }
  return nullptr;
}

}  // namespace quern::shell
