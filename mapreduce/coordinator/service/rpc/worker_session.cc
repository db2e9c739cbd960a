// One worker's session: its reports come up, orders go down, in order.
#include <memory>

#include "common/log.h"
#include "common/rpc/bulk_codec.h"
#include "common/rpc/outbox.h"
#include "mapreduce/coordinator/service/rpc/handlers.h"

namespace quern::mr {
namespace {

using Kind = rpc::BulkEvent::Kind;

// The registry notices silence; this only makes the thread look now and then.
constexpr absl::Duration kLook = absl::Seconds(5);

absl::StatusOr<pb::WorkerMessage> ReadRegister(rpc::BulkLoop* loop) {
  const rpc::BulkEvent event = loop->Next(absl::Seconds(10));
  pb::WorkerMessage message;
  if (event.kind != Kind::kMessage) return CancelledError("no registration came");
  RETURN_IF_ERROR(rpc::DecodeMessage(event.message, &message));
  if (!message.has_register_() || message.register_().worker_id().empty()) {
    return InvalidArgumentError("the first message of a session must register a worker");
  }
  return message;
}

absl::Status Serve(Coordinator* coordinator, WorkerKey worker, rpc::Outbox* outbox,
                   rpc::BulkLoop* loop, rpc::BulkStream* stream) {
  while (true) {
    RETURN_IF_ERROR(outbox->Flush(stream));
    if (coordinator->stopping()) return UnavailableError("the coordinator is stopping");
    const rpc::BulkEvent event = loop->Next(kLook);
    if (event.kind == Kind::kEndOfMessages || event.kind == Kind::kFinished) {
      return absl::OkStatus();
    }
    if (event.kind != Kind::kMessage) continue;
    pb::WorkerMessage message;
    RETURN_IF_ERROR(rpc::DecodeMessage(event.message, &message));
    if (!coordinator->OnMessage(worker, outbox, message)) {
      return AbortedError("register again: this session was given up");
    }
  }
}

}  // namespace

void WorkerSession(Coordinator* coordinator, rpc::BulkLoop* loop, rpc::BulkStream* stream) {
  const absl::StatusOr<pb::WorkerMessage> first = ReadRegister(loop);
  if (!first.ok()) return stream->Finish(first.status());
  const auto outbox = std::make_shared<rpc::Outbox>(loop);
  const WorkerKey worker = coordinator->Register(first->register_(), outbox);
  const absl::Status status = Serve(coordinator, worker, outbox.get(), loop, stream);
  // From here on nobody wakes the loop, which ends with this call.
  outbox->Detach();
  coordinator->OnSessionEnd(worker, outbox.get());
  stream->Finish(status);
}

}  // namespace quern::mr
