// The part of JobTracker about attempts: what is reported of them, and what follows.
#include <algorithm>

#include "common/clean_text.h"
#include "common/log.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/job_tracker.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/report_limits.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {

Job* JobTracker::Resolve(const pb::AttemptId& id, AttemptRef* attempt) {
  *attempt = {JobKey(), FromProto(id.kind()), id.task(), id.attempt()};
  Job* job = state_.jobs.Find(id.job_id());
  if (job == nullptr || state_.scheduler.job(job->key) == nullptr) return nullptr;
  attempt->job = job->key;
  return job;
}

bool JobTracker::Runs(const AttemptRef& ref, WorkerKey worker) const {
  const Attempt* attempt = state_.scheduler.job(ref.job)->Find(ref.kind, ref.task, ref.number);
  return attempt != nullptr && attempt->worker == worker &&
         attempt->state == AttemptState::kRunning;
}

// An attempt that a coordinator before this one has started, and whose record a power cut took.
void JobTracker::Adopt(WorkerKey worker, const Job& job, const AttemptRef& ref, absl::Time now) {
  const uint64_t terms = orders_.term() - std::min(orders_.term(), job.first_term);
  const JobTasks* tasks = state_.scheduler.job(ref.job);
  if (ref.number >= terms * JobTasks::kNumbersPerTerm) return;
  if (ref.task >= tasks->counts(ref.kind).total || tasks->Chosen(ref.kind, ref.task) != nullptr) {
    return;
  }
  if (!state_.scheduler.RestoreStarted(ref, worker, Locality::kAny, now)) return;
  records_.Started(job, {ref, worker, Locality::kAny}, state_.registry.Get(worker).info.id, now);
}

void JobTracker::Update(WorkerKey worker, const pb::WorkerMessage::AttemptUpdate& update,
                        absl::Time now) {
  if (update.state() == pb::ATTEMPT_STATE_STARTING || update.state() == pb::ATTEMPT_STATE_RUNNING) {
    OnProgress(worker, update, now);
    return;
  }
  AttemptRef ref;
  Job* job = Resolve(update.id(), &ref);
  const Attempt* attempt =
      job == nullptr ? nullptr
                     : state_.scheduler.job(ref.job)->Find(ref.kind, ref.task, ref.number);
  if (attempt != nullptr && attempt->worker == worker) OnFinal(job, ref, update, now);
  effects_.acknowledged.emplace_back(worker, update.id());
  Dispatch(now);
}

void JobTracker::OnProgress(WorkerKey worker, const pb::WorkerMessage::AttemptUpdate& update,
                            absl::Time now) {
  AttemptRef ref;
  Job* job = Resolve(update.id(), &ref);
  if (job == nullptr || !Runs(ref, worker)) return;  // heartbeats settle what should not run
  state_.scheduler.Progress(ref, update.progress().fraction(), now);
  pb::AttemptProgress& progress = job->progress[ref];
  progress = update.progress();
  LimitTexts(&progress);
  Changed(*job);
}

void JobTracker::OnFinal(Job* job, const AttemptRef& ref,
                         const pb::WorkerMessage::AttemptUpdate& update, absl::Time now) {
  switch (update.state()) {
    case pb::ATTEMPT_STATE_SUCCEEDED:
      OnSuccess(job, ref, update.result(), now);
      break;
    case pb::ATTEMPT_STATE_FAILED:
      OnFailure(job, ref, update.failure(), now);
      break;
    case pb::ATTEMPT_STATE_KILLED: {
      const Attempt* known = state_.scheduler.job(ref.job)->Find(ref.kind, ref.task, ref.number);
      if (known->state != AttemptState::kRunning) break;
      state_.scheduler.Killed(ref, Stop::kKilled, now);
      OnStopped(ref, Stop::kKilled, /*fatal=*/false, "killed by its worker", now);
      break;
    }
    default:
      break;
  }
}

