// How far a worker can be relied on, from what became of the attempts that it ran.
//
// Attempts that fail there through no fault of the user's make it rest, twice as long each time.
// After a rest it is on probation: one attempt at a time until one succeeds. A worker whose outputs
// could not be fetched rests too, whatever succeeds on it.
// No locks; `now` is an argument.
#pragma once

#include <absl/time/time.h>

#include <algorithm>
#include <cstdint>

#include "mapreduce/coordinator/logic/job_tasks.h"

namespace quern::mr {

class WorkerTrust {
 public:
  struct Options {
    absl::Duration first_rest = absl::Milliseconds(500);
    absl::Duration longest_rest = absl::Seconds(30);
    absl::Duration first_unreachable_rest = absl::Seconds(30);
    absl::Duration longest_unreachable_rest = absl::Minutes(10);
  };

  void Failed(Fault fault, const Options& options, absl::Time now) {
    if (fault != Fault::kEnvironment && fault != Fault::kWorker) return;
    Rest(++failures_, options.first_rest, options.longest_rest, now);
  }
  void Unreachable(const Options& options, absl::Time now) {
    Rest(++unreachable_, options.first_unreachable_rest, options.longest_unreachable_rest, now);
  }
  void Succeeded() { failures_ = 0; }

  absl::Time rests_until() const { return rests_until_; }
  bool on_probation() const { return failures_ > 0; }

 private:
  void Rest(uint32_t times, absl::Duration first, absl::Duration longest, absl::Time now) {
    const int64_t factor = int64_t{1} << std::min(times - 1, 16u);
    rests_until_ = std::max(rests_until_, now + std::min(first * factor, longest));
  }

  uint32_t failures_ = 0;     // in a row
  uint32_t unreachable_ = 0;  // ever
  absl::Time rests_until_ = absl::InfinitePast();
};

}  // namespace quern::mr
