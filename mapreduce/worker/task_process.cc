#include "mapreduce/worker/task_process.h"

#include <fcntl.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "common/log.h"

namespace quern::mr {
namespace {

// For a process to end by itself.
constexpr absl::Duration kEndPatience = absl::Seconds(2);
// To end all processes of a task.
constexpr absl::Duration kGuardPatience = absl::Seconds(10);

// What programs need to work at all, and nothing of the worker's own.
std::map<std::string, std::string> CleanEnvironment(const std::string& scratch) {
  std::map<std::string, std::string> environment = {
      {"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"LC_ALL", "C.UTF-8"}, {"TMPDIR", scratch}};
  for (const char* name : {"HOME", "USER", "TZ", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS",
                           "TSAN_OPTIONS", "LSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name); value != nullptr) environment[name] = value;
  }
  return environment;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TaskProcess>> TaskProcess::Spawn(const std::string& binary,
                                                                const std::string& job_id,
                                                                const std::string& cwd,
                                                                const std::string& log_path) {
  ASSIGN_OR_RETURN(auto ends, TaskChannel::Create());
  const UniqueFd log(open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log) return ErrnoStatus(errno, log_path);
  SpawnOptions options;
  options.env = CleanEnvironment(cwd);
  options.cwd = cwd;
  options.stdout_fd = log.get();
  options.stderr_fd = log.get();
  options.death_signal = SIGTERM;  // the guard ends the others first
  options.inherit_fds = {ends.second.get()};
  ASSIGN_OR_RETURN(
      std::unique_ptr<Subprocess> process,
      Subprocess::Spawn({binary, "--worker_fd", std::to_string(ends.second.get())}, options));
  return std::unique_ptr<TaskProcess>(
      new TaskProcess{std::move(process), std::move(ends.first), job_id});
}

TaskProcess::~TaskProcess() { End(); }

ExitStatus TaskProcess::WaitForEnd() {
  process->WaitFor(kEndPatience);
  return End();
}

ExitStatus TaskProcess::End() {
  // The guard ends when everything that it guards has ended.
  process->Kill(SIGTERM);
  if (!process->WaitFor(kGuardPatience)) LogWarning("guard_hangs", {{"pid", process->pid()}});
  process->KillGroup(SIGKILL);
  return process->Wait();
}

}  // namespace quern::mr
