// Logs stay on the worker that ran the attempt; the coordinator passes them on, so that users need
// not reach workers.
#include "common/rpc/bulk_codec.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/rpc/handlers.h"
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

// RPC address of the worker that ran an attempt (of the newest one if `newest`, which then is
// filled in).
absl::StatusOr<std::string> FindLog(const TrackerState& state, bool newest, pb::AttemptId* id) {
  const Job* job = state.jobs.Find(id->job_id());
  if (job == nullptr) return NoSuchJob(id->job_id());
  const std::string name = FormatTask(id->kind(), id->task());
  const JobTasks* tasks = state.Tasks(*job);
  if (tasks == nullptr) {
    return NotFoundError("{}: the tasks of this job are no longer remembered", id->job_id());
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
    // Not Unavailable: the coordinator is there, and asking again at once is of no use.
    return FailedPreconditionError("{}: its worker on {} is gone, and its log with it",
                                   FormatAttempt(*id), worker.info.node);
  }
  return worker.info.address;
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
  if (request->follow()) {
    return stream->Finish(FollowLog(coordinator, channels, *request, loop, stream));
  }
  const auto address = coordinator->Read([&](const TrackerState& state) {
    return FindLog(state, request->newest_attempt(), request->mutable_id());
  });
  if (!address.ok()) return stream->Finish(address.status());
  rpc::BulkStream* source =
      loop->Open(channels->Get(*address, rpc::ChannelKind::kControl), kReadLog, kTimeout);
  pb::ReadLogRequest read;
  *read.mutable_id() = request->id();
  source->Send(rpc::EncodeMessage(read));
  source->CloseSend();
  const absl::Status status = PassOn(coordinator, loop, stream, source);
  loop->Close(source);
  stream->Finish(status);
}

}  // namespace quern::mr
