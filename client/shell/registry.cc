#include "client/shell/registry.h"

#include "client/shell/commands.h"

namespace quern::shell {

const Program& DfsProgram() {
  static const auto* const kProgram = new Program{
      .name = "dfs",
      .about = "The file system of a Quern cluster.",
      .commands =
          {
              LsCommand(),       StatCommand(),     TestCommand(),   FindCommand(),
              DuCommand(),       CountCommand(),    DfCommand(),     PutCommand(),
              GetCommand(),      GetmergeCommand(), CatCommand(),    HeadCommand(),
              TailCommand(),     ChecksumCommand(), MkdirCommand(),  TouchCommand(),
              CpCommand(),       MvCommand(),       RmCommand(),     RmdirCommand(),
              SetrepCommand(),   ChmodCommand(),    ChownCommand(),  ChgrpCommand(),
              TruncateCommand(), TextCommand(),     HealthCommand(), FsckCommand(),
              AdminCommand(),    DiffCommand(),
          },
      .notes =
          "Paths begin with '/'. One that names something means just that; any other may be\n"
          "a pattern: * ? [a-z] {a,b} (quote them), where \\ takes the meaning from one of\n"
          "these. With --literal nothing is a pattern. Hadoop's habit (dfs -ls -h /x) works.\n",
      .examples = {"dfs put report.txt /docs/report.txt", "dfs ls -h /docs"},
      .leading_flags = {"--master"},
      .dashed_commands = true,
      .errors_name_the_program = false,
  };
  return *kProgram;
}

}  // namespace quern::shell
