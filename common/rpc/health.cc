#include "common/rpc/health.h"

#include <grpcpp/support/slice.h>

#include <algorithm>

namespace quern::rpc {
namespace {

constexpr absl::Duration kRequestTimeout = absl::Seconds(10);

// True when the request has arrived.
bool AwaitRequest(BulkLoop* loop) {
  return loop->Next(kRequestTimeout).kind == BulkEvent::Kind::kMessage;
}

}  // namespace

std::vector<BulkMethod> Health::Methods() {
  return {{"/grpc.health.v1.Health/Check",
           [this](BulkLoop* loop, BulkStream* stream) {
             if (AwaitRequest(loop)) stream->Send(Response());
             stream->Finish(absl::OkStatus());
           }},
          {"/grpc.health.v1.Health/Watch",
           [this](BulkLoop* loop, BulkStream* stream) { Watch(loop, stream); }}};
}

void Health::SetServing(bool serving) {
  MutexLock lock(&mutex_);
  if (serving == serving_) return;
  serving_ = serving;
  for (BulkLoop* watcher : watchers_) watcher->Wake();
}

// HealthCheckResponse{status = 1: SERVING = 1, NOT_SERVING = 2}.
grpc::ByteBuffer Health::Response() {
  MutexLock lock(&mutex_);
  const char bytes[2] = {0x08, static_cast<char>(serving_ ? 1 : 2)};
  const grpc::Slice slice(bytes, sizeof bytes);
  return {&slice, 1};
}

void Health::Watch(BulkLoop* loop, BulkStream* stream) {
  if (!AwaitRequest(loop)) return stream->Finish(absl::OkStatus());
  {
    MutexLock lock(&mutex_);
    watchers_.push_back(loop);
  }
  stream->Send(Response());
  // The state is sent again every minute: that is how a watcher that has gone is noticed.
  while (!stream->failed()) {
    const BulkEvent event = loop->Next(absl::Minutes(1));
    if (event.kind == BulkEvent::Kind::kStopping) break;
    if (event.kind == BulkEvent::Kind::kWoken || event.kind == BulkEvent::Kind::kTimeout) {
      stream->Send(Response());
    }
  }
  MutexLock lock(&mutex_);
  std::erase(watchers_, loop);
  stream->Finish(absl::OkStatus());
}

}  // namespace quern::rpc
