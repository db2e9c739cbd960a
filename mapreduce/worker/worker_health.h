// Whether a worker can start task processes at all.
//
// A machine on which every attempt fails at once would draw the work of the whole cluster to itself
// and fail it. So a worker that could not start several processes in a row says so, gets no tasks,
// and tries by itself from time to time whether it works again. No locks; `now` is an argument.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <string>

namespace quern::mr {

class WorkerHealth {
 public:
  static constexpr uint32_t kFailuresInARow = 3;
  static constexpr absl::Duration kFirstPause = absl::Seconds(1);
  static constexpr absl::Duration kLongestPause = absl::Minutes(1);

  // A task process that came to run.
  void Started();
  // One that did not; a failed probe as well.
  void CouldNotStart(const std::string& reason, absl::Time now);

  // Why it takes no tasks; empty: it does.
  std::string unhealthy() const;
  // When to start a process that does nothing, to see whether it works again.
  absl::Time next_probe() const { return next_probe_; }

 private:
  uint32_t failures_ = 0;
  std::string reason_;
  absl::Duration pause_ = kFirstPause;
  absl::Time next_probe_ = absl::InfiniteFuture();
};

}  // namespace quern::mr
