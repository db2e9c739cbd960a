// Logs stay on the worker that ran the attempt; the coordinator passes them on, so that users need
// not reach workers.
#include "common/rpc/bulk_codec.h"
#include "mapreduce/coordinator/service/rpcs.h"
#include "quern/mr/v1/shuffle.pb.h"

namespace quern::mr {
namespace {

using Kind = rpc::BulkEvent::Kind;

constexpr char kReadLog[] = "/quern.mr.v1.Shuffle/ReadLog";
constexpr absl::Duration kTimeout = absl::Minutes(10);
constexpr size_t kMaxUnsentBytes = size_t{4} << 20;

absl::StatusOr<v1::GetLogRequest> ReadRequest(rpc::BulkLoop* loop) {
  const rpc::BulkEvent event = loop->Next(absl::Seconds(10));
  if (event.kind != Kind::kMessage) return CancelledError("no request came");
  v1::GetLogRequest request;
  RETURN_IF_ERROR(rpc::DecodeMessage(event.message, &request));
  return request;
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
  absl::StatusOr<v1::GetLogRequest> request = ReadRequest(loop);
  if (!request.ok()) return stream->Finish(request.status());
  const absl::StatusOr<std::string> address =
      coordinator->FindLog(request->mutable_id(), request->newest_attempt());
  if (!address.ok()) return stream->Finish(address.status());
  rpc::BulkStream* source =
      loop->Open(channels->Get(*address, rpc::ChannelKind::kControl), kReadLog, kTimeout);
  v1::ReadLogRequest read;
  *read.mutable_id() = request->id();
  source->Send(rpc::EncodeMessage(read));
  source->CloseSend();
  const absl::Status status = PassOn(coordinator, loop, stream, source);
  loop->Close(source);
  stream->Finish(status);
}

}  // namespace quern::mr
