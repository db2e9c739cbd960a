#include "common/rpc/watchdog.h"

#include <grpcpp/generic/generic_stub.h>
#include <unistd.h>

#include <cstdio>

#include "common/rpc/bulk.h"
#include "common/rpc/channel.h"

namespace quern::rpc {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(5);
constexpr absl::Duration kTimeout = absl::Seconds(5);
constexpr int kFailuresToExit = 3;

// The empty request of grpc.health.v1.Health/Check asks about the server as a whole. Any answer,
// also "not serving", shows that the listener lives.
bool Answers(const std::string& address) {
  BulkLoop loop;
  BulkStream* stream = loop.Open(MakeChannel(address, ChannelKind::kBulk),
                                 "/grpc.health.v1.Health/Check", kTimeout);
  stream->Send(grpc::ByteBuffer(nullptr, 0));
  stream->CloseSend();
  while (true) {
    const BulkEvent event = loop.Next(kTimeout + absl::Seconds(1));
    if (event.kind == BulkEvent::Kind::kTimeout) return false;
    if (event.kind != BulkEvent::Kind::kFinished) continue;
    return event.status.ok() || !IsRetryable(event.status);
  }
}

}  // namespace

Watchdog::Watchdog(std::string address) : address_(std::move(address)) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "watchdog");
    Run();
  });
}

Watchdog::~Watchdog() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    stop_.SignalAll();
  }
  thread_.join();
}

void Watchdog::Run() {
  int failures = 0;
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (!stopping_) stop_.WaitFor(&mutex_, kInterval);
      if (stopping_) return;
    }
    failures = Answers(address_) ? 0 : failures + 1;
    if (failures == kFailuresToExit) {
      std::fprintf(stderr, "watchdog_exit address=%s reason=\"own port does not answer\"\n",
                   address_.c_str());
      _exit(1);
    }
  }
}

}  // namespace quern::rpc
