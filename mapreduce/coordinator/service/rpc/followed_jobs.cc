#include "mapreduce/coordinator/service/rpc/followed_jobs.h"

#include <utility>
#include <vector>

#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

// Of a job that has ended before anybody followed it: so many of its newest attempts.
constexpr size_t kMaxEnded = 100;
constexpr std::array kKinds = {TaskKind::kSample, TaskKind::kMap, TaskKind::kReduce};

}  // namespace

FollowedJobs::FollowedJobs(const pb::GetLogRequest& request)
    : request_(request),
      scope_(IsPipelineId(request.id().job_id())                ? Scope::kPipeline
             : request.id().kind() == pb::TASK_KIND_UNSPECIFIED ? Scope::kJob
             : request.newest_attempt()                         ? Scope::kTask
                                                                : Scope::kAttempt) {}

absl::Status FollowedJobs::Look(const TrackerState& state, bool pipeline_ended, LogFollow* follow) {
  const bool first = !std::exchange(begun_, true);
  // What has ended before is of interest where nothing else comes.
  const bool show_ended = !first || (pipeline_ended && !request_.resumed());
  if (of_pipeline()) FindPipelineJobs(state, show_ended, follow);
  if (!of_pipeline() && first) RETURN_IF_ERROR(FindJob(state, follow));
  over_ = of_pipeline() && pipeline_ended;
  for (auto& [key, followed] : jobs_) {
    const Job* job = state.jobs.Find(key);
    const JobTasks* tasks = job == nullptr ? nullptr : state.Tasks(*job);
    if (tasks != nullptr) AddStarted(*job, *tasks, &followed, follow);
    if (!of_pipeline()) over_ = job == nullptr || IsOver(*job, tasks);
  }
  if (first && of_pipeline() && pipeline_ended && jobs_.empty()) {
    return FailedPreconditionError("{}: has ended, and the tasks of its jobs are no longer known",
                                   request_.id().job_id());
  }
  return absl::OkStatus();
}

absl::Status FollowedJobs::FindJob(const TrackerState& state, LogFollow* follow) {
  const Job* job = state.jobs.Find(request_.id().job_id());
  if (job == nullptr) return NoSuchJob(request_.id().job_id());
  const JobTasks* tasks = state.Tasks(*job);
  if (tasks == nullptr) {
    return FailedPreconditionError("{}: has ended, there is nothing to follow. Try: mr logs {}",
                                   job->id, job->id);
  }
  Begin(*job, *tasks, follow);
  if (scope_ != Scope::kJob) return AddTask(*job, *tasks, follow);
  AddAll(*job, *tasks, job->ended() && !request_.resumed(), follow);
  return absl::OkStatus();
}

void FollowedJobs::FindPipelineJobs(const TrackerState& state, bool show_ended, LogFollow* follow) {
  // A job may come after one with a greater key: keys are given out before jobs are durable.
  for (const auto& [key, job] : state.jobs.all()) {
    if (job->spec.pipeline_id() != request_.id().job_id() || jobs_.contains(key)) continue;
    const JobTasks* tasks = state.Tasks(*job);
    if (tasks == nullptr) continue;
    Begin(*job, *tasks, follow);
    AddAll(*job, *tasks, show_ended, follow);
  }
}

void FollowedJobs::Begin(const Job& job, const JobTasks& tasks, LogFollow* follow) {
  Followed& followed = jobs_[job.key];
  followed.id = job.id;
  for (const TaskKind kind : kKinds) {
    followed.seen[static_cast<size_t>(kind)] = tasks.attempts(kind).size();
  }
  for (const pb::GetLogRequest::Had& had : request_.had()) {
    if (had.id().job_id() != job.id) continue;
    const AttemptRef ref{job.key, FromProto(had.id().kind()), had.id().task(), had.id().attempt()};
    if (tasks.Find(ref.kind, ref.task, ref.number) != nullptr) follow->Add(ref, had.bytes());
  }
}

void FollowedJobs::AddAll(const Job& job, const JobTasks& tasks, bool show_ended,
                          LogFollow* follow) {
  for (const TaskKind kind : kKinds) {
    const std::vector<Attempt>& attempts = tasks.attempts(kind);
    for (size_t i = 0; i < attempts.size(); ++i) {
      const bool ended = show_ended && attempts.size() - i <= kMaxEnded;
      if (ended || attempts[i].state == AttemptState::kRunning) {
        follow->Add({job.key, kind, attempts[i].task, attempts[i].number});
      }
    }
  }
}

absl::Status FollowedJobs::AddTask(const Job& job, const JobTasks& tasks, LogFollow* follow) {
  const pb::AttemptId& id = request_.id();
  const TaskKind kind = FromProto(id.kind());
  const std::string name = FormatTask(id.kind(), id.task());
  if (id.task() >= tasks.counts(kind).total) {
    return NotFoundError("{}: no such task in {}. Try: mr tasks {}", name, job.id, job.id);
  }
  if (request_.resumed() && scope_ == Scope::kAttempt) return absl::OkStatus();
  if (scope_ == Scope::kAttempt) {
    if (tasks.Find(kind, id.task(), id.attempt()) == nullptr) {
      return NotFoundError("{}: has no such attempt yet. Try: mr tasks {}", name, job.id);
    }
    follow->Add({job.key, kind, id.task(), id.attempt()});
    return absl::OkStatus();
  }
  for (const uint32_t number : tasks.RunningNumbers(kind, id.task())) {
    follow->Add({job.key, kind, id.task(), number});
  }
  const Attempt* newest = tasks.Newest(kind, id.task());
  if (newest != nullptr && !request_.resumed()) {
    follow->Add({job.key, kind, id.task(), newest->number});
  }
  return absl::OkStatus();
}

void FollowedJobs::AddStarted(const Job& job, const JobTasks& tasks, Followed* followed,
                              LogFollow* follow) {
  if (scope_ == Scope::kAttempt) return;
  for (const TaskKind kind : kKinds) {
    if (scope_ == Scope::kTask && kind != FromProto(request_.id().kind())) continue;
    const std::vector<Attempt>& attempts = tasks.attempts(kind);
    for (size_t& i = followed->seen[static_cast<size_t>(kind)]; i < attempts.size(); ++i) {
      if (scope_ == Scope::kTask && attempts[i].task != request_.id().task()) continue;
      follow->Add({job.key, kind, attempts[i].task, attempts[i].number});
    }
  }
}

bool FollowedJobs::IsOver(const Job& job, const JobTasks* tasks) const {
  if (job.ended() || tasks == nullptr || scope_ == Scope::kAttempt) return true;
  if (scope_ == Scope::kJob) return false;
  return tasks->Chosen(FromProto(request_.id().kind()), request_.id().task()) != nullptr;
}

}  // namespace quern::mr
