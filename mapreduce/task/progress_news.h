// When a task tells its worker how far it is, so that silence means that the user's code stands
// still (limits.timeout).
#pragma once

#include <absl/time/time.h>

#include <string>

namespace quern::mr {

class ProgressNews {
 public:
  // `timeout`: how long a silent task lives. A wait for the file system ends by itself before
  // `max_wait`; who waits longer in all without any progress is taken to stand still.
  ProgressNews(absl::Duration timeout, absl::Duration max_wait);

  // Whether `progress` is to be sent now: when it is another than the last one, and now and then
  // while the task waits for the file system, which is not the user's fault.
  bool IsDue(const std::string& progress, bool waits, absl::Time now);

 private:
  const absl::Duration interval_;
  const absl::Duration max_wait_;
  std::string last_;
  absl::Duration waited_;  // since the last news
  absl::Time looked_ = absl::InfinitePast();
  absl::Time sent_ = absl::InfinitePast();
};

// How finely the time spent waiting for others is told: well within the timeout.
absl::Duration WaitStep(absl::Duration timeout);

}  // namespace quern::mr
