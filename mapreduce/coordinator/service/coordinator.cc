// The part of Coordinator that jobs and their users see; sessions have a file of their own.
#include "mapreduce/coordinator/service/coordinator.h"

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "common/rpc/outbox.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/new_directory.h"
#include "mapreduce/coordinator/service/task_history.h"
#include "mapreduce/coordinator/service/waiting.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/plan/pipeline_paths.h"

namespace quern::mr {
namespace {

// Splits of a dry run; a message has a limit.
constexpr size_t kMaxPlanBytes = size_t{4} << 20;

pb::SubmitResponse DescribePlan(PlannedJob plan) {
  pb::SubmitResponse response;
  response.set_split_count(static_cast<uint32_t>(plan.map_splits.size()));
  size_t bytes = 0;
  for (pb::Split& split : plan.map_splits) {
    bytes += split.ByteSizeLong();
    if (bytes > kMaxPlanBytes) break;
    *response.add_splits() = std::move(split);
  }
  return response;
}

}  // namespace

Coordinator::Coordinator(std::unique_ptr<JobJournal> journal, JobPlanner* planner,
                         PublishFiles* files, CoordinatorOptions options)
    : journal_(std::move(journal)),
      planner_(planner),
      files_(files),
      options_(options),
      wall_start_(options_.clock->TimeNow()),
      steady_start_(options_.clock->MonotonicNow()),
      tracker_(journal_.get(), options_.tracker),
      pipelines_(this, options_.pipeline_planner, journal_.get(), files, options_.pipelines),
      finisher_(this, journal_.get(), files, options_.clock, options_.finisher) {}

Coordinator::~Coordinator() { Shutdown(); }

absl::Time Coordinator::Now() const {
  return wall_start_ + (options_.clock->MonotonicNow() - steady_start_);
}

absl::Status Coordinator::Start() {
  PipelineRecords pipelines;
  std::string last_job_id;
  {
    MutexLock lock(&mutex_);
    RETURN_IF_ERROR(tracker_.Recover(Now(), &pipelines));
    last_job_id = tracker_.state().jobs.LastId();
    HoldUnbegun();
    JobTracker::Effects effects;
    Deliver(&effects);
  }
  finisher_.Start();
  preparations_.Start("job-preparer", 1, [this](Unprepared job) { Prepare(std::move(job)); });
  pipelines_.Start(pipelines);
  StartOrphans(std::move(last_job_id));
  {
    MutexLock lock(&mutex_);
    tracker_.AwaitWorkers(Now());
  }
  timer_ = Thread("job-timer", [this] { RunTimer(); });
  reserve_ = std::make_unique<PeriodicThread>("journal-reserve", options_.reserve_retry,
                                              [this] { journal_->TakeReserve(); });
  return absl::OkStatus();
}

void Coordinator::Shutdown() {
  {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    stopping_ = true;
    changed_.SignalAll();
    for (const auto& [worker, session] : sessions_)
      session.outbox->Close(UnavailableError("the coordinator is stopping"));
    for (const auto& [id, watcher] : watchers_) watcher.wake();
  }
  timer_.Join();
  reserve_.reset();
  pipelines_.Stop();
  finisher_.Stop();
  orphans_.Stop();
  preparations_.Stop();
  pipelines_.Shutdown();
  finisher_.Shutdown();
  orphans_.Shutdown();
  preparations_.Shutdown();
}

void Coordinator::HoldUnbegun() {
  for (const JobKey key : tracker_.HoldUnbegun()) {
    preparations_.Add({key, tracker_.state().jobs.Find(key)->id});
  }
}

void Coordinator::Prepare(Unprepared job) {
  if (!BeginPreparation(job.key)) return;
  const absl::Status made =
      Annotate(MakeAnnouncedDirectory(kJobsDir, job.id, files_), "make the directory of the job");
  if (!made.ok()) LogWarning("job_not_prepared", {{"job", job.id}, {"status", made}});
  if (!EndPreparation(job.key, made)) return;
  if (preparations_.WaitToRetry(options_.prepare_retry)) preparations_.Add(std::move(job));
}

bool Coordinator::BeginPreparation(JobKey key) {
  MutexLock lock(&mutex_);
  const Job* job = tracker_.state().jobs.Find(key);
  if (job == nullptr || job->ended() || job->doomed != pb::JOB_STATE_UNSPECIFIED) return false;
  if (job->state == pb::JOB_STATE_COMMITTING) return false;
  preparing_.emplace(key, false);
  return true;
}

bool Coordinator::EndPreparation(JobKey key, const absl::Status& made) {
  JobTracker::Effects effects;
  MutexLock lock(&mutex_);
  const auto it = preparing_.find(key);
  const bool finish = it->second;
  preparing_.erase(it);
  if (finish) finisher_.Finish(key);
  if (finish || IsRetryable(made)) return !finish;
  tracker_.Prepared(key, made, Now());
  Deliver(&effects);
  return false;
}

void Coordinator::StartOrphans(std::string last_job_id) {
  const auto is_job = [this](std::string_view id) {
    MutexLock lock(&mutex_);
    return tracker_.state().jobs.Find(id) != nullptr;
  };
  const auto is_pipeline = [this](std::string_view id) { return pipelines_.Get(id).ok(); };
  const absl::Time created = journal_->created();
  orphans_.Add({std::string(kJobsDir), std::move(last_job_id), created, is_job});
  orphans_.Add({std::string(kPipelinesDir), pipelines_.LastId(), created, is_pipeline});
  orphans_.Start("orphans", 1, [this](OrphanPlace place) { RunOrphans(std::move(place)); });
}

void Coordinator::RunOrphans(OrphanPlace place) {
  if (place.last_id.empty()) return;
  const absl::Status collected = CollectOrphans(
      place, options_.clock->TimeNow(), [this] { return orphans_.stopping(); }, files_);
  if (collected.ok()) return;
  LogWarning("orphans_not_collected", {{"directory", place.parent}, {"status", collected}});
  // Of other errors nothing changes before the next start, which tries again.
  const bool again = IsRetryable(collected) && orphans_.WaitToRetry(options_.orphan_retry);
  if (again) orphans_.Add(std::move(place));
}

bool Coordinator::stopping() const {
  MutexLock lock(&mutex_);
  return stopping_;
}

absl::StatusOr<pb::SubmitResponse> Coordinator::Submit(const pb::SubmitRequest& request) {
  const uint64_t client = request.header().client_id();
  const uint64_t number = request.header().request_id();
  // Until it is known, or has failed: what it publishes would be in the way of a second plan.
  ASSIGN_OR_RETURN(const OpenRequests::Turn turn, open_requests_.Begin(client, number));
  pb::SubmitResponse response;
  uint32_t slots = 0;
  {
    MutexLock lock(&mutex_);
    if (const Job* known = tracker_.state().jobs.FindRequest(client, number)) {
      response.set_job_id(known->id);
      return response;
    }
    slots = tracker_.state().scheduler.total_slots();
  }
  ASSIGN_OR_RETURN(PlannedJob plan, planner_->Plan(request.spec(), slots));
  if (request.dry_run()) return DescribePlan(std::move(plan));
  std::unique_ptr<Job> job = MakeJob(std::move(plan));
  job->client_id = client;
  job->request_id = number;
  const StringSet place_names = PlacesOf(*job);
  StringMap<PlaceId> places;
  {
    MutexLock lock(&mutex_);
    job->submitted = Now();
    JobTracker::Reservation reserved = tracker_.Reserve(place_names);
    job->key = reserved.key;
    job->first_term = reserved.term;
    places = std::move(reserved.places);
  }
  RETURN_IF_ERROR(TakeId(job.get()));
  OpenJob(job.get());
  std::unique_ptr<JobTasks> tasks = MakeTasks(*job, places);
  LogInfo("job_submitted", {{"job", job->id},
                            {"name", job->spec.name()},
                            {"maps", job->map_tasks()},
                            {"reduces", job->reduce_tasks()},
                            {"bytes", job->input_bytes}});
  response.set_job_id(job->id);
  JobTracker::Effects effects;
  MutexLock lock(&mutex_);
  tracker_.Add(std::move(job), std::move(tasks), Now());
  Deliver(&effects);
  return response;
}

// Attempts write below its directory, and only while it is there.
absl::Status Coordinator::TakeId(Job* job) {
  IdSteps steps;
  steps.next = [this](const std::vector<std::string>& taken) {
    MutexLock lock(&mutex_);
    return tracker_.NextJobId(taken, Now());
  };
  // Durable before it is known to anybody; without the lock, since the disk is waited for.
  steps.announce = [this, job](const std::string& id) {
    job->id = id;
    MustWrite(journal_->Append(JournalWriter::Submission(*job), JobJournal::Sync::kDurable));
  };
  steps.withdraw = [this, job](const absl::Status& why) { Withdraw(*job, why); };
  const absl::Status taken = MakeNewDirectory(kJobsDir, steps, files_).status();
  return Annotate(taken, "make the directory of the job");
}

// Without its client and request, which may be repeated and then makes another job: that says that
// it was withdrawn (IsWithdrawn).
void Coordinator::Withdraw(const Job& job, const absl::Status& why) {
  LogWarning("submission_withdrawn", {{"job", job.id}, {"status", why}});
  if (absl::IsAlreadyExists(why)) return MustWrite(journal_->Remove(job.key));
  pb::JobFinished last;
  *last.mutable_status() = MakeJobStatus(job, nullptr);
  last.mutable_status()->set_state(pb::JOB_STATE_FAILED);
  last.mutable_status()->set_reason(fmt::format("make the directory of the job: {}", Message(why)));
  last.mutable_status()->set_finished_ms(ToMillis(Now()));
  finisher_.Discard(job.key, std::move(last));
}

absl::Status Coordinator::Kill(std::string_view job_id, std::string_view reason) {
  if (IsPipelineId(job_id)) return pipelines_.Kill(job_id, reason);
  return KillJob(job_id, {std::string(reason)});
}

absl::Status Coordinator::StopJob(std::string_view job_id, std::string_view reason) {
  return KillJob(job_id, {std::string(reason), /*after_one_try=*/true});
}

absl::Status Coordinator::KillJob(std::string_view job_id, const WishToKill& wish) {
  JobTracker::Effects effects;
  MutexLock lock(&mutex_);
  RETURN_IF_ERROR(tracker_.Kill(job_id, wish, Now()));
  Deliver(&effects);
  return absl::OkStatus();
}

absl::StatusOr<FinishPlan> Coordinator::PlanFinish(JobKey key) {
  FinishPlan plan;
  pb::JobSpec spec;
  std::shared_ptr<const ChosenResults> maps;
  std::shared_ptr<const ChosenResults> reduces;
  {
    MutexLock lock(&mutex_);
    const Job* job = tracker_.state().jobs.Find(key);
    if (job == nullptr || job->ended()) return NotFoundError("{}: has ended", key);
    plan.status = MakeJobStatus(*job, tracker_.state().Tasks(*job));
    plan.client_id = job->client_id;
    plan.request_id = job->request_id;
    if (job->doomed != pb::JOB_STATE_UNSPECIFIED) {
      plan.status.set_state(job->doomed);
      return plan;
    }
    spec = job->spec;
    maps = job->maps;
    reduces = job->reduces;
  }
  // No task changes them any more: all have ended.
  plan.status.set_state(pb::JOB_STATE_SUCCEEDED);
  plan.publish.user = spec.user();
  plan.publish.overwrite = spec.output().overwrite();
  plan.publish.job_dir = JobDir(plan.status.job_id());
  plan.publish.manifest.job_id = plan.status.job_id();
  plan.publish.manifest.job_name = plan.status.name();
  plan.publish.manifest.counters.assign(plan.status.counters().begin(),
                                        plan.status.counters().end());
  OutputParts parts(spec);
  for (uint32_t i = 0; i < maps->size(); ++i) parts.Add(pb::TASK_KIND_MAP, i, maps->Get(i));
  for (uint32_t i = 0; i < reduces->size(); ++i) {
    parts.Add(pb::TASK_KIND_REDUCE, i, reduces->Get(i));
  }
  plan.publish.outputs = parts.Take();
  return plan;
}

std::optional<WishToKill> Coordinator::KillWish(JobKey key) const {
  MutexLock lock(&mutex_);
  const Job* job = tracker_.state().jobs.Find(key);
  return job == nullptr ? std::nullopt : job->kill_wish;
}

void Coordinator::Settle(JobKey key) {
  MutexLock lock(&mutex_);
  tracker_.Settle(key);
}

pb::TaskHistory Coordinator::DescribeTasks(JobKey key) {
  TaskHistoryMaker maker;
  {
    MutexLock lock(&mutex_);
    const Job* job = tracker_.state().jobs.Find(key);
    const JobTasks* tasks = job == nullptr ? nullptr : tracker_.state().Tasks(*job);
    if (tasks == nullptr) return {};
    maker.Begin(*job, *tasks);
  }
  maker.Rank(Now());
  for (bool more = true; more;) {
    MutexLock lock(&mutex_);
    const Job* job = tracker_.state().jobs.Find(key);
    more = job != nullptr && maker.Add(*job, tracker_.state().registry);
  }
  return maker.Take(Now());
}

void Coordinator::JobEnded(JobKey key, const pb::JobStatus& status) {
  {
    JobTracker::Effects effects;
    MutexLock lock(&mutex_);
    tracker_.Ended(key, status, Now());
    Deliver(&effects);
  }
  pipelines_.JobEnded(status);
}

std::string Coordinator::FindRequest(uint64_t client_id, uint64_t request_id) const {
  MutexLock lock(&mutex_);
  const Job* job = tracker_.state().jobs.FindRequest(client_id, request_id);
  return job == nullptr ? "" : job->id;
}

bool Coordinator::HasNewerOutput(JobKey than, int64_t ended_ms,
                                 const std::set<std::string>& paths) const {
  MutexLock lock(&mutex_);
  return tracker_.state().jobs.HasNewerOutput(than, ended_ms, paths);
}

JobKey Coordinator::ReserveKey() {
  MutexLock lock(&mutex_);
  return tracker_.ReserveKey();
}

void Coordinator::PipelineChanged(std::string_view pipeline_id) {
  MutexLock lock(&mutex_);
  for (const auto& [id, watcher] : watchers_) {
    if (watcher.pipeline_id == pipeline_id) watcher.wake();
  }
}

void Coordinator::FillStages(pb::JobStatus* pipeline) const {
  MutexLock lock(&mutex_);
  WaitDescriber waits(&tracker_.state(), Now());
  for (pb::JobStatus::Stage& stage : *pipeline->mutable_stages()) {
    if (stage.state() != pb::JobStatus::Stage::STATE_RUNNING) continue;
    const Job* job = tracker_.state().jobs.Find(stage.job_id());
    if (job == nullptr) continue;
    const pb::JobStatus status = MakeJobSummary(*job, tracker_.state().Tasks(*job));
    *stage.mutable_map() = status.map();
    *stage.mutable_reduce() = status.reduce();
    const std::string wait = waits.Describe(*job);
    if (!wait.empty()) pipeline->set_waits(fmt::format("{}: {}", stage.name(), wait));
  }
}

absl::StatusOr<pb::JobStatus> Coordinator::GetJob(std::string_view job_id) const {
  if (IsPipelineId(job_id)) {
    ASSIGN_OR_RETURN(pb::JobStatus pipeline, pipelines_.Get(job_id));
    FillStages(&pipeline);
    return pipeline;
  }
  MutexLock lock(&mutex_);
  const Job* job = tracker_.state().jobs.Find(job_id);
  if (job == nullptr) return NoSuchJob(job_id);
  pb::JobStatus status = MakeJobStatus(*job, tracker_.state().Tasks(*job));
  status.set_waits(DescribeWait(tracker_.state(), *job, Now()));
  return status;
}

absl::StatusOr<pb::JobStatus> Coordinator::GetJobSummary(std::string_view job_id) const {
  if (IsPipelineId(job_id)) return GetJob(job_id);
  MutexLock lock(&mutex_);
  const Job* job = tracker_.state().jobs.Find(job_id);
  if (job == nullptr) return NoSuchJob(job_id);
  pb::JobStatus status = MakeJobSummary(*job, tracker_.state().Tasks(*job));
  status.set_waits(DescribeWait(tracker_.state(), *job, Now()));
  return status;
}

Coordinator::Totals Coordinator::GetTotals() const {
  Totals totals;
  MutexLock lock(&mutex_);
  for (const auto& [key, job] : tracker_.state().jobs.all())
    totals.running_jobs += job->ended() ? 0 : 1;
  for (const auto& [key, worker] : tracker_.state().registry.workers()) {
    if (worker.state != WorkerRegistry::State::kConnected) continue;
    ++totals.alive_workers;
    totals.slots += worker.info.slots;
    totals.running_attempts += tracker_.state().scheduler.running_on(key);
  }
  return totals;
}

StringSet Coordinator::PluginsInUse() {
  StringSet paths;
  pipelines_.AddPluginsInUse(&paths);
  MutexLock lock(&mutex_);
  for (const auto& [key, job] : tracker_.state().jobs.all()) {
    if (job->ended()) continue;
    paths.insert(job->spec.plugin().path());
    for (const pb::JobSpec::SideFile& side : job->spec.files()) paths.insert(side.file().path());
  }
  return paths;
}

uint64_t Coordinator::Watch(std::string_view job_id, std::function<void()> wake) {
  MutexLock lock(&mutex_);
  const Job* job = tracker_.state().jobs.Find(job_id);
  watchers_[++last_watch_] = {job == nullptr ? JobKey() : job->key,
                              IsPipelineId(job_id) ? std::string(job_id) : "", std::move(wake)};
  return last_watch_;
}

void Coordinator::Unwatch(uint64_t watch) {
  MutexLock lock(&mutex_);
  watchers_.erase(watch);
}

void Coordinator::Deliver(JobTracker::Effects* effects) {
  *effects = tracker_.TakeEffects();
  DeliverToWorkers(effects);
  for (const JobKey key : effects->to_finish) {
    const auto preparing = preparing_.find(key);
    if (preparing == preparing_.end()) finisher_.Finish(key);
    if (preparing != preparing_.end()) preparing->second = true;
  }
  for (auto& [key, last] : effects->to_clean) finisher_.Clean(key, std::move(last));
  for (const JobKey key : effects->to_forget) finisher_.Forget(key);
  if (!effects->changed.empty()) WakeWatchers(effects->changed);
  // The timer sleeps until a time that may have come nearer.
  if (tracker_.NextWake() < timer_wakes_) changed_.SignalAll();
}

void Coordinator::WakeWatchers(const std::set<JobKey>& changed) {
  StringSet pipelines;
  for (const JobKey key : changed) {
    const Job* job = tracker_.state().jobs.Find(key);
    if (job != nullptr && !job->spec.pipeline_id().empty()) {
      pipelines.insert(job->spec.pipeline_id());
    }
  }
  for (const auto& [id, watcher] : watchers_) {
    if (changed.contains(watcher.job) || pipelines.contains(watcher.pipeline_id)) watcher.wake();
  }
}

void Coordinator::RunTimer() {
  MutexLock lock(&mutex_);
  while (!stopping_) {
    timer_wakes_ = tracker_.NextWake();
    const absl::Duration wait = timer_wakes_ - Now();
    if (wait > absl::ZeroDuration()) {
      // Bounded, because a duration of for ever is more than the clock can add up.
      changed_.WaitFor(&mutex_, std::min(wait, absl::Hours(1)));
      continue;
    }
    JobTracker::Effects effects;
    tracker_.Tick(Now());
    Deliver(&effects);
  }
}

}  // namespace quern::mr
