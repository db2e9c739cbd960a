// One job as the coordinator knows it, beyond the states of its tasks (logic/job_tasks.h).
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/strings.h"
#include "mapreduce/coordinator/logic/bad_records.h"
#include "mapreduce/coordinator/logic/fetch_failures.h"
#include "mapreduce/coordinator/logic/ids.h"
#include "mapreduce/coordinator/logic/job_tasks.h"
#include "mapreduce/coordinator/logic/output_table.h"
#include "mapreduce/coordinator/service/chosen_results.h"
#include "mapreduce/coordinator/service/packed_messages.h"
#include "mapreduce/coordinator/service/wish_to_kill.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/jobs.pb.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// A job whose input has been found and cut: what the planner hands over.
struct PlannedJob {
  pb::JobSpec spec;  // with every default filled in
  std::vector<pb::Split> map_splits;
  std::vector<pb::Split> sample_splits;  // of the range partitioner
  uint64_t sample_bytes = 0;
  uint32_t sample_keys = 0;
  uint64_t input_bytes = 0;
};

struct Job {
  JobKey key;
  std::string id;
  pb::JobSpec spec;  // with every default filled in
  PackedMessages<pb::Split> map_splits;
  PackedMessages<pb::Split> sample_splits;
  uint64_t sample_bytes = 0;
  uint32_t sample_keys_wanted = 0;
  uint64_t input_bytes = 0;
  // Of the request that made it.
  uint64_t client_id = 0;
  uint64_t request_id = 0;
  // Of the coordinator that accepted it.
  uint64_t first_term = 0;

  pb::JobState state = pb::JOB_STATE_RUNNING;
  // Why it cannot succeed, once that is known; the job is then on its way to `doomed`.
  pb::JobState doomed = pb::JOB_STATE_UNSPECIFIED;
  std::string reason;
  std::optional<pb::AttemptFailure> failure;
  std::optional<WishToKill> kill_wish;
  // What has become of the publication is decided.
  bool settled = false;
  absl::Time submitted;
  absl::Time started = absl::InfiniteFuture();
  absl::Time finished = absl::InfiniteFuture();

  // Shared with whoever publishes them, when no task changes them any more.
  std::shared_ptr<ChosenResults> maps = std::make_shared<ChosenResults>();
  std::shared_ptr<ChosenResults> reduces = std::make_shared<ChosenResults>();
  // Where the time of the chosen attempts went, by task; kept when the job has ended.
  std::vector<pb::AttemptTimes> map_times;
  std::vector<pb::AttemptTimes> reduce_times;
  std::vector<std::string> sample_keys;
  std::vector<std::string> bounds;
  FetchFailures fetch_failures;
  BadRecords bad_records;
  OutputTable outputs;
  OutputReaders readers;
  // What each attempt has said last, and how the last ones failed.
  std::map<AttemptRef, pb::AttemptProgress> progress;
  std::map<AttemptRef, pb::AttemptFailure> failures;
  std::deque<AttemptRef> failure_order;

  // Set when the job has ended: the scheduler knows it no longer.
  std::shared_ptr<JobTasks> ended_tasks;
  std::optional<pb::JobStatus> final_status;  // without its counters: lists do not show them
  google::protobuf::RepeatedPtrField<pb::Counter> final_counters;

  uint32_t reduce_tasks() const { return spec.reduce().tasks(); }
  uint32_t map_tasks() const { return static_cast<uint32_t>(map_splits.size()); }
  bool ended() const { return final_status.has_value(); }
  void SetFinal(pb::JobStatus status);
  // What its tasks read and how keys are cut, which is kept of a job that has ended when it is not
  // much: so that a task can be debugged.
  bool inputs_are_small() const;
  void MoveInputsTo(Job* other);
  void NoteFailure(const AttemptRef& attempt, const pb::AttemptFailure& failure);
  // What it counts as. Once for each failed attempt: it remembers deaths in records.
  Fault JudgeFailure(const AttemptRef& attempt, const pb::AttemptFailure& failure);
  // Of the attempt that was chosen for its task.
  void StoreResult(const AttemptRef& attempt, const pb::AttemptResult& result);
  // Where its time went, when it is the chosen one.
  std::optional<pb::AttemptTimes> TimesOf(TaskKind kind, const Attempt& attempt) const;
  bool SamplesDone(const JobTasks& tasks) const {
    const TaskCounts& samples = tasks.counts(TaskKind::kSample);
    return state == pb::JOB_STATE_PLANNING && samples.done == samples.total;
  }
};

// A job that nobody knows yet, from its plan.
std::unique_ptr<Job> MakeJob(PlannedJob plan);
// Room for its results, and the state that it begins in.
void OpenJob(Job* job);

std::string NodePlace(std::string_view node);
std::string RackPlace(std::string_view rack);
// Names of the machines and racks that its splits lie on, as NodePlace and RackPlace.
StringSet PlacesOf(const Job& job);
// Its tasks, all waiting. Takes a while when there are many. `places` has all of PlacesOf.
std::unique_ptr<JobTasks> MakeTasks(const Job& job, const StringMap<PlaceId>& places);

inline constexpr std::string_view kJobsDir = "/.quern/jobs";
// "/.quern/jobs/JOB": everything of a job in the file system until its output is published.
std::string JobDir(std::string_view job_id);

// For users. `tasks` may be null (a job from before a restart that had ended).
pb::JobStatus MakeJobStatus(const Job& job, const JobTasks* tasks);
// A job in this state will never change.
bool IsOver(const pb::JobStatus& status);

// One line of a list: without counters, and with texts cut short.
pb::JobStatus MakeJobSummary(const Job& job, const JobTasks* tasks);

// One attempt for users; its worker's name is left to the caller.
pb::TaskAttemptStatus MakeAttemptStatus(const Job& job, TaskKind kind, const Attempt& attempt);

}  // namespace quern::mr
