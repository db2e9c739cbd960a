// What a JobTracker knows, and what can be read about it from outside. No locks.
#pragma once

#include <absl/time/time.h>

#include <string_view>

#include "common/strings.h"
#include "mapreduce/coordinator/logic/task_scheduler.h"
#include "mapreduce/coordinator/logic/worker_registry.h"
#include "mapreduce/coordinator/service/job_table.h"

namespace quern::mr {

struct TrackerState {
  TrackerState(const WorkerRegistry::Options& workers, const TaskScheduler::Options& scheduling)
      : registry(workers), scheduler(scheduling) {}

  JobTable jobs;
  WorkerRegistry registry;
  TaskScheduler scheduler;

  // Numbers for names of places, each made at its first use.
  PlaceId PlaceOf(std::string_view name);
  StringMap<PlaceId> PlacesOf(const StringSet& names);
  // Those of a job that has ended, too, if they are still remembered; null otherwise.
  const JobTasks* Tasks(const Job& job) const {
    return job.ended_tasks != nullptr ? job.ended_tasks.get() : scheduler.job(job.key);
  }

 private:
  StringMap<PlaceId> places_;
};

}  // namespace quern::mr
