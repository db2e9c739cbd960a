#include "common/subprocess.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>

#include "common/fd.h"
#include "common/thread.h"

extern char** environ;

namespace quern {
namespace {

// Everything that the child needs, made before fork: between fork and exec only async-signal-safe
// calls are allowed, since other threads may have held any lock at the moment of the fork.
struct Plan {
  std::string program;
  std::vector<char*> argv;
  std::vector<std::string> env_text;
  std::vector<char*> envp;
  const SpawnOptions* options = nullptr;
  pid_t parent = 0;
  int error_fd = -1;
};

absl::StatusOr<std::string> FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/bin:/bin" : path;
  while (true) {
    const size_t end = std::min(rest.find(':'), rest.size());
    std::string candidate = fmt::format("{}/{}", rest.substr(0, end), name);
    if (end > 0 && access(candidate.c_str(), X_OK) == 0) return candidate;
    if (end == rest.size()) return NotFoundError("{}: not found in PATH", name);
    rest.remove_prefix(end + 1);
  }
}

[[noreturn]] void FailInChild(const Plan& plan) {
  const int error_number = errno;
  [[maybe_unused]] const ssize_t n = write(plan.error_fd, &error_number, sizeof(error_number));
  _exit(127);
}

// The parent's blocked and ignored signals would otherwise be inherited over exec: a server that
// waits for SIGTERM with sigwait has it blocked.
void ResetSignals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < 32; ++signal) sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void SetStandardFiles(const Plan& plan) {
  const SpawnOptions& options = *plan.options;
  // Sources below 3 could be overwritten by an earlier dup2: lift them first.
  int sources[3] = {options.stdin_fd, options.stdout_fd, options.stderr_fd};
  if (sources[0] < 0) sources[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
  for (int target = 0; target < 3; ++target) {
    if (sources[target] < 0 || sources[target] > 2) continue;
    sources[target] = fcntl(sources[target], F_DUPFD_CLOEXEC, 3);
    if (sources[target] < 0) FailInChild(plan);
  }
  for (int target = 0; target < 3; ++target) {
    if (sources[target] >= 0 && dup2(sources[target], target) < 0) FailInChild(plan);
  }
}

[[noreturn]] void RunChild(const Plan& plan) {
  const SpawnOptions& options = *plan.options;
  if (options.new_process_group && setpgid(0, 0) != 0) FailInChild(plan);
  if (options.death_signal != 0) {
    if (prctl(PR_SET_PDEATHSIG, options.death_signal) != 0) FailInChild(plan);
    if (getppid() != plan.parent) _exit(127);  // it died before the call above
  }
  ResetSignals();
  SetStandardFiles(plan);
  // Not closed but marked, since the error pipe is still needed.
  syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
  for (const int fd : options.inherit_fds) {
    if (fd > 2 && fcntl(fd, F_SETFD, 0) != 0) FailInChild(plan);
  }
  if (!options.cwd.empty() && chdir(options.cwd.c_str()) != 0) FailInChild(plan);
  execve(plan.program.c_str(), plan.argv.data(), plan.envp.data());
  FailInChild(plan);
}

// PDEATHSIG is sent when the *thread* that forked ends, not its process: all forks are made by one
// thread that lives as long as the process.
class Forker {
 public:
  static Forker& Get() {
    static Forker* const forker = new Forker;
    return *forker;
  }

  // The child's pid, or -errno.
  pid_t Fork(const Plan& plan) {
    Request request{&plan};
    MutexLock lock(&mutex_);
    requests_.push_back(&request);
    changed_.SignalAll();
    while (!request.done) changed_.Wait(&mutex_);
    return request.pid;
  }

 private:
  struct Request {
    const Plan* plan;
    pid_t pid = 0;
    bool done = false;
  };

  Forker() {
    std::thread([this] {
      pthread_setname_np(pthread_self(), "forker");
      Run();
    }).detach();
  }

  [[noreturn]] void Run() {
    mutex_.Lock();
    while (true) {
      while (requests_.empty()) changed_.Wait(&mutex_);
      Request* request = requests_.front();
      requests_.pop_front();
      const pid_t pid = fork();
      if (pid == 0) RunChild(*request->plan);
      request->pid = pid > 0 ? pid : -errno;
      request->done = true;
      changed_.SignalAll();
    }
  }

  Mutex mutex_;
  CondVar changed_;
  std::deque<Request*> requests_ ABSL_GUARDED_BY(mutex_);
};

void FillEnvironment(const SpawnOptions& options, Plan* plan) {
  if (options.env.has_value()) {
    for (const auto& [name, value] : *options.env) {
      plan->env_text.push_back(fmt::format("{}={}", name, value));
    }
  } else {
    for (char** entry = environ; *entry != nullptr; ++entry) plan->env_text.push_back(*entry);
  }
  for (std::string& entry : plan->env_text) plan->envp.push_back(entry.data());
  plan->envp.push_back(nullptr);
}

ExitStatus FromWait(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return {.code = info.si_status};
  return {.signal = info.si_status};
}

}  // namespace

