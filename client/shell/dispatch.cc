#include "client/shell/dispatch.h"

#include "client/path.h"
#include "client/shell/registry.h"

namespace quern::shell {

int RunDfs(std::vector<std::string> argv) {
  // `dfsadmin report` is `dfs admin report`.
  if (client::BaseName(argv[0]) == "dfsadmin") argv.insert(argv.begin() + 1, "admin");
  return RunProgram(DfsProgram(), argv);
}

}  // namespace quern::shell
