// A fence around user code, put up before anything else happens in quern-task:
//
//   worker -> guard -> init -> task     in a PID namespace and a mount namespace of their own
//   worker -> guard -> task             where the machine does not permit namespaces
//
// What the task starts ends with it, also what has made itself a session of its own: the guard ends
// everything when the task's process ends, when the worker sends SIGTERM, and when the worker dies.
// To the worker the guard ends as the task did, with the same exit code or signal. A process that
// is kept for another attempt calls EndDescendants between them.
//
// In namespaces nothing of the task's can see or signal anything outside, and the kernel itself
// ends all of it with the init process. Without them the guard is the parent of all orphans and
// kills what it finds; user code that kills its own guard on purpose can leave processes behind.
#pragma once

#include <functional>
#include <optional>

#include "common/subprocess.h"

namespace quern::mr {

enum class Isolation { kNamespaces, kProcessTree };

// `wish` is the best that will be tried. Returns what it has become, in the task process only. The
// guard keeps no copy of `worker_fd`, so that its other end sees the end of the task. The calling
// process must not have started threads.
Isolation EnterGuard(int worker_fd, Isolation wish);

// For a process without a guard: from here on the parent of its orphaned descendants, so that
// EndDescendants(kProcessTree) finds them. False when it has children already, which were started
// by whatever it was before an exec: they are not to be ended.
bool AdoptOrphans();

// A debugger has the calling process.
bool IsTraced();

// For a process without a guard that a user has started. Returns in a child, which goes on instead
// of the caller; the caller waits, passes on the signals that ask it to end and, when the child has
// ended, kills what that has left running, calls `clean_up` with how it ended and ends with the
// exit code that it returns, or without one the same way. Under a debugger it returns in the caller
// and there is no child: user code is what is to be seen. The calling process must not have started
// threads.
using CleanUpAfter = std::function<std::optional<int>(const ExitStatus&)>;
void GoOnInChild(const CleanUpAfter& clean_up);

// Kills all that the calling process has started and what came of that, also in other sessions, and
// returns when it is gone. Nothing may be waiting for children meanwhile. `isolation` is what
// EnterGuard returned.
void EndDescendants(Isolation isolation);

}  // namespace quern::mr
