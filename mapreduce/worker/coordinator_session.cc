#include "mapreduce/worker/coordinator_session.h"

#include <algorithm>
#include <utility>

#include "common/clock.h"
#include "common/log.h"
#include "common/rpc/bulk_codec.h"
#include "common/rpc/channel.h"

namespace quern::mr {
namespace {

using Kind = rpc::BulkEvent::Kind;

constexpr char kMethod[] = "/quern.mr.v1.Coordinator/Session";
constexpr absl::Duration kHeartbeat = absl::Seconds(1);
constexpr absl::Duration kFirstPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestPause = absl::Seconds(1);

}  // namespace

CoordinatorSession::CoordinatorSession(std::vector<std::string> addresses, Handlers handlers)
    : addresses_(std::move(addresses)), handlers_(std::move(handlers)) {}

void CoordinatorSession::Start() {
  thread_ = Thread("coordinator", [this] { Run(); });
}

void CoordinatorSession::Shutdown() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    stop_.SignalAll();
  }
  loop_.Wake();
  thread_.Join();
}

bool CoordinatorSession::stopping() const {
  MutexLock lock(&mutex_);
  return stopping_;
}

bool CoordinatorSession::connected() const {
  MutexLock lock(&mutex_);
  return connected_;
}

void CoordinatorSession::Send(v1::WorkerMessage message) {
  {
    MutexLock lock(&mutex_);
    if (!open_) return;
    queue_.push_back(std::move(message));
  }
  loop_.Wake();
}

void CoordinatorSession::Run() {
  absl::Duration pause = kFirstPause;
  bool complained = false;
  for (size_t i = 0; !stopping(); ++i) {
    const std::string& address = addresses_[i % addresses_.size()];
    admitted_ = false;
    const absl::Status status = RunOnce(address);
    {
      MutexLock lock(&mutex_);
      open_ = connected_ = false;
      queue_.clear();
    }
    if (admitted_) {
      pause = kFirstPause;
      complained = false;
    }
    if (stopping()) return;
    // Once per absence, not once per try.
    if (!complained) {
      LogWarning("coordinator_away", {{"address", address}, {"status", status}});
      complained = true;
    }
    MutexLock lock(&mutex_);
    if (!stopping_) stop_.WaitFor(&mutex_, pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

absl::Status CoordinatorSession::RunOnce(const std::string& address) {
  // A channel of its own for each try: a kept one would wait for gRPC's own back-off.
  rpc::BulkStream* stream = loop_.Open(rpc::MakeChannel(address, rpc::ChannelKind::kControl),
                                       kMethod, absl::InfiniteDuration());
  {
    // Before the registration is made: what happens after it must not be missed.
    MutexLock lock(&mutex_);
    open_ = true;
  }
  v1::WorkerMessage first;
  *first.mutable_register_() = handlers_.make_register();
  stream->Send(rpc::EncodeMessage(first));
  const absl::Status status = Serve(stream);
  loop_.Close(stream);
  return status;
}

absl::Status CoordinatorSession::Serve(rpc::BulkStream* stream) {
  absl::Time next_heartbeat = Clock::Real()->MonotonicNow() + kHeartbeat;
  uint64_t beats = 0;
  while (true) {
    const absl::Time now = Clock::Real()->MonotonicNow();
    if (admitted_ && now >= next_heartbeat) {
      v1::WorkerMessage beat;
      beat.mutable_heartbeat()->set_seq(++beats);
      stream->Send(rpc::EncodeMessage(beat));
      next_heartbeat = now + kHeartbeat;
    }
    const rpc::BulkEvent event =
        loop_.Next(std::clamp(next_heartbeat - now, absl::Milliseconds(1), kHeartbeat));
    if (stopping()) return CancelledError("the worker is stopping");
    if (event.kind == Kind::kFinished && event.stream == stream) {
      return event.status.ok() ? UnavailableError("the coordinator ended the session")
                               : event.status;
    }
    if (event.kind == Kind::kMessage && event.stream == stream) {
      v1::CoordinatorMessage message;
      RETURN_IF_ERROR(rpc::DecodeMessage(event.message, &message));
      RETURN_IF_ERROR(OnMessage(message));
    }
    SendQueued(stream);
  }
}

absl::Status CoordinatorSession::OnMessage(const v1::CoordinatorMessage& message) {
  if (message.has_admitted()) {
    const v1::CoordinatorMessage::Admitted& admitted = message.admitted();
    if (admitted.cluster_id() == cluster_id_ && admitted.term() < term_) {
      return FailedPreconditionError("a coordinator of term {}, {} was here before",
                                     admitted.term(), term_);
    }
    cluster_id_ = admitted.cluster_id();
    term_ = admitted.term();
    admitted_ = true;
    if (handlers_.admitted(admitted)) return AbortedError("another cluster: registering anew");
    LogInfo("admitted", {{"cluster", cluster_id_}, {"term", term_}});
    MutexLock lock(&mutex_);
    connected_ = true;
    return absl::OkStatus();
  }
  if (!message.has_order()) return absl::OkStatus();
  if (message.order().cluster_id() != cluster_id_ || message.order().term() != term_) {
    LogWarning("order_refused",
               {{"cluster", message.order().cluster_id()}, {"term", message.order().term()}});
    return absl::OkStatus();
  }
  handlers_.order(message.order());
  return absl::OkStatus();
}

void CoordinatorSession::SendQueued(rpc::BulkStream* stream) {
  std::vector<v1::WorkerMessage> queued;
  {
    MutexLock lock(&mutex_);
    queued.swap(queue_);
  }
  for (const v1::WorkerMessage& message : queued) stream->Send(rpc::EncodeMessage(message));
}

}  // namespace quern::mr