std::string ExitStatus::ToString() const {
  if (signal == 0) return fmt::format("exit code {}", code);
  return fmt::format("signal {} ({})", signal, strsignal(signal));
}

absl::StatusOr<std::unique_ptr<Subprocess>> Subprocess::Spawn(const std::vector<std::string>& argv,
                                                              const SpawnOptions& options) {
  if (argv.empty()) return InvalidArgumentError("spawn: no program");
  Plan plan;
  ASSIGN_OR_RETURN(plan.program, FindProgram(argv.front()));
  for (const std::string& argument : argv) plan.argv.push_back(const_cast<char*>(argument.c_str()));
  plan.argv.push_back(nullptr);
  FillEnvironment(options, &plan);
  plan.options = &options;
  plan.parent = getpid();

  int error_pipe[2];
  if (pipe2(error_pipe, O_CLOEXEC) != 0) return ErrnoStatus(errno, "spawn: pipe");
  UniqueFd reader(error_pipe[0]), writer(error_pipe[1]);
  plan.error_fd = writer.get();
  const pid_t pid = Forker::Get().Fork(plan);
  if (pid < 0) return ErrnoStatus(-pid, "spawn: fork");
  writer.Reset();

  // The pipe closes by itself when exec succeeds.
  int error_number = 0;
  ssize_t n;
  while ((n = read(reader.get(), &error_number, sizeof(error_number))) < 0 && errno == EINTR) {
  }
  if (n > 0) {
    waitpid(pid, nullptr, 0);
    return ErrnoStatus(error_number, fmt::format("spawn {}", plan.program));
  }
  // The child is not reaped yet, so the pid is still its own.
  const auto pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  return std::unique_ptr<Subprocess>(new Subprocess(pid, pidfd, options.new_process_group));
}

Subprocess::~Subprocess() {
  if (!WaitFor(absl::ZeroDuration()).has_value()) {
    KillGroup(SIGKILL);
    Kill(SIGKILL);
    Wait();
  }
  if (pidfd_ >= 0) close(pidfd_);
}

ExitStatus Subprocess::Wait() { return *WaitFor(absl::InfiniteDuration()); }

std::optional<ExitStatus> Subprocess::WaitFor(absl::Duration timeout) {
  const bool forever = timeout == absl::InfiniteDuration();
  const int64_t limit_ms = std::clamp<int64_t>(absl::ToInt64Milliseconds(timeout), 0, INT_MAX);
  {
    MutexLock lock(&mutex_);
    if (exit_.has_value()) return exit_;
  }
  // Waiting without the lock, so that Kill works meanwhile.
  pollfd event{.fd = pidfd_, .events = POLLIN, .revents = 0};
  int ready;
  do {
    ready = poll(&event, 1, forever ? -1 : static_cast<int>(limit_ms));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return std::nullopt;
  MutexLock lock(&mutex_);
  if (exit_.has_value()) return exit_;
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {
  }
  exit_ = FromWait(info);
  return exit_;
}

void Subprocess::Kill(int signal) {
  MutexLock lock(&mutex_);
  if (!exit_.has_value()) kill(pid_, signal);
}

void Subprocess::KillGroup(int signal) {
  if (group_) kill(-pid_, signal);
}

}  // namespace quern
