// The part of Coordinator that jobs and their users see; sessions have a file of their own.
#include "mapreduce/coordinator/service/coordinator.h"

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "common/rpc/outbox.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {

Coordinator::Coordinator(std::unique_ptr<JobJournal> journal, JobPlanner* planner,
                         PublishFiles* files, CoordinatorOptions options)
    : journal_(std::move(journal)),
      planner_(planner),
      options_(std::move(options)),
      wall_start_(options_.clock->TimeNow()),
      steady_start_(options_.clock->MonotonicNow()),
      tracker_(journal_.get(), options_.tracker),
      finisher_(this, journal_.get(), files, options_.clock) {}

Coordinator::~Coordinator() { Shutdown(); }

absl::Time Coordinator::Now() const {
  return wall_start_ + (options_.clock->MonotonicNow() - steady_start_);
}

absl::Status Coordinator::Start() {
  {
    MutexLock lock(&mutex_);
    RETURN_IF_ERROR(tracker_.Recover(Now()));
    Deliver(tracker_.TakeEffects());
  }
  finisher_.Start();
  timer_ = Thread("job-timer", [this] { RunTimer(); });
  return absl::OkStatus();
}

void Coordinator::Shutdown() {
  {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    stopping_ = true;
    changed_.SignalAll();
    for (const auto& [worker, session] : sessions_)
      session->Close(UnavailableError("the coordinator is stopping"));
    for (const auto& [id, watcher] : watchers_) watcher.wake();
  }
  timer_.Join();
  finisher_.Shutdown();
}

bool Coordinator::stopping() const {
  MutexLock lock(&mutex_);
  return stopping_;
}

absl::StatusOr<v1::SubmitResponse> Coordinator::Submit(const v1::SubmitRequest& request) {
  const uint64_t client = request.header().client_id();
  const uint64_t number = request.header().request_id();
  v1::SubmitResponse response;
  uint32_t slots = 0;
  {
    MutexLock lock(&mutex_);
    if (const Job* known = tracker_.FindRequest(client, number)) {
      response.set_job_id(known->id);
      return response;
    }
    slots = tracker_.scheduler().total_slots();
  }
  ASSIGN_OR_RETURN(PlannedJob plan, planner_->Plan(request.spec(), slots));
  if (request.dry_run()) {
    for (v1::Split& split : plan.map_splits) *response.add_splits() = std::move(split);
    return response;
  }
  auto job = std::make_unique<Job>();
  job->plan = std::move(plan);
  job->client_id = client;
  job->request_id = number;
  {
    MutexLock lock(&mutex_);
    job->submitted = Now();
    const JobTracker::Reservation reserved = tracker_.Reserve(client, number, job->submitted);
    if (reserved.already_there) {
      return UnavailableError("the same request is being accepted now. Try: again");
    }
    job->key = reserved.key;
    job->id = reserved.job_id;
  }
  // Durable before it is known to anybody; without the lock, since the disk is waited for.
  if (const absl::Status written =
          journal_->Append(JobTracker::SubmissionRecords(*job), JobJournal::Sync::kDurable);
      !written.ok()) {
    LogError("journal_failed", {{"status", written}});
    std::abort();
  }
  LogInfo("job_submitted", {{"job", job->id},
                            {"name", job->plan.spec.name()},
                            {"maps", job->plan.map_splits.size()},
                            {"reduces", job->reduce_tasks()},
                            {"bytes", job->plan.input_bytes}});
  response.set_job_id(job->id);
  MutexLock lock(&mutex_);
  tracker_.Add(std::move(job), Now());
  Deliver(tracker_.TakeEffects());
  return response;
}

absl::Status Coordinator::Kill(std::string_view job_id, std::string_view reason) {
  MutexLock lock(&mutex_);
  RETURN_IF_ERROR(tracker_.Kill(job_id, reason, Now()));
  Deliver(tracker_.TakeEffects());
  return absl::OkStatus();
}

