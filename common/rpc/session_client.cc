#include "common/rpc/session_client.h"

#include <algorithm>
#include <utility>

#include "common/backoff.h"
#include "common/log.h"

namespace quern::rpc {

SessionClient::SessionClient(Options options, Handler* handler)
    : options_(std::move(options)), handler_(handler) {}

void SessionClient::Start() {
  thread_ = Thread("session", [this] { Run(); });
}

void SessionClient::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    stop_.SignalAll();
    if (loop_ != nullptr) loop_->Wake();
  }
  thread_.Join();
}

void SessionClient::Admit(absl::Duration heartbeat_every) {
  admitted_ = true;
  heartbeat_every_ = heartbeat_every;
  next_heartbeat_ = options_.clock->MonotonicNow();
  MutexLock lock(&mutex_);
  state_.admitted = true;
  state_.trouble.clear();
}

void SessionClient::Put(const google::protobuf::MessageLite& message) {
  if (const std::shared_ptr<Outbox> outbox = this->outbox()) outbox->Put(message);
}

std::shared_ptr<Outbox> SessionClient::outbox() const {
  MutexLock lock(&mutex_);
  return outbox_;
}

void SessionClient::Wake() {
  MutexLock lock(&mutex_);
  if (loop_ != nullptr) loop_->Wake();
}

SessionClient::State SessionClient::state() const {
  MutexLock lock(&mutex_);
  return state_;
}

bool SessionClient::stopping() const {
  MutexLock lock(&mutex_);
  return stopping_;
}

bool SessionClient::Pause(absl::Duration duration) {
  const absl::Time until = options_.clock->MonotonicNow() + duration;
  MutexLock lock(&mutex_);
  while (!stopping_) {
    const absl::Duration left = until - options_.clock->MonotonicNow();
    if (left <= absl::ZeroDuration()) break;
    stop_.WaitFor(&mutex_, left);
  }
  return !stopping_;
}

void SessionClient::Run() {
  Backoff backoff(options_.first_pause, options_.longest_pause);
  while (!stopping()) {
    const absl::Status status = RunOnce();
    if (stopping()) return;
    if (admitted_) backoff.Reset();
    SetTrouble(status);
    if (!Pause(backoff.Next())) return;
  }
}

void SessionClient::SetTrouble(const absl::Status& status) {
  const std::string trouble = status.ToString();
  MutexLock lock(&mutex_);
  if (state_.admitted || state_.trouble != trouble) {
    LogWarning("no_session", {{options_.peer, state_.address}, {"status", status}});
  }
  state_.admitted = false;
  state_.trouble = trouble;
}

absl::Status SessionClient::RunOnce() {
  const Target target = handler_->Connect();
  BulkLoop loop;
  const auto outbox = std::make_shared<Outbox>(&loop, options_.max_outbox_bytes);
  {
    // Before the registration is made: what happens after it must not be missed.
    MutexLock lock(&mutex_);
    loop_ = &loop;
    outbox_ = outbox;
    state_.address = target.address;
  }
  admitted_ = false;
  held_back_.clear();
  next_heartbeat_ = options_.clock->MonotonicNow() + options_.admit_timeout;
  BulkStream* stream = loop.Open(target.channel, options_.method, absl::InfiniteDuration());
  handler_->Register(stream);
  const absl::Status status = Serve(&loop, stream, outbox.get());
  outbox->Detach();
  handler_->OnEnd();
  MutexLock lock(&mutex_);
  loop_ = nullptr;
  outbox_ = nullptr;
  return status;
}

absl::Status SessionClient::Serve(BulkLoop* loop, BulkStream* stream, Outbox* outbox) {
  while (!stopping()) {
    const absl::Duration patience = next_heartbeat_ - options_.clock->MonotonicNow();
    const BulkEvent event = loop->Next(std::max(patience, absl::ZeroDuration()));
    if (event.kind == BulkEvent::Kind::kFinished) {
      if (!event.status.ok()) return event.status;
      return UnavailableError("the {} ended the session", options_.peer);
    }
    if (event.kind == BulkEvent::Kind::kMessage) {
      RETURN_IF_ERROR(handler_->OnMessage(stream, event.message));
    }
    RETURN_IF_ERROR(outbox->closed());
    if (admitted_) RETURN_IF_ERROR(SendWaiting(stream, outbox));
    if (options_.clock->MonotonicNow() < next_heartbeat_) continue;
    if (!admitted_) {
      return DeadlineExceededError("the {} does not answer the registration", options_.peer);
    }
    handler_->SendHeartbeat(stream);
    next_heartbeat_ = options_.clock->MonotonicNow() + heartbeat_every_;
  }
  return SendLastWords(loop, stream, outbox);
}

// The peer ends the stream when it has read everything.
absl::Status SessionClient::SendLastWords(BulkLoop* loop, BulkStream* stream, Outbox* outbox) {
  const absl::Time give_up = options_.clock->MonotonicNow() + options_.last_words;
  bool all = false;
  while (admitted_) {
    if (!all) {
      RETURN_IF_ERROR(SendWaiting(stream, outbox));
      all = stream->unsent_bytes() < Outbox::kSendAhead;
      if (all) stream->CloseSend();
    }
    const BulkEvent event = loop->Next(give_up - options_.clock->MonotonicNow());
    if (event.kind == BulkEvent::Kind::kFinished) return event.status;
    // Not only when nothing comes: the peer may go on talking.
    if (options_.clock->MonotonicNow() >= give_up) break;
  }
  return absl::OkStatus();
}

absl::Status SessionClient::SendWaiting(BulkStream* stream, Outbox* outbox) {
  while (!stream->failed() && stream->unsent_bytes() < Outbox::kSendAhead) {
    // Taken before the news: whoever hears that something is done knows what it changed.
    if (held_back_.empty()) {
      handler_->Collect(outbox);
      held_back_ = outbox->Take(Outbox::kSendAhead);
    }
    ASSIGN_OR_RETURN(const bool all, handler_->SendNews(stream));
    if (!all) continue;
    if (held_back_.empty()) break;
    for (const grpc::ByteBuffer& message : std::exchange(held_back_, {})) {
      stream->Send(message);
    }
  }
  return absl::OkStatus();
}

}  // namespace quern::rpc
