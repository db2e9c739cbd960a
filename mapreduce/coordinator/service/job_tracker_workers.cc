// The part of JobTracker about workers and what they report.
#include <set>

#include "common/log.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/job_tracker.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/plan/range_bounds.h"

namespace quern::mr {

WorkerKey JobTracker::Register(const v1::WorkerMessage::Register& message, absl::Time now) {
  WorkerInfo info{message.worker_id(), message.address(), message.http_address(),
                  message.node(),      message.rack(),    message.slots()};
  const WorkerKey worker = registry_.Register(std::move(info), now);
  scheduler_.SetWorker(worker, {PlaceOf("node:", message.node()), PlaceOf("rack:", message.rack()),
                                message.slots()});
  std::set<AttemptRef> present;
  std::set<std::string> forget;
  const auto note = [&](const v1::AttemptId& id) {
    AttemptRef ref;
    if (Resolve(id, &ref) != nullptr) {
      present.insert(ref);
    } else {
      forget.insert(id.job_id());
    }
  };
  for (const auto& held : message.held()) {
    note(held.id());
    v1::WorkerMessage::AttemptUpdate update;
    *update.mutable_id() = held.id();
    update.set_state(v1::ATTEMPT_STATE_SUCCEEDED);
    *update.mutable_result() = held.result();
    Update(worker, update, now);
  }
  for (const auto& ended : message.ended()) {
    note(ended.id());
    Update(worker, ended, now);
  }
  for (const v1::AttemptId& id : message.running()) {
    note(id);
    v1::WorkerMessage::AttemptUpdate update;
    *update.mutable_id() = id;
    update.set_state(v1::ATTEMPT_STATE_RUNNING);
    Update(worker, update, now);
  }
  for (const std::string& job_id : forget) OrderForget(worker, job_id);
  JournalLoss(scheduler_.Reconcile(worker, present, now), "its worker restarted", now);
  // Its address may be a new one: reduces that are fetching have to hear of it.
  for (const AttemptRef& ref : present) {
    Job* job = jobs_[ref.job].get();
    if (ref.kind != TaskKind::kMap || job->ended() || scheduler_.job(ref.job) == nullptr) continue;
    const Attempt* chosen = scheduler_.job(ref.job)->Chosen(TaskKind::kMap, ref.task);
    if (chosen != nullptr && chosen->number == ref.number) job->untold_outputs.push_back(ref.task);
  }
  Dispatch(now);
  return worker;
}

void JobTracker::SessionEnded(WorkerKey worker, absl::Time now) {
  registry_.Disconnected(worker, now);
  scheduler_.PauseWorker(worker);
  Dispatch(now);
}

Job* JobTracker::Resolve(const v1::AttemptId& id, AttemptRef* attempt) {
  Job* job = FindMutable(id.job_id());
  if (job == nullptr || scheduler_.job(job->key) == nullptr) return nullptr;
  *attempt = {job->key, FromProto(id.kind()), id.task(), id.attempt()};
  return job;
}

void JobTracker::Update(WorkerKey worker, const v1::WorkerMessage::AttemptUpdate& update,
                        absl::Time now) {
  AttemptRef ref;
  Job* job = Resolve(update.id(), &ref);
  const bool runs =
      update.state() == v1::ATTEMPT_STATE_STARTING || update.state() == v1::ATTEMPT_STATE_RUNNING;
  const Attempt* attempt =
      job == nullptr ? nullptr : scheduler_.job(ref.job)->Find(ref.kind, ref.task, ref.number);
  if (attempt == nullptr || attempt->worker != worker) {
    if (runs) OrderKill(worker, update.id().job_id(), ref, "nobody asked for it");
    return;
  }
  switch (update.state()) {
    case v1::ATTEMPT_STATE_STARTING:
    case v1::ATTEMPT_STATE_RUNNING:
      if (attempt->state == AttemptState::kRunning) {
        OnProgress(job, ref, update.progress());
      } else {
        OrderKill(worker, job->id, ref, "it was given up");
      }
      break;
    case v1::ATTEMPT_STATE_SUCCEEDED:
      OnSuccess(job, ref, update.result(), now);
      break;
    case v1::ATTEMPT_STATE_FAILED:
      OnFailure(job, ref, update.failure(), now);
      break;
    default:
      if (attempt->state == AttemptState::kRunning) {
        JournalLoss({{ref}, {}}, "killed by its worker", now);
        scheduler_.Killed(ref, now);
      }
  }
  Dispatch(now);
}

void JobTracker::OnProgress(Job* job, const AttemptRef& attempt,
                            const v1::AttemptProgress& progress) {
  if (job->progress.size() < Job::kMaxDetails || job->progress.contains(attempt)) {
    job->progress[attempt] = progress;
  }
  Changed(job);
}

void JobTracker::OnSuccess(Job* job, const AttemptRef& attempt, const v1::AttemptResult& result,
                           absl::Time now) {
  const TaskScheduler::Success success = scheduler_.Succeeded(attempt, now);
  if (!success.chosen) return;
  v1::AttemptChosen* chosen = AddRecord(job->key, now)->record.mutable_chosen();
  *chosen->mutable_id() = ToProto(job->id, attempt);
  *chosen->mutable_result() = result;
  StoreResult(job, attempt, result);
  for (const Placed& other : success.obsolete) {
    JournalLoss({{other.attempt}, {}}, "another attempt was faster", now);
    OrderKill(other.worker, job->id, other.attempt, "another attempt was faster");
  }
  const JobTasks* tasks = scheduler_.job(job->key);
  if (attempt.kind == TaskKind::kMap && job->reduce_tasks() > 0) {
    job->untold_outputs.push_back(attempt.task);
  }
  const TaskCounts& samples = tasks->counts(TaskKind::kSample);
  if (attempt.kind == TaskKind::kSample && samples.done == samples.total) {
    job->bounds = ChooseRangeBounds(std::move(job->sample_keys), job->reduce_tasks());
    job->sample_keys = {};
    v1::BoundsChosen* bounds = AddRecord(job->key, now)->record.mutable_bounds();
    for (const std::string& bound : job->bounds) bounds->add_bounds(bound);
    scheduler_.ReleaseMaps(job->key);
    job->state = v1::JOB_STATE_RUNNING;
  }
  Changed(job);
  FinishIfDone(job, now);
}

void JobTracker::StoreResult(Job* job, const AttemptRef& attempt, const v1::AttemptResult& result) {
  switch (attempt.kind) {
    case TaskKind::kSample:
      job->sample_keys.insert(job->sample_keys.end(), result.sample_keys().begin(),
                              result.sample_keys().end());
      break;
    case TaskKind::kMap:
      job->maps.Set(attempt.task, result);
      break;
    case TaskKind::kReduce:
      job->reduces.Set(attempt.task, result);
      break;
  }
}

void JobTracker::OnFailure(Job* job, const AttemptRef& attempt, const v1::AttemptFailure& failure,
                           absl::Time now) {
  const Attempt* known = scheduler_.job(job->key)->Find(attempt.kind, attempt.task, attempt.number);
  if (known->state != AttemptState::kRunning) return;
  v1::AttemptEnded* ended = AddRecord(job->key, now)->record.mutable_ended();
  *ended->mutable_id() = ToProto(job->id, attempt);
  ended->set_state(v1::ATTEMPT_STATE_FAILED);
  *ended->mutable_failure() = failure;
  if (job->failures.size() < Job::kMaxDetails) job->failures[attempt] = failure;
  const v1::AttemptId id = ToProto(job->id, attempt);
  LogWarning("attempt_failed", {{"job", job->id},
                                {"attempt", FormatAttempt(id)},
                                {"worker", registry_.Get(known->worker).info.node},
                                {"environment", failure.environment()},
                                {"cause", DescribeFailure(failure)}});
  if (scheduler_.Failed(attempt, FaultOf(failure), now)) {
    job->failure = failure;
    const uint32_t limit = job->plan.spec.limits().attempts();
    Doom(job, v1::JOB_STATE_FAILED,
         failure.environment() || failure.ends_job() || limit == 1
             ? fmt::format("{} failed: {}", FormatAttempt(id), DescribeFailure(failure))
             : fmt::format("{} failed {} times, the last time: {}",
                           FormatTask(id.kind(), id.task()), limit, DescribeFailure(failure)));
  }
  Changed(job);
}

void JobTracker::FetchFailed(const v1::WorkerMessage::FetchFailure& failure, absl::Time now) {
  AttemptRef reduce;
  Job* job = Resolve(failure.reducer(), &reduce);
  if (job == nullptr) return;
  const JobTasks* tasks = scheduler_.job(job->key);
  if (failure.map_task() >= tasks->counts(TaskKind::kMap).total) return;
  const Attempt* map = tasks->Chosen(TaskKind::kMap, failure.map_task());
  // About an output that has been replaced, or is being made again: its successor is on its way.
  if (map == nullptr || map->number != failure.map_attempt()) return;
  LogWarning("fetch_failed", {{"job", job->id},
                              {"map", failure.map_task()},
                              {"reduce", failure.reducer().task()},
                              {"cause", failure.reason()}});
  if (!job->fetch_failures.Report(failure.map_task(), failure.map_attempt(), reduce.task,
                                  tasks->counts(TaskKind::kReduce).running_attempts)) {
    return;
  }
  const AttemptRef lost{job->key, TaskKind::kMap, map->task, map->number};
  scheduler_.OutputLost(job->key, failure.map_task());
  JournalLoss({{}, {lost}}, failure.reason(), now);
  Dispatch(now);
}

// Writes down what the scheduler has undone already.
void JobTracker::JournalLoss(const WorkerLoss& loss, std::string_view why, absl::Time now) {
  for (const AttemptRef& attempt : loss.interrupted) {
    Job* job = jobs_[attempt.job].get();
    v1::AttemptEnded* ended = AddRecord(attempt.job, now)->record.mutable_ended();
    *ended->mutable_id() = ToProto(job->id, attempt);
    ended->set_state(v1::ATTEMPT_STATE_KILLED);
    ended->mutable_failure()->set_message(std::string(why));
    Changed(job);
  }
  for (const AttemptRef& attempt : loss.lost) {
    Job* job = jobs_[attempt.job].get();
    v1::OutputLost* lost = AddRecord(attempt.job, now)->record.mutable_lost();
    lost->set_map_task(attempt.task);
    lost->set_reason(std::string(why));
    LogInfo("map_output_lost", {{"job", job->id}, {"map", attempt.task}, {"cause", why}});
    Changed(job);
  }
}

}  // namespace quern::mr
