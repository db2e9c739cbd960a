// `dfs` as a table of its commands.
#pragma once

#include "common/cli/program.h"

namespace quern::shell {

const Program& DfsProgram();

}  // namespace quern::shell
