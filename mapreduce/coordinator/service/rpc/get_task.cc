#include <memory>
#include <optional>
#include <utility>

#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/rpc/handlers.h"
#include "mapreduce/coordinator/service/task_history.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

absl::Status NotRemembered(const Job& job) {
  return NotFoundError(
      "{}: what its tasks have read is no longer remembered: of the last {} jobs that have ended "
      "it is, where they had no more than about 10,000 maps. Try: run it again",
      job.id, JobJournal::kJobsWithTasks);
}

absl::Status Check(const Job& job, const pb::GetTaskRequest& request) {
  const std::string name = FormatTask(request.kind(), request.task());
  const bool is_map = request.kind() == pb::TASK_KIND_MAP;
  if (!is_map && request.kind() != pb::TASK_KIND_REDUCE) {
    return InvalidArgumentError("{}: only maps and reduces can be debugged", name);
  }
  const uint32_t maps = job.ended() ? job.final_status->map().total() : job.map_tasks();
  const uint32_t reduces = job.ended() ? job.final_status->reduce().total() : job.reduce_tasks();
  if (request.task() >= (is_map ? maps : reduces)) {
    return NotFoundError("{}: no such task in {}. Try: mr tasks {}", name, job.id, job.id);
  }
  if (job.spec.inputs().empty() || job.map_tasks() != maps) return NotRemembered(job);
  if (job.state == pb::JOB_STATE_PLANNING) {
    return FailedPreconditionError("{}: how its keys are cut is not known yet. Try: again", job.id);
  }
  return absl::OkStatus();
}

pb::TaskSpec SpecOf(const Job& job, const pb::GetTaskRequest& request) {
  pb::TaskSpec task;
  task.mutable_id()->set_job_id(job.id);
  task.mutable_id()->set_kind(request.kind());
  task.mutable_id()->set_task(request.task());
  *task.mutable_job() = job.spec;
  task.set_map_tasks(job.map_tasks());
  for (const std::string& bound : job.bounds) task.add_range_bounds(bound);
  if (request.kind() == pb::TASK_KIND_MAP)
    *task.mutable_split() = job.map_splits.Get(request.task());
  return task;
}

// The output of a map, when it is chosen and its worker is there.
bool HasOutput(const TrackerState& state, const Job& job, uint32_t map_task) {
  const JobTasks* tasks = job.ended() ? nullptr : state.Tasks(job);
  const Attempt* chosen = tasks == nullptr ? nullptr : tasks->Chosen(TaskKind::kMap, map_task);
  return chosen != nullptr && job.maps->Has(map_task) &&
         state.registry.Get(chosen->worker).state == WorkerRegistry::State::kConnected;
}

void AddMaps(const TrackerState& state, const Job& job, uint32_t first,
             pb::GetTaskResponse* response) {
  size_t bytes = response->ByteSizeLong();
  for (uint32_t i = first; i < job.map_tasks(); ++i) {
    pb::GetTaskResponse::Map map;
    *map.mutable_split() = job.map_splits.Get(i);
    if (HasOutput(state, job, i)) *map.mutable_output() = job.maps->Get(i).map_output();
    bytes += map.ByteSizeLong();
    if (bytes > kMaxListBytes && response->maps_size() > 0) return response->set_more(true);
    *response->add_maps() = std::move(map);
  }
}

// Its splits, and how keys are cut, are in memory.
bool HasInputs(const Job& job) {
  return !job.ended() || job.final_status->map().total() == job.map_tasks();
}

absl::StatusOr<pb::GetTaskResponse> Describe(const TrackerState& state, const Job& job,
                                             const pb::GetTaskRequest& request) {
  RETURN_IF_ERROR(Check(job, request));
  pb::GetTaskResponse response;
  *response.mutable_task() = SpecOf(job, request);
  if (request.kind() == pb::TASK_KIND_REDUCE) {
    AddMaps(state, job, request.first_map(), &response);
  }
  return response;
}

}  // namespace

absl::StatusOr<pb::GetTaskResponse> GetTask(Coordinator* coordinator,
                                            const pb::GetTaskRequest& request) {
  RETURN_IF_ERROR(coordinator->pipelines().CheckIsNoPipeline(request.job_id()));
  std::optional<std::pair<JobKey, pb::JobStatus>> left_memory;
  absl::StatusOr<pb::GetTaskResponse> response =
      coordinator->Read([&](const TrackerState& state) -> absl::StatusOr<pb::GetTaskResponse> {
        const Job* job = state.jobs.Find(request.job_id());
        if (job == nullptr) return NoSuchJob(request.job_id());
        if (HasInputs(*job)) return Describe(state, *job, request);
        left_memory.emplace(job->key, *job->final_status);
        return NotRemembered(*job);
      });
  if (!left_memory) return response;
  const auto history = coordinator->journal().ReadTasks(left_memory->first);
  if (history.status().code() == absl::StatusCode::kNotFound) return response;
  RETURN_IF_ERROR(history.status());
  const std::unique_ptr<Job> job = RememberedJob(left_memory->second, *history);
  return coordinator->Read(
      [&](const TrackerState& state) { return Describe(state, *job, request); });
}

}  // namespace quern::mr
