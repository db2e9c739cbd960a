// Directories that a copy with -p has made: they become like those that they are copies of when all
// that belongs into them is there, since it changes their times and some may not be written to.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <vector>

#include "client/shell/shell.h"

namespace quern::shell {

struct MadeDirectory {
  std::string path;
  uint32_t mode = 0;  // permission bits
  absl::Time mtime;
};
using MadeDirectories = std::vector<MadeDirectory>;  // parents before children

// In the cluster, where they have their modes from the start. Failures are told to shell->Report.
void FinishDirectories(Shell* shell, const MadeDirectories& made);
// On this machine, where they were made for their owner alone.
void FinishLocalDirectories(Shell* shell, const MadeDirectories& made);

}  // namespace quern::shell