absl::StatusOr<FinishPlan> Coordinator::PlanFinish(JobKey key) {
  MutexLock lock(&mutex_);
  const Job* job = tracker_.Find(key);
  if (job == nullptr || job->ended()) return NotFoundError("{}: has ended", key);
  FinishPlan plan;
  plan.status = MakeJobStatus(*job, tracker_.Tasks(*job));
  plan.client_id = job->client_id;
  plan.request_id = job->request_id;
  if (job->doomed != v1::JOB_STATE_UNSPECIFIED) {
    plan.status.set_state(job->doomed);
    return plan;
  }
  plan.status.set_state(v1::JOB_STATE_SUCCEEDED);
  plan.publish.job_dir = JobDir(job->id);
  plan.publish.user = job->plan.spec.user();
  plan.publish.output_path = job->plan.spec.output().path();
  plan.publish.overwrite = job->plan.spec.output().overwrite();
  plan.publish.manifest.job_id = job->id;
  plan.publish.manifest.job_name = job->plan.spec.name();
  plan.publish.manifest.counters.assign(plan.status.counters().begin(),
                                        plan.status.counters().end());
  const bool map_only = job->reduce_tasks() == 0;
  const ChosenResults& results = map_only ? job->maps : job->reduces;
  const v1::TaskKind kind = map_only ? v1::TASK_KIND_MAP : v1::TASK_KIND_REDUCE;
  const uint32_t tasks =
      map_only ? static_cast<uint32_t>(job->plan.map_splits.size()) : job->reduce_tasks();
  for (uint32_t task = 0; task < tasks; ++task) {
    const v1::AttemptResult result = results.Get(task);
    plan.publish.parts.push_back({result.output_path(),
                                  {FormatPart(kind, task), result.output_bytes(),
                                   result.output_records(), result.output_crc()}});
  }
  return plan;
}

void Coordinator::JobEnded(JobKey key, const v1::JobStatus& status) {
  MutexLock lock(&mutex_);
  tracker_.Ended(key, status, Now());
  Deliver(tracker_.TakeEffects());
}

uint64_t Coordinator::Watch(std::string_view job_id, std::function<void()> wake) {
  MutexLock lock(&mutex_);
  const Job* job = tracker_.Find(job_id);
  watchers_[++last_watch_] = {job == nullptr ? JobKey() : job->key, std::move(wake)};
  return last_watch_;
}

void Coordinator::Unwatch(uint64_t watch) {
  MutexLock lock(&mutex_);
  watchers_.erase(watch);
}

void Coordinator::Deliver(JobTracker::Effects effects) {
  for (auto& [worker, order] : effects.orders) {
    const auto session = sessions_.find(worker);
    // Without a session it hears of it when it registers again.
    if (session == sessions_.end()) continue;
    v1::CoordinatorMessage message;
    *message.mutable_order() = std::move(order);
    session->second->Put(message);
  }
  for (const WorkerKey worker : effects.lost_workers) {
    const auto session = sessions_.find(worker);
    if (session == sessions_.end()) continue;
    session->second->Close();
    sessions_.erase(session);
  }
  for (const JobKey key : effects.to_finish) finisher_.Finish(key);
  for (auto& [key, last] : effects.to_clean) finisher_.Clean(key, std::move(last));
  for (const JobKey key : effects.to_forget) finisher_.Forget(key);
  for (const auto& [id, watcher] : watchers_) {
    const auto& changed = effects.changed;
    if (std::find(changed.begin(), changed.end(), watcher.job) != changed.end()) watcher.wake();
  }
  changed_.SignalAll();
}

void Coordinator::RunTimer() {
  MutexLock lock(&mutex_);
  while (!stopping_) {
    const absl::Duration wait = tracker_.NextWake() - Now();
    if (wait > absl::ZeroDuration()) {
      // Bounded, because a duration of for ever is more than the clock can add up.
      changed_.WaitFor(&mutex_, std::min(wait, absl::Hours(1)));
      continue;
    }
    tracker_.Tick(Now());
    Deliver(tracker_.TakeEffects());
  }
}

}  // namespace quern::mr
