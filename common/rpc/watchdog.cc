#include "common/rpc/watchdog.h"

#include <grpcpp/generic/generic_stub.h>
#include <unistd.h>

#include <cstdio>

#include "common/rpc/bulk.h"
#include "common/rpc/channel.h"

namespace quern::rpc {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(5);
// Long, so that a machine that is merely overloaded does not kill its servers.
constexpr absl::Duration kTimeout = absl::Seconds(10);
constexpr int kFailuresToExit = 3;

// The empty request of grpc.health.v1.Health/Check asks about the server as a whole. Any answer,
// also "not serving", shows that the listener lives.
bool Answers(const std::string& address) {
  BulkLoop loop;
  BulkStream* stream =
      loop.Open(MakeChannel(address, ChannelKind::kBulk), "/grpc.health.v1.Health/Check", kTimeout);
  stream->Send(grpc::ByteBuffer(nullptr, 0));
  stream->CloseSend();
  while (true) {
    const BulkEvent event = loop.Next(kTimeout + absl::Seconds(1));
    if (event.kind == BulkEvent::Kind::kTimeout) return false;
    if (event.kind != BulkEvent::Kind::kFinished) continue;
    // A server that refuses, say for too many streams, answers; only silence is death.
    return !absl::IsUnavailable(event.status) && !absl::IsDeadlineExceeded(event.status);
  }
}

}  // namespace

Watchdog::Watchdog(std::string address)
    : address_(std::move(address)), thread_("watchdog", kInterval, [this] { Ask(); }) {}

void Watchdog::Ask() {
  failures_ = Answers(address_) ? 0 : failures_ + 1;
  if (failures_ < kFailuresToExit) return;
  std::fprintf(stderr, "watchdog_exit address=%s reason=\"own port does not answer\"\n",
               address_.c_str());
  _exit(1);
}

}  // namespace quern::rpc
