// A scheduler with workers and one job, for its tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mapreduce/coordinator/logic/task_scheduler.h"

namespace quern::mr {
inline const absl::Time kStart = absl::UnixEpoch();
inline constexpr JobKey kJob{1};
inline constexpr PlaceId kRackA{101};
inline constexpr PlaceId kRackB{102};

inline AttemptRef Map(uint32_t task, uint32_t number = 0) {
  return {kJob, TaskKind::kMap, task, number};
}

// `count` maps with their data on machine `node` of rack A.
inline JobPlan Plan(uint32_t count, uint32_t reduces, PlaceId node = PlaceId(1)) {
  JobPlan plan;
  plan.user = "ada";
  plan.reduces = reduces;
  for (uint32_t i = 0; i < count; ++i) plan.maps.push_back({{node}, {kRackA}});
  return plan;
}

MATCHER_P(Starts, attempt, "") { return arg.attempt == attempt; }

class TaskSchedulerTest : public testing::Test {
 protected:
  IdleJob WhyIdle(JobKey job, absl::Time now) const {
    return scheduler_.IsIdle(job) ? scheduler_.WhyNoneStarts(now) : IdleJob();
  }
  // Worker i stands on machine i.
  void AddWorker(uint32_t i, uint32_t slots, PlaceId rack = kRackA) {
    scheduler_.SetWorker(WorkerKey(i), {PlaceId(i), rack, slots});
  }
  Assignments Assign(absl::Duration at = absl::ZeroDuration()) {
    Assignments assignments = scheduler_.Assign(kStart + at);
    EXPECT_TRUE(scheduler_.Validate().ok()) << scheduler_.Validate();
    return assignments;
  }
  // Lets everything that is running succeed, until nothing starts any more. Attempts run.
  uint32_t RunAll() {
    uint32_t attempts = 0;
    for (auto started = Assign(absl::Seconds(1)).started; !started.empty();
         started = Assign(absl::Seconds(1)).started) {
      for (const Placed& placed : started) {
        ++attempts;
        EXPECT_TRUE(scheduler_.Succeeded(placed.attempt, kStart + absl::Seconds(1)).chosen);
      }
    }
    return attempts;
  }
  // Every attempt that starts from one time to another fails at once, through no fault of the
  // user's. How long until the job failed too; `to` when it has not.
  absl::Duration FailAround(absl::Duration from, absl::Duration to) {
    for (absl::Duration at = from; at < to; at = scheduler_.NextWake() - kStart) {
      for (auto started = Assign(at).started; !started.empty(); started = Assign(at).started) {
        for (const Placed& placed : started) {
          if (scheduler_.Failed(placed.attempt, Fault::kEnvironment, kStart + at)) return at;
        }
      }
    }
    return to;
  }
  const TaskCounts& maps() { return scheduler_.job(kJob)->counts(TaskKind::kMap); }
  const TaskCounts& reduces() { return scheduler_.job(kJob)->counts(TaskKind::kReduce); }

  TaskScheduler scheduler_;
};

}  // namespace quern::mr
