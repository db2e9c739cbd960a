// The part of JobTracker about jobs; workers and orders have files of their own.
#include "mapreduce/coordinator/service/job_tracker.h"

#include <algorithm>
#include <cstdlib>

#include "common/log.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/journal_replay.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/plan/range_bounds.h"

namespace quern::mr {

JobTracker::JobTracker(JobJournal* journal, Options options)
    : journal_(journal),
      options_(options),
      registry_(options.workers),
      scheduler_(options.scheduler) {}

absl::Status JobTracker::Recover(absl::Time now) {
  RETURN_IF_ERROR(JournalReplay(this, now).Run());
  TrimEndedJobs();
  Dispatch(now);
  return absl::OkStatus();
}

const Job* JobTracker::FindRequest(uint64_t client_id, uint64_t request_id) const {
  const auto it = requests_.find({client_id, request_id});
  return client_id == 0 || it == requests_.end() ? nullptr : Find(it->second);
}

JobTracker::Reservation JobTracker::Reserve(uint64_t client_id, uint64_t request_id,
                                            absl::Time now) {
  const auto known = requests_.find({client_id, request_id});
  if (client_id != 0 && known != requests_.end()) {
    // Its Add may still be on its way; the id is final all the same.
    const auto job = jobs_.find(known->second);
    return {known->second, job == jobs_.end() ? "" : job->second->id, true};
  }
  const std::string day = absl::FormatTime("%Y%m%d", now, absl::UTCTimeZone());
  if (last_number_.first != day) last_number_ = {day, 0};
  const JobKey key(++last_key_);
  requests_[{client_id, request_id}] = key;
  return {key, FormatJobId(now, ++last_number_.second), false};
}

std::vector<JobJournal::Entry> JobTracker::SubmissionRecords(const Job& job) {
  std::vector<JobJournal::Entry> entries;
  const auto add = [&]() -> v1::JournalRecord& {
    entries.push_back({job.key, {}});
    entries.back().record.set_time_ms(ToMillis(job.submitted));
    return entries.back().record;
  };
  v1::JobSubmitted& submitted = *add().mutable_submitted();
  submitted.set_job_id(job.id);
  *submitted.mutable_spec() = job.plan.spec;
  submitted.set_client_id(job.client_id);
  submitted.set_request_id(job.request_id);
  submitted.set_map_tasks(static_cast<uint32_t>(job.plan.map_splits.size()));
  submitted.set_sample_tasks(static_cast<uint32_t>(job.plan.sample_splits.size()));
  submitted.set_input_bytes(job.plan.input_bytes);
  submitted.set_sample_bytes(job.plan.sample_bytes);
  submitted.set_sample_keys(job.plan.sample_keys);
  // In pages, so that no record grows without bound.
  constexpr size_t kPage = 1'000;
  for (size_t i = 0; i < job.plan.map_splits.size(); ++i) {
    if (i % kPage == 0) add();
    *entries.back().record.mutable_splits()->add_map_splits() = job.plan.map_splits[i];
  }
  for (size_t i = 0; i < job.plan.sample_splits.size(); ++i) {
    if (i == 0) add();
    *entries.back().record.mutable_splits()->add_sample_splits() = job.plan.sample_splits[i];
  }
  return entries;
}

void JobTracker::Add(std::unique_ptr<Job> job, absl::Time now) {
  Job* added = job.get();
  added->maps = ChosenResults(static_cast<uint32_t>(added->plan.map_splits.size()));
  added->reduces = ChosenResults(added->reduce_tasks());
  added->state = added->plan.sample_splits.empty() ? v1::JOB_STATE_RUNNING : v1::JOB_STATE_PLANNING;
  keys_[added->id] = added->key;
  jobs_[added->key] = std::move(job);
  scheduler_.AddJob(added->key, PlanOf(*added));
  Changed(added);
  FinishIfDone(added, now);  // a map-only job over nothing
  Dispatch(now);
}

JobPlan JobTracker::PlanOf(const Job& job) {
  const auto places_of = [this](const std::vector<v1::Split>& splits) {
    std::vector<TaskPlaces> all(splits.size());
    for (size_t i = 0; i < splits.size(); ++i) {
      for (const std::string& node : splits[i].nodes()) {
        all[i].nodes.push_back(PlaceOf("node:", node));
      }
      for (const std::string& rack : splits[i].racks()) {
        all[i].racks.push_back(PlaceOf("rack:", rack));
      }
    }
    return all;
  };
  JobPlan plan;
  plan.user = job.plan.spec.user();
  plan.samples = places_of(job.plan.sample_splits);
  plan.maps = places_of(job.plan.map_splits);
  plan.reduces = job.reduce_tasks();
  plan.max_failures = job.plan.spec.limits().attempts();
  return plan;
}

PlaceId JobTracker::PlaceOf(std::string_view kind, std::string_view name) {
  const auto [it, added] = places_.try_emplace(fmt::format("{}{}", kind, name),
                                               PlaceId(static_cast<uint32_t>(places_.size() + 1)));
  return it->second;
}

const Job* JobTracker::Find(std::string_view job_id) const {
  const auto key = keys_.find(job_id);
  return key == keys_.end() ? nullptr : Find(key->second);
}

const Job* JobTracker::Find(JobKey key) const {
  const auto it = jobs_.find(key);
  return it == jobs_.end() ? nullptr : it->second.get();
}

Job* JobTracker::FindMutable(std::string_view job_id) { return const_cast<Job*>(Find(job_id)); }

const JobTasks* JobTracker::Tasks(const Job& job) const {
  return job.ended_tasks != nullptr ? job.ended_tasks.get() : scheduler_.job(job.key);
}

absl::Status JobTracker::Kill(std::string_view job_id, std::string_view reason, absl::Time now) {
  Job* job = FindMutable(job_id);
  if (job == nullptr) return NotFoundError("{}: no such job. Try: mr list", job_id);
  if (job->ended()) {
    return FailedPreconditionError("{}: has ended already ({})", job_id,
                                   v1::JobState_Name(job->final_status->state()));
  }
  if (job->state == v1::JOB_STATE_COMMITTING) {
    return FailedPreconditionError("{}: its output is being published, nothing to kill", job_id);
  }
  if (job->doomed == v1::JOB_STATE_UNSPECIFIED) {
    Doom(job, v1::JOB_STATE_KILLED, std::string(reason));
  }
  Dispatch(now);
  return absl::OkStatus();
}

// Stops a job that cannot succeed, or should not.
void JobTracker::Doom(Job* job, v1::JobState state, std::string reason) {
  if (job->doomed != v1::JOB_STATE_UNSPECIFIED || job->state == v1::JOB_STATE_COMMITTING) return;
  job->doomed = state;
  job->reason = std::move(reason);
  effects_.to_finish.push_back(job->key);
  Changed(job);
}

void JobTracker::FinishIfDone(Job* job, absl::Time now) {
  const JobTasks* tasks = scheduler_.job(job->key);
  if (tasks == nullptr || !tasks->AllDone() || job->doomed != v1::JOB_STATE_UNSPECIFIED) return;
  job->state = v1::JOB_STATE_COMMITTING;
  if (job->started == absl::InfiniteFuture()) job->started = now;
  effects_.to_finish.push_back(job->key);
  Changed(job);
}

// Kills what still runs of a job that needs no more tasks.
void JobTracker::StopTasks(Job* job, absl::Time now) {
  const JobTasks* tasks = scheduler_.job(job->key);
  if (tasks == nullptr) return;
  for (const TaskKind kind : {TaskKind::kSample, TaskKind::kMap, TaskKind::kReduce}) {
    if (tasks->counts(kind).running_attempts == 0) continue;
    for (const Attempt& attempt : tasks->attempts(kind)) {
      if (attempt.state != AttemptState::kRunning) continue;
      OrderKill(attempt.worker, job->id, {job->key, kind, attempt.task, attempt.number},
                "the job needs it no longer");
    }
  }
  job->ended_tasks = scheduler_.RemoveJob(job->key, now);
  job->untold_outputs.clear();
}

void JobTracker::Ended(JobKey key, const v1::JobStatus& status, absl::Time now) {
  const auto it = jobs_.find(key);
  if (it == jobs_.end()) return;
  Job* job = it->second.get();
  StopTasks(job, now);
  job->state = status.state();
  job->finished = now;
  job->final_status = status;
  // What only running it needed.
  job->plan.map_splits = {};
  job->plan.sample_splits = {};
  job->maps = {};
  job->reduces = {};
  job->bounds = {};
  for (const auto& [worker, known] : registry_.workers()) {
    if (known.state != WorkerRegistry::State::kLost) OrderForget(worker, job->id);
  }
  Changed(job);
  TrimEndedJobs();
  Dispatch(now);
}

void JobTracker::TrimEndedJobs() {
  std::vector<JobKey> ended;
  for (const auto& [key, job] : jobs_) {
    if (job->ended()) ended.push_back(key);
  }
  for (size_t i = 0; i < ended.size(); ++i) {
    const size_t newer = ended.size() - 1 - i;
    Job* job = jobs_[ended[i]].get();
    if (newer >= options_.max_detailed_jobs) {
      job->ended_tasks.reset();
      job->progress.clear();
      job->failures.clear();
    }
    if (newer < options_.max_ended_jobs) continue;
    effects_.to_forget.push_back(ended[i]);
    requests_.erase({job->client_id, job->request_id});
    keys_.erase(job->id);
    jobs_.erase(ended[i]);
  }
}

JobJournal::Entry* JobTracker::AddRecord(JobKey job, absl::Time now) {
  records_.push_back({job, {}});
  records_.back().record.set_time_ms(ToMillis(now));
  return &records_.back();
}

void JobTracker::WriteRecords() {
  if (records_.empty()) return;
  const absl::Status status = journal_->Append(records_, JobJournal::Sync::kProcess);
  records_.clear();
  if (status.ok()) return;
  // Going on would tell workers things that a successor does not know.
  LogError("journal_failed", {{"status", status}});
  std::abort();
}

void JobTracker::Changed(Job* job) {
  ++job->version;
  effects_.changed.push_back(job->key);
}

}  // namespace quern::mr
