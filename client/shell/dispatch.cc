#include "client/shell/dispatch.h"

#include "client/path.h"
#include "client/shell/registry.h"

namespace quern::shell {

int RunDfs(std::vector<std::string> argv) {
  // `dfsadmin report` is `dfs admin report`; its version is that of the program.
  const bool is_version = argv.size() == 2 && argv[1] == "--version";
  if (client::BaseName(argv[0]) == "dfsadmin" && !is_version)
    argv.insert(argv.begin() + 1, "admin");
  return RunProgram(DfsProgram(), argv);
}

}  // namespace quern::shell
