// A child that has the terminal, and leaves what its parent removes.
#pragma once

#include "common/subprocess.h"

namespace quern::mr {

// Waits for its end. SIGTERM and SIGHUP are passed on to it; Ctrl-C, which a terminal sends to
// both, is for the child alone. One at a time.
ExitStatus WaitInForeground(Subprocess* child);

// The exit code of a command whose child a user has ended, as a shell has it; 0: none has.
int CodeOfEnding(const ExitStatus& exit);

}  // namespace quern::mr
