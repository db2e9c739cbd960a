// Logs stay on the worker that ran the attempt; the coordinator passes them on, so that users need
// not reach workers.
#include <optional>
#include <string_view>

#include "common/rpc/bulk_codec.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/rpc/handlers.h"
#include "mapreduce/coordinator/service/task_history.h"
#include "mapreduce/engine/task_id.h"
#include "quern/mr/v1/shuffle.pb.h"

namespace quern::mr {
namespace {

using Kind = rpc::BulkEvent::Kind;

constexpr absl::Duration kTimeout = absl::Minutes(10);

absl::StatusOr<pb::GetLogRequest> ReadRequest(rpc::BulkLoop* loop) {
  const rpc::BulkEvent event = loop->Next(absl::Seconds(10));
  if (event.kind != Kind::kMessage) return CancelledError("no request came");
  pb::GetLogRequest request;
  RETURN_IF_ERROR(rpc::DecodeMessage(event.message, &request));
  return request;
}

struct LogPlace {
  std::string address;
  std::string node;
};

absl::Status IsGone(const pb::AttemptId& id, std::string_view node) {
  // Not Unavailable: the coordinator is there, and asking again at once is of no use.
  return FailedPreconditionError("{}: its worker on {} is gone, and its log with it",
                                 FormatAttempt(id), node);
}

// The same as FindLog of a job whose tasks have left the memory.
absl::StatusOr<LogPlace> FindOldLog(const Coordinator& coordinator, JobKey key, bool newest,
                                    pb::AttemptId* id) {
  const absl::StatusOr<pb::TaskHistory> history = coordinator.journal().ReadTasks(key);
  if (history.status().code() == absl::StatusCode::kNotFound) {
    return NotFoundError("{}: the tasks of this job are no longer remembered", id->job_id());
  }
  RETURN_IF_ERROR(history.status());
  const auto number = newest ? std::nullopt : std::optional(id->attempt());
  const auto* attempt = FindRemembered(*history, id->kind(), id->task(), number);
  if (attempt == nullptr || attempt->worker() >= static_cast<uint32_t>(history->workers_size())) {
    return NotFoundError("{}: is not remembered. Try: mr tasks {}",
                         FormatTask(id->kind(), id->task()), id->job_id());
  }
  id->set_attempt(attempt->status().id().attempt());
  const pb::TaskHistory::Worker& ran = history->workers(static_cast<int>(attempt->worker()));
  return coordinator.Read([&](const TrackerState& state) -> absl::StatusOr<LogPlace> {
    for (const auto& [worker_key, worker] : state.registry.workers()) {
      if (worker.info.id != ran.id()) continue;
      if (worker.state != WorkerRegistry::State::kConnected) continue;
      return LogPlace{worker.info.address, worker.info.node};
    }
    return IsGone(*id, ran.node());
  });
}

// Of an attempt (of the newest one if `newest`, which then is filled in). Sets `left_memory`
// instead where the job's tasks have.
absl::StatusOr<LogPlace> FindLog(const TrackerState& state, bool newest, pb::AttemptId* id,
                                 std::optional<JobKey>* left_memory) {
  const Job* job = state.jobs.Find(id->job_id());
  if (job == nullptr) return NoSuchJob(id->job_id());
  const std::string name = FormatTask(id->kind(), id->task());
  const JobTasks* tasks = state.Tasks(*job);
  if (tasks == nullptr) {
    *left_memory = job->key;
    return LogPlace();
  }
  const TaskKind kind = FromProto(id->kind());
  if (id->task() >= tasks->counts(kind).total) {
    return NotFoundError("{}: no such task in {}. Try: mr tasks {}", name, id->job_id(),
                         id->job_id());
  }
  const Attempt* attempt =
      newest ? tasks->Newest(kind, id->task()) : tasks->Find(kind, id->task(), id->attempt());
  if (attempt == nullptr) {
    return NotFoundError("{}: {} yet. Try: mr tasks {}", name,
                         newest ? "has not started" : "has no such attempt", id->job_id());
  }
  id->set_attempt(attempt->number);
  const WorkerRegistry::Worker& worker = state.registry.Get(attempt->worker);
  if (worker.state != WorkerRegistry::State::kConnected) {
    return IsGone(*id, worker.info.node);
  }
  return LogPlace{worker.info.address, worker.info.node};
}

absl::Status PassOn(Coordinator* coordinator, rpc::BulkLoop* loop, rpc::BulkStream* stream,
                    rpc::BulkStream* source) {
  while (true) {
    const rpc::BulkEvent event = loop->Next(kTimeout);
    if (coordinator->stopping()) return UnavailableError("the coordinator is stopping");
    if (event.kind == Kind::kTimeout) return DeadlineExceededError("read the log: no answer");
    if (event.kind == Kind::kMessage && event.stream == source) {
      // ReadLogResponse and GetLogResponse have the same shape: passed on as they are.
      stream->Send(event.message);
      if (stream->unsent_bytes() > kMaxUnsentBytes) source->PauseReading();
    }
    if (event.kind == Kind::kSent && stream->unsent_bytes() <= kMaxUnsentBytes) {
      source->ResumeReading();
    }
    if (event.kind == Kind::kFinished && event.stream == source) return event.status;
    if (stream->failed()) return CancelledError("the caller is gone");
  }
}

}  // namespace

void GetLog(Coordinator* coordinator, rpc::ChannelCache* channels, rpc::BulkLoop* loop,
            rpc::BulkStream* stream) {
  absl::StatusOr<pb::GetLogRequest> request = ReadRequest(loop);
  if (!request.ok()) return stream->Finish(request.status());
  // The jobs of a pipeline can be followed together, their tasks not.
  if (!request->follow() || request->id().kind() != pb::TASK_KIND_UNSPECIFIED) {
    const absl::Status is_job = coordinator->pipelines().CheckIsNoPipeline(request->id().job_id());
    if (!is_job.ok()) return stream->Finish(is_job);
  }
  if (request->follow()) {
    return stream->Finish(FollowLog(coordinator, channels, *request, loop, stream));
  }
  const bool newest = request->newest_attempt();
  std::optional<JobKey> left_memory;
  absl::StatusOr<LogPlace> place = coordinator->Read([&](const TrackerState& state) {
    return FindLog(state, newest, request->mutable_id(), &left_memory);
  });
  if (left_memory) {
    place = FindOldLog(*coordinator, *left_memory, newest, request->mutable_id());
  }
  if (!place.ok()) return stream->Finish(place.status());
  pb::GetLogResponse whose;
  *whose.mutable_id() = request->id();
  whose.set_node(place->node);
  stream->Send(rpc::EncodeMessage(whose));
  rpc::BulkStream* source =
      loop->Open(channels->Get(place->address, rpc::ChannelKind::kControl), kReadLog, kTimeout);
  pb::ReadLogRequest read;
  *read.mutable_id() = request->id();
  source->Send(rpc::EncodeMessage(read));
  source->CloseSend();
  const absl::Status status = PassOn(coordinator, loop, stream, source);
  loop->Close(source);
  stream->Finish(status);
}

}  // namespace quern::mr
