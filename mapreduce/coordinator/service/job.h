// One job as the coordinator knows it, beyond the states of its tasks (logic/job_tasks.h).
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mapreduce/coordinator/logic/fetch_failures.h"
#include "mapreduce/coordinator/logic/ids.h"
#include "mapreduce/coordinator/logic/job_tasks.h"
#include "mapreduce/coordinator/service/chosen_results.h"
#include "quern/mr/v1/jobs.pb.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// A job whose input has been found and cut: what the planner hands over.
struct PlannedJob {
  v1::JobSpec spec;  // with every default filled in
  std::vector<v1::Split> map_splits;
  std::vector<v1::Split> sample_splits;  // of the range partitioner
  uint64_t sample_bytes = 0;
  uint32_t sample_keys = 0;
  uint64_t input_bytes = 0;
};

struct Job {
  JobKey key;
  std::string id;
  PlannedJob plan;
  // Of the request that made it.
  uint64_t client_id = 0;
  uint64_t request_id = 0;

  v1::JobState state = v1::JOB_STATE_RUNNING;
  // Why it cannot succeed, once that is known; the job is then on its way to `doomed`.
  v1::JobState doomed = v1::JOB_STATE_UNSPECIFIED;
  std::string reason;
  std::optional<v1::AttemptFailure> failure;
  absl::Time submitted;
  absl::Time started = absl::InfiniteFuture();
  absl::Time finished = absl::InfiniteFuture();

  ChosenResults maps;
  ChosenResults reduces;
  std::vector<std::string> sample_keys;
  std::vector<std::string> bounds;
  FetchFailures fetch_failures;
  // Of attempts that run, and of those that failed (the newest kMaxDetails of each).
  std::map<AttemptRef, v1::AttemptProgress> progress;
  std::map<AttemptRef, v1::AttemptFailure> failures;
  static constexpr size_t kMaxDetails = 10'000;

  // Map outputs that running reduces have not been told of, and when they were told last.
  std::vector<uint32_t> untold_outputs;
  absl::Time told = absl::InfinitePast();

  // Set when the job has ended: the scheduler knows it no longer.
  std::unique_ptr<JobTasks> ended_tasks;
  std::optional<v1::JobStatus> final_status;

  // Grows with every change that a watcher wants to see.
  uint64_t version = 1;

  uint32_t reduce_tasks() const { return plan.spec.reduce().tasks(); }
  bool ended() const { return final_status.has_value(); }
};

// "/.quern/jobs/JOB": everything of a job in the file system until its output is published.
std::string JobDir(std::string_view job_id);

// For users. `tasks` may be null (a job from before a restart that had ended).
v1::JobStatus MakeJobStatus(const Job& job, const JobTasks* tasks);

// One attempt for users; its worker's name is left to the caller.
v1::TaskAttemptStatus MakeAttemptStatus(const Job& job, TaskKind kind, const Attempt& attempt);

}  // namespace quern::mr
