// The part of JobTracker about jobs; workers and attempts have files of their own.
#include "mapreduce/coordinator/service/job_tracker.h"

#include <algorithm>

#include "common/clean_text.h"
#include "common/log.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/engine/state_name.h"
#include "mapreduce/plan/range_bounds.h"

namespace quern::mr {
namespace {

constexpr size_t kMaxReasonBytes = 4'000;

}  // namespace

JobTracker::JobTracker(JobJournal* journal, Options options)
    : journal_(journal),
      options_(options),
      state_(options.workers, options.scheduler),
      records_(journal),
      orders_(journal->cluster_id(), journal->term()) {}

absl::Status JobTracker::Recover(absl::Time now, PipelineRecords* pipelines) {
  ASSIGN_OR_RETURN(JournalReplay::Outcome outcome, JournalReplay(&state_, now).Run(journal_));
  if (pipelines != nullptr) *pipelines = std::move(outcome.pipelines);
  effects_.to_clean = std::move(outcome.to_clean);
  effects_.to_forget = std::move(outcome.to_forget);
  // The journal has it already.
  for (const JournalReplay::Outcome::Doomed& doomed : outcome.doomed) RecoverDoom(doomed);
  for (const auto& [key, job] : state_.jobs.all()) {
    if (job->ended()) continue;
    // The last chosen attempt may have been written, the decision that followed from it not.
    ReleaseMapsIfSampled(job.get(), now);
    FinishIfDone(job.get(), now);
  }
  TrimEndedJobs();
  Dispatch(now);
  return absl::OkStatus();
}

JobTracker::Reservation JobTracker::Reserve(const StringSet& places) {
  return {state_.jobs.ReserveKey(), orders_.term(), state_.PlacesOf(places)};
}

std::string JobTracker::NextJobId(const std::vector<std::string>& taken, absl::Time now) {
  for (const std::string& id : taken) state_.jobs.NoteId(id);
  return state_.jobs.NextId(now);
}

void JobTracker::Add(std::unique_ptr<Job> job, std::unique_ptr<JobTasks> tasks, absl::Time now) {
  Job* added = state_.jobs.Add(std::move(job));
  state_.scheduler.AddJob(added->key, std::move(tasks));
  Changed(*added);
  FinishIfDone(added, now);  // a map-only job over nothing
  Dispatch(now);
}

std::vector<JobKey> JobTracker::HoldUnbegun() {
  std::vector<JobKey> unbegun;
  for (const auto& [key, job] : state_.jobs.all()) {
    // Those that have begun have their directory: attempts write below it.
    if (job->ended() || job->started != absl::InfiniteFuture()) continue;
    if (job->doomed != pb::JOB_STATE_UNSPECIFIED) continue;
    state_.scheduler.Hold(key);
    unbegun.push_back(key);
  }
  return unbegun;
}

void JobTracker::Prepared(JobKey key, const absl::Status& prepared, absl::Time now) {
  Job* job = state_.jobs.Find(key);
  if (job == nullptr || job->ended()) return;
  if (prepared.ok()) {
    state_.scheduler.Release(key);
    Changed(*job);
  } else {
    Doom(job, pb::JOB_STATE_FAILED, Message(prepared), now);
  }
  Dispatch(now);
}

absl::Status JobTracker::Kill(std::string_view job_id, const WishToKill& wish, absl::Time now) {
  Job* job = state_.jobs.Find(job_id);
  if (job == nullptr) return NoSuchJob(job_id);
  if (job->ended()) {
    if (job->final_status->state() == pb::JOB_STATE_KILLED) return absl::OkStatus();
    return FailedPreconditionError("{}: has ended already ({})", job_id,
                                   StateName(job->final_status->state()));
  }
  if (job->state == pb::JOB_STATE_COMMITTING) return WishKilled(job, wish, now);
  Doom(job, pb::JOB_STATE_KILLED, wish.reason, now);
  Dispatch(now);
  return absl::OkStatus();
}

// Its output may have appeared: only who publishes it can tell.
absl::Status JobTracker::WishKilled(Job* job, const WishToKill& wish, absl::Time now) {
  const bool is_known = job->kill_wish && (wish.after_one_try || !job->kill_wish->after_one_try);
  if (is_known) return absl::OkStatus();
  if (job->settled) {
    return FailedPreconditionError("{}: is at its end already, nothing to kill", job->id);
  }
  job->kill_wish = WishToKill{CleanLine(wish.reason, kMaxReasonBytes), wish.after_one_try};
  records_.KillWished(*job, now);
  Changed(*job);
  Dispatch(now);
  return absl::OkStatus();
}

void JobTracker::Settle(JobKey key) {
  if (Job* job = state_.jobs.Find(key)) job->settled = true;
}

// One that was killed when all its tasks were done was being published. An earlier coordinator may
// have begun to give that up: what would be published may be gone, and it is not tried, whoever
// killed it.
void JobTracker::RecoverDoom(const JournalReplay::Outcome::Doomed& doomed) {
  Job* job = state_.jobs.Find(doomed.key);
  if (job == nullptr) return;
  const JobTasks* tasks = state_.scheduler.job(doomed.key);
  if (doomed.state == pb::JOB_STATE_KILLED && tasks != nullptr && tasks->AllDone()) {
    job->kill_wish = WishToKill{doomed.reason};
    return;
  }
  MarkDoomed(job, doomed.state, doomed.reason);
}

// Stops a job that cannot succeed, or should not. Journalled at once: its end may have to wait, and
// a successor must not go on with it.
void JobTracker::Doom(Job* job, pb::JobState state, std::string_view reason, absl::Time now) {
  if (MarkDoomed(job, state, reason)) records_.Doomed(*job, now);
}

bool JobTracker::MarkDoomed(Job* job, pb::JobState state, std::string_view reason) {
  if (job->doomed != pb::JOB_STATE_UNSPECIFIED || job->state == pb::JOB_STATE_COMMITTING) {
    return false;
  }
  job->doomed = state;
  job->reason = CleanLine(reason, kMaxReasonBytes);
  effects_.to_finish.push_back(job->key);
  Changed(*job);
  return true;
}

void JobTracker::FinishIfDone(Job* job, absl::Time now) {
  // One event may tell of more than the job needed.
  if (job->state == pb::JOB_STATE_COMMITTING) return;
  const JobTasks* tasks = state_.scheduler.job(job->key);
  if (tasks == nullptr || !tasks->AllDone() || job->doomed != pb::JOB_STATE_UNSPECIFIED) return;
  job->state = pb::JOB_STATE_COMMITTING;
  if (job->started == absl::InfiniteFuture()) job->started = now;
  effects_.to_finish.push_back(job->key);
  Changed(*job);
}

void JobTracker::ReleaseMapsIfSampled(Job* job, absl::Time now) {
  const JobTasks* tasks = state_.scheduler.job(job->key);
  if (tasks == nullptr || !job->SamplesDone(*tasks)) return;
  job->bounds = ChooseRangeBounds(std::move(job->sample_keys), job->reduce_tasks());
  job->sample_keys = {};
  records_.BoundsChosen(*job, now);
  state_.scheduler.ReleaseMaps(job->key);
  orders_.BriefAgain(job->key);
  job->state = pb::JOB_STATE_RUNNING;
}

// Kills what still runs of a job that needs no more tasks.
void JobTracker::StopTasks(Job* job, absl::Time now) {
  const JobTasks* tasks = state_.scheduler.job(job->key);
  if (tasks == nullptr) return;
  for (const TaskKind kind : {TaskKind::kSample, TaskKind::kMap, TaskKind::kReduce}) {
    if (tasks->counts(kind).running_attempts == 0) continue;
    for (const Attempt& attempt : tasks->attempts(kind)) {
      if (attempt.state != AttemptState::kRunning) continue;
      orders_.Kill(attempt.worker, job->id, {job->key, kind, attempt.task, attempt.number},
                   "the job needs it no longer");
    }
  }
  job->ended_tasks = state_.scheduler.RemoveJob(job->key, now);
  told_jobs_.erase(job->key);
}

void JobTracker::Ended(JobKey key, const pb::JobStatus& status, absl::Time now) {
  Job* job = state_.jobs.Find(key);
  if (job == nullptr) return;
  StopTasks(job, now);
  job->finished = now;
  job->SetFinal(status);
  orders_.BriefAgain(key);
  DropWorkingState(job);
  for (const auto& [worker, known] : state_.registry.workers()) {
    if (known.state != WorkerRegistry::State::kLost) orders_.Forget(worker, job->id);
  }
  Changed(*job);
  TrimEndedJobs();
  Dispatch(now);
}

// What only running the job needed goes to where freeing it keeps nobody waiting.
void JobTracker::DropWorkingState(Job* job) {
  auto rest = std::make_shared<Job>();
  if (!job->inputs_are_small()) job->MoveInputsTo(rest.get());
  std::swap(rest->sample_splits, job->sample_splits);
  std::swap(rest->maps, job->maps);
  std::swap(rest->reduces, job->reduces);
  std::swap(rest->sample_keys, job->sample_keys);
  std::swap(rest->outputs, job->outputs);
  std::swap(rest->readers, job->readers);
  std::swap(rest->fetch_failures, job->fetch_failures);
  effects_.garbage.push_back(std::move(rest));
}

void JobTracker::TrimEndedJobs() {
  JobTable::Trimmed trimmed = state_.jobs.TrimEnded(options_.jobs);
  for (std::unique_ptr<Job>& job : trimmed.jobs) {
    effects_.to_forget.push_back(job->key);
    effects_.garbage.push_back(std::move(job));
  }
  for (std::shared_ptr<JobTasks>& tasks : trimmed.tasks) {
    effects_.garbage.push_back(std::move(tasks));
  }
}

void JobTracker::Tick(absl::Time now) {
  for (const WorkerKey worker : state_.registry.CollectLost(now)) {
    registrations_.erase(worker);
    const WorkerLoss loss = state_.scheduler.RemoveWorker(worker, now);
    LogWarning("worker_lost", {{"worker", state_.registry.Get(worker).info.id},
                               {"node", state_.registry.Get(worker).info.node},
                               {"attempts", loss.interrupted.size()},
                               {"map_outputs", loss.lost.size()}});
    OnLoss(loss, "its worker was lost", now);
    for (const JobKey job : told_jobs_) state_.jobs.Find(job)->readers.Remove(worker);
    effects_.lost_workers.push_back(worker);
  }
  GiveUpSilent(now);
  Dispatch(now);
}

absl::Time JobTracker::NextWake() const {
  absl::Time next = std::min({state_.registry.NextDeadline(), state_.scheduler.NextWake(),
                              state_.scheduler.running().NextSilence()});
  for (const JobKey key : told_jobs_) {
    const Job* job = state_.jobs.Find(key);
    next = std::min(next, job->readers.NextDue(job->outputs.version()));
  }
  return next;
}

JobTracker::Effects JobTracker::TakeEffects() {
  effects_.orders = orders_.Take();
  return std::exchange(effects_, {});
}

void JobTracker::Dispatch(absl::Time now) {
  // Jobs that need no more tasks give their slots back first.
  for (const JobKey key : effects_.to_finish) StopTasks(state_.jobs.Find(key), now);
  const Assignments assignments = state_.scheduler.Assign(now);
  for (const Placed& placed : assignments.preempted) {
    OnStopped(placed.attempt, Stop::kKilled, /*fatal=*/false, "its slot was needed for a map", now);
    orders_.Kill(placed.worker, state_.jobs.Find(placed.attempt.job)->id, placed.attempt,
                 "its slot is needed for a map");
  }
  for (const Placed& placed : assignments.started) Launch(placed, now);
  // Those that could not even be launched.
  for (const JobKey key : effects_.to_finish) StopTasks(state_.jobs.Find(key), now);
  TellOutputs(now);
  records_.Write();
}

void JobTracker::Launch(const Placed& placed, absl::Time now) {
  Job* job = state_.jobs.Find(placed.attempt.job);
  if (job->started == absl::InfiniteFuture()) job->started = now;
  records_.Started(*job, placed, state_.registry.Get(placed.worker).info.id, now);
  Changed(*job);
  if (job->doomed != pb::JOB_STATE_UNSPECIFIED) return;
  const absl::StatusOr<uint64_t> order = orders_.Launch(*job, placed);
  if (!order.ok()) return Doom(job, pb::JOB_STATE_FAILED, Message(order.status()), now);
  state_.scheduler.running()->Launched(placed.attempt, placed.worker, *order, SilenceOf(*job), now);
}

absl::Duration JobTracker::SilenceOf(const Job& job) const {
  return absl::Milliseconds(job.spec.limits().timeout_ms()) + options_.silence;
}

// Tells the workers that wait for it where map outputs lie that they have not heard of.
void JobTracker::TellOutputs(absl::Time now) {
  for (auto it = told_jobs_.begin(); it != told_jobs_.end();) {
    Job* job = state_.jobs.Find(*it);
    const TaskCounts& maps = state_.scheduler.job(job->key)->counts(TaskKind::kMap);
    std::map<uint64_t, pb::WorkerOrder::OutputDelta> deltas;  // by where they begin
    const auto due = job->readers.TakeDue(job->outputs.version(), maps.done == maps.total, now);
    for (const OutputReaders::Reader& reader : due) {
      const auto [delta, added] = deltas.try_emplace(reader.from);
      if (added) {
        delta->second = OrderMaker::MakeDelta(
            *job, job->outputs.Read(reader.from, OutputReaders::kPieceEntries));
      }
      orders_.Outputs(reader.worker, delta->second);
    }
    it = job->readers.empty() ? told_jobs_.erase(it) : std::next(it);
  }
}

}  // namespace quern::mr
