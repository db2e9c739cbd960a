// `dfs`: the file shell of a Quern cluster.
#include <string>
#include <vector>

#include "client/shell/dispatch.h"
#include "common/cli/output.h"
#include "common/memory.h"

int main(int argc, char** argv) {
  // Pieces of 1 MiB come and go at gigabytes a second.
  quern::KeepFreedMemory(64 << 20);
  quern::EndProcess(quern::shell::RunDfs(std::vector<std::string>(argv, argv + argc)));
}
