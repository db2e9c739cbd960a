// The four things that `quern` does. Each prints its own errors and returns the exit code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"

namespace quern::local {

// What was not given is as it was at the last `up` in that directory that came up, or the default.
struct UpOptions {
  std::string dir;
  std::optional<int64_t> chunkservers;
  std::optional<int64_t> workers;
  std::optional<int64_t> port_base;
  std::optional<int64_t> replication;
  std::vector<std::string> forget_disks;
  bool leave_out = false;
  bool restart = true;
  bool detach = false;
};
int RunUp(const UpOptions& options);

// Stops the cluster of `dir` and nothing else; returns when all its processes have ended.
int RunDown(const std::string& dir, Clock* clock);

// 0 when every process runs, 1 otherwise.
int RunStatus(const std::string& dir, bool json);

// Lines for a shell: eval "$(quern env)". Also for a cluster that is starting, which is told.
int RunEnv(const std::string& dir);

}  // namespace quern::local
