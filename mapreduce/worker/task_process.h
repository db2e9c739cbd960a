// A quern-task child process and the channel to it.
//
// The process has its own group, dies with the worker, inherits no descriptors but the socket, and
// sees a clean environment. It may run several attempts of one job, one after another: start-up and
// fresh memory are what small tasks spend most of their time on.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/status.h"
#include "common/subprocess.h"
#include "mapreduce/worker/task_channel.h"

namespace quern::mr {

struct TaskProcess {
  std::unique_ptr<Subprocess> process;
  TaskChannel channel;
  std::string job_id;
  bool used = false;  // has run an attempt before

  // `log_path` gets what the process prints until it opens another.
  static absl::StatusOr<std::unique_ptr<TaskProcess>> Spawn(const std::string& binary,
                                                            const std::string& job_id,
                                                            const std::string& cwd,
                                                            const std::string& log_path);
  ~TaskProcess();
};

// Anonymous memory of a process, bytes; 0 when it is gone. Mapped files do not count: the kernel
// takes them back when memory is short.
uint64_t AnonymousMemory(pid_t pid);

}  // namespace quern::mr
