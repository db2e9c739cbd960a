#include "common/rpc/bulk_codec.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/rpc/handlers.h"

namespace quern::mr {
namespace {

// Progress is for people; the end is told at once.
constexpr absl::Duration kProgressInterval = absl::Milliseconds(100);
// Sent again now and then, so that a caller who is gone is noticed: its stream fails.
constexpr absl::Duration kRepeat = absl::Seconds(5);
constexpr absl::Duration kRequestTimeout = absl::Seconds(10);

absl::StatusOr<std::string> ReadJobId(rpc::BulkLoop* loop) {
  const rpc::BulkEvent event = loop->Next(kRequestTimeout);
  if (event.kind != rpc::BulkEvent::Kind::kMessage) return CancelledError("no request came");
  pb::GetJobRequest request;
  RETURN_IF_ERROR(rpc::DecodeMessage(event.message, &request));
  return request.job_id();
}

absl::Status SendUntilEnd(Coordinator* coordinator, const std::string& job_id, rpc::BulkLoop* loop,
                          rpc::BulkStream* stream) {
  absl::Time sent = absl::InfinitePast();
  bool news = true;
  while (true) {
    if (news) {
      // Without what only the end has to say, which may be long.
      ASSIGN_OR_RETURN(pb::JobStatus status, coordinator->GetJobSummary(job_id));
      const bool ended = IsOver(status);
      if (ended) {
        ASSIGN_OR_RETURN(status, coordinator->GetJob(job_id));
      }
      if (ended || coordinator->Now() - sent >= kProgressInterval) {
        pb::GetJobResponse response;
        *response.mutable_status() = std::move(status);
        stream->Send(rpc::EncodeMessage(response));
        if (ended) return absl::OkStatus();
        sent = coordinator->Now();
        news = false;
      }
    }
    const rpc::BulkEvent event = loop->Next(news ? kProgressInterval : kRepeat);
    if (coordinator->stopping()) return UnavailableError("the coordinator is stopping");
    if (stream->failed()) return CancelledError("the caller is gone");
    if (event.kind == rpc::BulkEvent::Kind::kWoken ||
        event.kind == rpc::BulkEvent::Kind::kTimeout) {
      news = true;
    }
  }
}

}  // namespace

void WatchJob(Coordinator* coordinator, rpc::BulkLoop* loop, rpc::BulkStream* stream) {
  const absl::StatusOr<std::string> job_id = ReadJobId(loop);
  if (!job_id.ok()) return stream->Finish(job_id.status());
  const uint64_t watch = coordinator->Watch(*job_id, [loop] { loop->Wake(); });
  const absl::Status status = SendUntilEnd(coordinator, *job_id, loop, stream);
  coordinator->Unwatch(watch);
  stream->Finish(status);
}

}  // namespace quern::mr
