// The commands of quern-search.
#pragma once

#include "common/cli/program.h"

namespace quern::search {

CommandSpec AddCommand();
CommandSpec DeleteCommand();
CommandSpec MergeCommand();
CommandSpec PostingsCommand();
CommandSpec QueryCommand();
CommandSpec ServeCommand();
CommandSpec WordsCommand();

}  // namespace quern::search
