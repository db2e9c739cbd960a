// quern-worker: everything a worker process consists of, started and stopped in order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/server_main.h"
#include "common/status.h"

namespace quern::mr {

struct WorkerFlags {
  int slots = 0;  // 0: the number of cores
  std::vector<std::string> coordinators = {"127.0.0.1:9420"};
  // quern-task; empty: beside this binary.
  std::string task_binary;
};

absl::StatusOr<std::unique_ptr<RunningServer>> StartWorkerServer(const ServerFlags& flags,
                                                                 const WorkerFlags& own);

}  // namespace quern::mr