void JobTracker::OnSuccess(Job* job, const AttemptRef& ref, const pb::AttemptResult& result,
                           absl::Time now) {
  if (const absl::Status status = CheckResult(result); !status.ok()) {
    pb::AttemptFailure failure;
    failure.set_message(std::string(Message(status)));
    return OnFailure(job, ref, std::move(failure), now);
  }
  const TaskScheduler::Success success = state_.scheduler.Succeeded(ref, now);
  if (!success.chosen) return;
  records_.Chosen(*job, ref, result, now);
  job->StoreResult(ref, result);
  for (const Placed& other : success.obsolete) {
    OnStopped(other.attempt, Stop::kKilled, /*fatal=*/false, "another attempt was faster", now);
    orders_.Kill(other.worker, job->id, other.attempt, "another attempt was faster");
  }
  if (ref.kind == TaskKind::kMap && job->reduce_tasks() > 0) AddOutput(job, ref.task);
  for (const auto& results : {job->maps, job->reduces}) {
    const absl::Status fits = results->CheckCounters();
    if (!fits.ok()) Doom(job, pb::JOB_STATE_FAILED, Message(fits), now);
  }
  ReleaseMapsIfSampled(job, now);
  Changed(*job);
  FinishIfDone(job, now);
}

void JobTracker::AddOutput(Job* job, uint32_t map_task) {
  const Attempt* chosen = state_.scheduler.job(job->key)->Chosen(TaskKind::kMap, map_task);
  const WorkerInfo& worker = state_.registry.Get(chosen->worker).info;
  OutputHolder holder{chosen->worker, worker.address, worker.node, ""};
  const std::string path = job->maps->Get(map_task).map_output().data_path();
  const AttemptRef ref{job->key, TaskKind::kMap, map_task, chosen->number};
  const std::string end =
      fmt::format("/{}/{}", FormatAttempt(ToProto(job->id, ref)), kMapOutputName);
  if (path.ends_with(end)) holder.directory = path.substr(0, path.size() - end.size());
  job->outputs.Add(map_task, chosen->number, holder);
}

void JobTracker::OnFailure(Job* job, const AttemptRef& ref, pb::AttemptFailure failure,
                           absl::Time now) {
  if (job->state == pb::JOB_STATE_COMMITTING) return;  // all of it is done without this one
  const Attempt* known = state_.scheduler.job(job->key)->Find(ref.kind, ref.task, ref.number);
  if (known->state != AttemptState::kRunning) return;
  LimitTexts(&failure);
  records_.Failed(*job, ref, failure, now);
  job->NoteFailure(ref, failure);
  const pb::AttemptId id = ToProto(job->id, ref);
  LogWarning("attempt_failed", {{"job", job->id},
                                {"attempt", FormatAttempt(id)},
                                {"worker", state_.registry.Get(known->worker).info.node},
                                {"environment", failure.environment()},
                                {"cause", DescribeFailure(failure)}});
  if (state_.scheduler.Failed(ref, job->JudgeFailure(ref, failure), now)) {
    job->failure = failure;
    Doom(job, pb::JOB_STATE_FAILED, DescribeLastFailure(id, job->spec.limits().attempts(), failure),
         now);
  }
  Changed(*job);
}

void JobTracker::OnStopped(const AttemptRef& ref, Stop how, bool fatal, std::string_view why,
                           absl::Time now) {
  Job* job = state_.jobs.Find(ref.job);
  if (job->state == pb::JOB_STATE_COMMITTING) return;
  records_.Stopped(*job, ref, how, why, now);
  if (fatal) Doom(job, pb::JOB_STATE_FAILED, DescribeWorkerLosses(ToProto(job->id, ref)), now);
  Changed(*job);
}

void JobTracker::WantOutputs(WorkerKey worker, const pb::WorkerMessage::WantOutputs& want,
                             absl::Time now) {
  Job* job = state_.jobs.Find(want.job_id());
  if (job == nullptr || state_.scheduler.job(job->key) == nullptr) return;
  job->readers.Want(worker, want.term() == orders_.term() ? want.version() : 0,
                    job->outputs.version());
  told_jobs_.insert(job->key);
  Dispatch(now);
}

