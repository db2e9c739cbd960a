// Follows a job on the terminal until its end.
#pragma once

#include <string>

#include "common/status.h"
#include "mapreduce/cli/command.h"

namespace quern::mr {

// Progress and the outcome go to stderr (a line that is redrawn on a terminal, else one every 10
// s); with --json the final status goes to stdout. The exit code: 0 succeeded, 1 failed or killed,
// 130 when Ctrl-C left it (a terminal is asked whether the job shall go on).
enum class Success { kShown, kSilent };
absl::StatusOr<int> WatchToTheEnd(Session* session, const std::string& job_id,
                                  Success success = Success::kShown);

}  // namespace quern::mr
