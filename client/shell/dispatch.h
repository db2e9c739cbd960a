// From the words of a command line to a command that has run.
#pragma once

#include <string>
#include <vector>

namespace quern::shell {

// argv as main got it; the exit code.
int RunDfs(std::vector<std::string> argv);

}  // namespace quern::shell