void JobTracker::FetchFailed(WorkerKey worker, const pb::WorkerMessage::FetchFailure& failure,
                             absl::Time now) {
  AttemptRef reduce;
  Job* job = Resolve(failure.reducer(), &reduce);
  if (job == nullptr || !Runs(reduce, worker)) return;
  const JobTasks* tasks = state_.scheduler.job(job->key);
  if (failure.map_task() >= tasks->counts(TaskKind::kMap).total) return;
  const Attempt* map = tasks->Chosen(TaskKind::kMap, failure.map_task());
  // About an output that has been replaced, or is being made again: its successor is on its way.
  if (map == nullptr || map->number != failure.map_attempt()) return;
  const WorkerRegistry::Worker& holder = state_.registry.Get(map->worker);
  const std::string reason = CleanLine(failure.reason(), kMaxFailureBytes);
  LogWarning("fetch_failed", {{"job", job->id},
                              {"map", failure.map_task()},
                              {"reduce", failure.reducer().task()},
                              {"holder", holder.info.node},
                              {"cause", reason}});
  // One that is away is lost or comes back, within seconds; either settles it.
  if (holder.state != WorkerRegistry::State::kConnected) return;
  std::set<WorkerKey> reducing;
  for (const Attempt& attempt : tasks->attempts(TaskKind::kReduce)) {
    if (attempt.state == AttemptState::kRunning) reducing.insert(attempt.worker);
  }
  const AttemptRef lost{job->key, TaskKind::kMap, map->task, map->number};
  const WorkerKey held_by = map->worker;
  switch (job->fetch_failures.Add({map->task, map->number, held_by, reduce.task, worker,
                                   static_cast<uint32_t>(reducing.size())})) {
    case FetchFailures::Verdict::kWait:
      return;
    case FetchFailures::Verdict::kOutputLost:
      LoseOutput(job, lost, reason, now);
      break;
    case FetchFailures::Verdict::kHolderCutOff:
      LogWarning("worker_unreachable", {{"worker", holder.info.id}, {"node", holder.info.node}});
      for (const AttemptRef& ref : state_.scheduler.OutputsOn(held_by, job->key)) {
        LoseOutput(job, ref, reason, now);
      }
      state_.scheduler.Unreachable(held_by, now);
      break;
    case FetchFailures::Verdict::kReducerCutOff:
      MoveReduces(job, worker, now);
      break;
  }
  Dispatch(now);
}

void JobTracker::LoseOutput(Job* job, const AttemptRef& map, const std::string& why,
                            absl::Time now) {
  const Attempt* chosen = state_.scheduler.job(job->key)->Chosen(TaskKind::kMap, map.task);
  const std::string node = state_.registry.Get(chosen->worker).info.node;
  const std::string reason = fmt::format("{}: its output on {} cannot be fetched: {}",
                                         FormatTask(pb::TASK_KIND_MAP, map.task), node, why);
  records_.OutputLost(*job, map.task, Loss::kUnreachable, reason, now);
  Changed(*job);
  if (!state_.scheduler.OutputLost(job->key, map.task, Loss::kUnreachable)) return;
  Doom(job, pb::JOB_STATE_FAILED,
       fmt::format("{} (it ran {} times in vain). Try: mr workers, and look at the network between "
                   "them",
                   reason, JobTasks::kMaxUnreachable),
       now);
}

// The reduces of a worker that reaches nobody run elsewhere.
void JobTracker::MoveReduces(Job* job, WorkerKey worker, absl::Time now) {
  for (const AttemptRef& ref : state_.scheduler.running()->On(worker)) {
    if (ref.job != job->key || ref.kind != TaskKind::kReduce) continue;
    pb::AttemptFailure failure;
    failure.set_message(
        "its worker cannot reach several others, which can be reached from elsewhere");
    failure.set_environment(true);
    failure.set_worker(true);
    orders_.Kill(worker, job->id, ref, failure.message());
    OnFailure(job, ref, std::move(failure), now);
  }
}

}  // namespace quern::mr
