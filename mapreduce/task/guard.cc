#include "mapreduce/task/guard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "common/fd.h"
#include "common/storage/file_io.h"

namespace quern::mr {
namespace {

// Rounds of killing children, each of which may uncover the children of those.
constexpr int kMaxRounds = 10'000;

sigset_t GuardSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGTERM);
  return signals;
}

void WriteTo(const char* path, const std::string& text) {
  std::ofstream(path) << text;  // what fails here only changes how user ids are shown
}

// From here on children live in a namespace of their own.
bool UnsharePids() {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (unshare(CLONE_NEWPID) == 0) return true;
  if (unshare(CLONE_NEWPID | CLONE_NEWUSER) != 0) return false;
  // The same user inside as outside.
  WriteTo("/proc/self/setgroups", "deny");
  WriteTo("/proc/self/uid_map", fmt::format("{} {} 1", uid, uid));
  WriteTo("/proc/self/gid_map", fmt::format("{} {} 1", gid, gid));
  return true;
}

void RestrictSelf() {
  // No set-user-id program gives a task more than the worker has.
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

// Ends the calling process as another one has ended.
[[noreturn]] void EndAs(int status) {
  if (!WIFSIGNALED(status)) _exit(WEXITSTATUS(status));
  const int number = WTERMSIG(status);
  std::signal(number, SIG_DFL);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, number);
  sigprocmask(SIG_UNBLOCK, &signals, nullptr);
  raise(number);
  _exit(128 + number);
}

// Each thread has a list of its own. Returns whether there were any.
bool KillChildren() {
  bool found = false;
  for (const std::string& thread : ReadableNames("/proc/self/task")) {
    std::ifstream children(fmt::format("/proc/self/task/{}/children", thread));
    for (pid_t child = 0; children >> child; found = true) kill(child, SIGKILL);
  }
  return found;
}

// Kills children, and theirs when they become its own, until there are none.
void KillTree() {
  for (int round = 0; round < kMaxRounds; ++round) {
    // One that went from an ending thread to another is found by the next round.
    const int how = KillChildren() ? 0 : WNOHANG;
    if (waitpid(-1, nullptr, how) < 0 && errno == ECHILD) return;
  }
}

// The init process of the namespace: the parent of orphans, and what keeps the task from being the
// process that no signal of its own can end. Returns in the task.
void RunInit(int worker_fd, const UniqueFd& status_fd) {
  // A /proc of its own shows the namespace's processes only. Where that is not permitted the task
  // still cannot signal what it sees.
  if (unshare(CLONE_NEWNS) == 0) {
    mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr);
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  }
  const pid_t task = fork();
  if (task == 0) return;
  close(worker_fd);
  prctl(PR_SET_NAME, "quern-init");
  int status = 128;
  while (true) {
    const pid_t ended = waitpid(-1, &status, 0);
    if (ended == task) break;
    if (ended < 0 && errno != EINTR) break;
  }
  [[maybe_unused]] const ssize_t n = write(status_fd.get(), &status, sizeof(status));
  _exit(0);
}

// How the task ended; -1 when it has not.
int ReapEnded(pid_t child, bool namespaces, const UniqueFd& status_fd) {
  int status = 0;
  int task_status = -1;
  for (pid_t ended = 0; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (ended != child) continue;
    task_status = status;
    int told = 0;
    if (namespaces && read(status_fd.get(), &told, sizeof(told)) == sizeof(told)) {
      task_status = told;
    }
  }
  return task_status;
}

[[noreturn]] void RunGuard(pid_t child, bool namespaces, const UniqueFd& status_fd) {
  prctl(PR_SET_NAME, "quern-guard");
  const sigset_t signals = GuardSignals();
  while (true) {
    const int number = sigwaitinfo(&signals, nullptr);
    if (number != SIGTERM && number != SIGCHLD) continue;
    // Told to end, it may find that the task has just ended by itself.
    const int status = ReapEnded(child, namespaces, status_fd);
    if (status < 0 && number == SIGCHLD) continue;
    KillTree();
    EndAs(status < 0 ? SIGKILL : status);  // a status with just a signal in it
  }
}

// Those that a terminal or another process ends a command with, and the end of a child.
sigset_t EndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&signals, number);
  return signals;
}

// Until the child has ended: how.
int PassOnSignals(pid_t child, const sigset_t& signals) {
  while (true) {
    const int number = sigwaitinfo(&signals, nullptr);
    if (number > 0 && number != SIGCHLD) kill(child, number);
    int status = 0;
    for (pid_t ended = 0; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended == child) return status;
    }
  }
}

}  // namespace

Isolation EnterGuard(int worker_fd, Isolation wish) {
  RestrictSelf();
  const bool namespaces = wish == Isolation::kNamespaces && UnsharePids();
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  sigset_t before;
  const sigset_t signals = GuardSignals();
  sigprocmask(SIG_BLOCK, &signals, &before);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
  UniqueFd status_reader(ends[0]), status_writer(ends[1]);
  const pid_t child = fork();
  if (child < 0) std::abort();
  if (child > 0) {
    close(worker_fd);
    status_writer.Reset();
    RunGuard(child, namespaces, status_reader);
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (namespaces) {
    RunInit(worker_fd, status_writer);
  } else {
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return namespaces ? Isolation::kNamespaces : Isolation::kProcessTree;
}

bool AdoptOrphans() {
  if (waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD) return false;
  return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

bool IsTraced() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "TracerPid:") return status >> word && word != "0";
  }
  return false;
}

void GoOnInChild(const CleanUpAfter& clean_up) {
  if (IsTraced()) return;
  const bool adopts = AdoptOrphans();
  const sigset_t signals = EndSignals();
  sigset_t before;
  sigprocmask(SIG_BLOCK, &signals, &before);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child > 0) {
    const int status = PassOnSignals(child, signals);
    const rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);  // the child has left one
    if (adopts) KillTree();
    const std::optional<int> code =
        clean_up(WIFSIGNALED(status) ? ExitStatus{.signal = WTERMSIG(status)}
                                     : ExitStatus{.code = WEXITSTATUS(status)});
    if (code) _exit(*code);
    EndAs(status);
  }
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(128 + SIGKILL);
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

void EndDescendants(Isolation isolation) {
  if (isolation == Isolation::kProcessTree) return KillTree();
  kill(-1, SIGKILL);  // all of the namespace but its init process and the caller
  while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) continue;
}

}  // namespace quern::mr
