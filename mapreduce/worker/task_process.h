// A quern-task child process and the channel to it.
//
// The process ends with the worker, with all that it has started (task/guard.h), inherits no
// descriptors but the socket, and sees a clean environment. It may run several attempts of one job,
// one after another: start-up and fresh memory are what small tasks spend most of their time on.
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
  bool greeted = false;  // has said hello: what goes wrong from here on is not the worker's fault
  bool used = false;     // has run an attempt before

  // `log_path` gets what the process prints until it opens another.
  static absl::StatusOr<std::unique_ptr<TaskProcess>> Spawn(const std::string& binary,
                                                            const std::string& job_id,
                                                            const std::string& cwd,
                                                            const std::string& log_path);
  ~TaskProcess();

  // It has closed its connection, so it is ending: waits for that, and ends it when it does not.
  ExitStatus WaitForEnd();
  // Ends it with everything that it has started, and waits until all of that is gone.
  ExitStatus End();
};

}  // namespace quern::mr
