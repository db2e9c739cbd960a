#include "common/rpc/session_server.h"

#include <absl/container/flat_hash_map.h>
#include <grpcpp/impl/codegen/rpc_service_method.h>
#include <grpcpp/impl/codegen/service_type.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <optional>
#include <utility>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/rpc/deadline.h"
#include "common/rpc/grpc_status.h"
#include "common/rpc/wake_up.h"
#include "common/thread.h"

namespace quern::rpc {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);
// Streams of each method that are asked for at a time.
constexpr int kListening = 16;

}  // namespace

// Takes raw messages of every kind of method: on the wire they are all the same.
class SessionServer::Service final : public grpc::Service {
 public:
  explicit Service(const std::vector<SessionMethod>& methods) : open_(methods.size()) {
    for (size_t i = 0; i < methods.size(); ++i) {
      AddMethod(new grpc::internal::RpcServiceMethod(
          methods[i].name.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING, nullptr));
      MarkMethodRaw(static_cast<int>(i));
    }
  }
  using grpc::Service::RequestAsyncBidiStreaming;
  // Streams of each method that are open.
  std::atomic<int>& open(size_t method) { return open_[method]; }

 private:
  std::vector<std::atomic<int>> open_;
};

// What any thread may hold of a stream, and for how long it likes.
class SessionServer::Handle final : public SessionStream {
 public:
  Handle(Loop* loop, Stream* stream) : stream_(stream), loop_(loop) {}
  void Send(grpc::ByteBuffer message) override;
  void Finish(const absl::Status& status) override;

  // For the thread of the stream: a message to send, else how to end, else nothing.
  struct Next {
    std::optional<grpc::ByteBuffer> message;
    std::optional<absl::Status> end;
  };
  Next TakeNext();
  // The peer takes nothing any more.
  void DropUnsent();
  // The stream is over.
  void Detach();

 private:
  Stream* const stream_;  // to tell the loop which one it is; never looked into
  Mutex mutex_;
  Loop* loop_ ABSL_GUARDED_BY(mutex_);
  std::deque<grpc::ByteBuffer> outbox_ ABSL_GUARDED_BY(mutex_);
  size_t unsent_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

// Of the loop's thread.
class SessionServer::Stream {
 public:
  enum Op { kArrive, kDone, kRead, kWrite, kFinish };
  struct Tag {
    Stream* stream;
    Op op;
  };

  Stream(Loop* loop, size_t method)
      : method_(method), handle_(std::make_shared<Handle>(loop, this)) {
    context_.AsyncNotifyWhenDone(&tags_[kDone]);
  }
  void Listen(Service* service, grpc::ServerCompletionQueue* queue) {
    service->RequestAsyncBidiStreaming(static_cast<int>(method_), &context_, &call_, queue, queue,
                                       Begin(kArrive));
  }
  size_t method() const { return method_; }
  // It has begun. `open`: how many of its method there are.
  void Open(const SessionMethod& method, std::atomic<int>* open);
  // False: nothing of it is under way any more.
  bool OnEvent(Op op, bool ok);
  // Sends what is waiting.
  void Pump();
  void Tick() {
    if (handler_ != nullptr) handler_->OnTick();
  }
  void End(const absl::Status& status) {
    handle_->Finish(status);
    Pump();
  }

 private:
  void* Begin(Op op) {
    ++under_way_;
    return &tags_[op];
  }
  void OnRead(bool ok);
  void OnDone();

  const size_t method_;
  const std::shared_ptr<Handle> handle_;
  Tag tags_[5] = {{this, kArrive}, {this, kDone}, {this, kRead}, {this, kWrite}, {this, kFinish}};
  grpc::ServerContext context_;
  grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> call_{&context_};
  std::unique_ptr<SessionReceiver> handler_;
  std::atomic<int>* open_ = nullptr;  // counted there
  grpc::ByteBuffer incoming_;
  int under_way_ = 0;
  bool opened_ = false;
  bool writing_ = false;
  bool finishing_ = false;
};

class SessionServer::Loop {
 public:
  Loop(const std::vector<SessionMethod>* methods, Service* service)
      : methods_(*methods), service_(*service) {}

  void Register(grpc::ServerBuilder* builder) { queue_ = builder->AddCompletionQueue(); }
  void Start();
  void BeginStop();
  void Stop();
  // Any thread: the stream has something to send.
  void Touch(Stream* stream) {
    MutexLock lock(&mutex_);
    touched_.push_back(stream);
    Wake();
  }

 private:
  void Wake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!closed_) wake_up_.Wake(queue_.get(), this);
  }
  void Listen(size_t method) {
    auto stream = std::make_unique<Stream>(this, method);
    stream->Listen(&service_, queue_.get());
    Stream* const key = stream.get();
    streams_.emplace(key, std::move(stream));
  }
  void Run();
  void OnWake();
  void OnEvent(const Stream::Tag& tag, bool ok);
  void CloseIfEmpty();

  const std::vector<SessionMethod>& methods_;
  Service& service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  Thread thread_;
  // Of the thread.
  absl::flat_hash_map<Stream*, std::unique_ptr<Stream>> streams_;
  bool stopping_seen_ = false;
  bool may_close_seen_ = false;

  Mutex mutex_;
  std::vector<Stream*> touched_ ABSL_GUARDED_BY(mutex_);  // may be gone
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool may_close_ ABSL_GUARDED_BY(mutex_) = false;  // the server accepts nothing any more
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;     // and so is the queue: nobody wakes it any more
  WakeUp wake_up_;                                  // with this as the tag
};

// --- The sending half.

void SessionServer::Handle::Send(grpc::ByteBuffer message) {
  MutexLock lock(&mutex_);
  if (loop_ == nullptr || end_.has_value()) return;
  unsent_bytes_ += message.Length();
  outbox_.push_back(std::move(message));
  if (unsent_bytes_ > kMaxUnsentBytes) {
    end_ = AbortedError("{} bytes wait for a peer that does not take them", unsent_bytes_);
    outbox_.clear();
  }
  loop_->Touch(stream_);
}

void SessionServer::Handle::Finish(const absl::Status& status) {
  MutexLock lock(&mutex_);
  if (loop_ == nullptr || end_.has_value()) return;
  end_ = status;
  loop_->Touch(stream_);
}

SessionServer::Handle::Next SessionServer::Handle::TakeNext() {
  MutexLock lock(&mutex_);
  Next next;
  if (outbox_.empty()) {
    next.end = end_;
    return next;
  }
  next.message = std::move(outbox_.front());
  outbox_.pop_front();
  unsent_bytes_ -= next.message->Length();
  return next;
}

void SessionServer::Handle::DropUnsent() {
  MutexLock lock(&mutex_);
  outbox_.clear();
  if (!end_.has_value()) end_ = UnavailableError("the peer is gone");
}

void SessionServer::Handle::Detach() {
  MutexLock lock(&mutex_);
  loop_ = nullptr;
  outbox_.clear();
}

// --- One stream.

void SessionServer::Stream::Open(const SessionMethod& method, std::atomic<int>* open) {
  opened_ = true;
  ++under_way_;  // until it is done
  if (open->fetch_add(1) < method.max_streams) {
    open_ = open;
    handler_ = method.open(handle_);
  } else {
    open->fetch_sub(1);
    handle_->Finish(ResourceExhaustedError("{}: {} streams are open, which is the limit",
                                           method.name, method.max_streams));
  }
  call_.Read(&incoming_, Begin(kRead));
  Pump();
}

bool SessionServer::Stream::OnEvent(Op op, bool ok) {
  --under_way_;
  switch (op) {
    case kArrive:
    case kFinish:
      break;
    case kDone:
      OnDone();
      break;
    case kRead:
      OnRead(ok);
      break;
    case kWrite:
      writing_ = false;
      if (!ok) handle_->DropUnsent();
      Pump();
      break;
  }
  return under_way_ > 0;
}

void SessionServer::Stream::OnRead(bool ok) {
  if (handler_ != nullptr && !finishing_) {
    if (ok) {
      handler_->OnMessage(incoming_);
    } else {
      handler_->OnEndOfMessages(handle_.get());
    }
  }
  incoming_.Clear();
  if (ok) call_.Read(&incoming_, Begin(kRead));
}

void SessionServer::Stream::OnDone() {
  handle_->Detach();
  finishing_ = true;  // nothing may begin any more
  // Who hears that it is over may open another one at once.
  if (open_ != nullptr) open_->fetch_sub(1);
  if (handler_ != nullptr) handler_->OnOver();
  handler_ = nullptr;
}

void SessionServer::Stream::Pump() {
  if (!opened_ || writing_ || finishing_) return;
  const Handle::Next next = handle_->TakeNext();
  if (next.message.has_value()) {
    writing_ = true;
    call_.Write(*next.message, Begin(kWrite));
  } else if (next.end.has_value()) {
    finishing_ = true;
    call_.Finish(ToGrpc(*next.end), Begin(kFinish));
  }
}

// --- The thread of some streams.

void SessionServer::Loop::Start() {
  for (size_t method = 0; method < methods_.size(); ++method) {
    for (int i = 0; i < kListening; ++i) Listen(method);
  }
  thread_ = Thread("sessions", [this] { Run(); });
}

void SessionServer::Loop::BeginStop() {
  MutexLock lock(&mutex_);
  stopping_ = true;
  if (thread_.running()) Wake();
}

void SessionServer::Loop::Stop() {
  if (queue_ == nullptr) return;
  if (!thread_.running()) return queue_->Shutdown();  // the server never started
  {
    MutexLock lock(&mutex_);
    may_close_ = true;
    Wake();
  }
  thread_.Join();
}

void SessionServer::Loop::Run() {
  Clock* clock = Clock::Real();
  absl::Time next_tick = clock->MonotonicNow() + kTick;
  while (true) {
    void* tag = nullptr;
    bool ok = false;
    const auto status = queue_->AsyncNext(
        &tag, &ok,
        DeadlineAfter(std::max(next_tick - clock->MonotonicNow(), absl::ZeroDuration())));
    if (status == grpc::CompletionQueue::SHUTDOWN) return;
    if (status == grpc::CompletionQueue::GOT_EVENT) {
      if (tag == this) {
        OnWake();
      } else {
        OnEvent(*static_cast<Stream::Tag*>(tag), ok);
      }
    }
    if (clock->MonotonicNow() < next_tick) continue;
    next_tick = clock->MonotonicNow() + kTick;
    for (const auto& [key, stream] : streams_) stream->Tick();
  }
}

void SessionServer::Loop::OnEvent(const Stream::Tag& tag, bool ok) {
  Stream* const stream = tag.stream;
  if (tag.op == Stream::kArrive && ok) {
    if (!stopping_seen_) Listen(stream->method());
    stream->Open(methods_[stream->method()], &service_.open(stream->method()));
    if (stopping_seen_) stream->End(UnavailableError("the server is stopping"));
  }
  if (!stream->OnEvent(tag.op, ok)) streams_.erase(stream);
  CloseIfEmpty();
}

void SessionServer::Loop::OnWake() {
  std::vector<Stream*> touched;
  bool stopping = false;
  wake_up_.Fired();
  {
    MutexLock lock(&mutex_);
    touched.swap(touched_);
    stopping = stopping_;
    may_close_seen_ = may_close_;
  }
  for (Stream* stream : touched) {
    if (streams_.contains(stream)) stream->Pump();
  }
  if (stopping && !std::exchange(stopping_seen_, true)) {
    for (const auto& [key, stream] : streams_) {
      stream->End(UnavailableError("the server is stopping"));
    }
  }
  CloseIfEmpty();
}

void SessionServer::Loop::CloseIfEmpty() {
  if (!may_close_seen_ || !streams_.empty()) return;
  MutexLock lock(&mutex_);
  if (std::exchange(closed_, true)) return;
  queue_->Shutdown();
}

// --- All of them.

SessionServer::SessionServer(std::vector<SessionMethod> methods, int threads)
    : methods_(std::move(methods)), service_(std::make_unique<Service>(methods_)) {
  for (int i = 0; i < threads; ++i) {
    loops_.push_back(std::make_unique<Loop>(&methods_, service_.get()));
  }
}

SessionServer::~SessionServer() { Stop(); }

void SessionServer::Register(grpc::ServerBuilder* builder) {
  builder->RegisterService(service_.get());
  for (const auto& loop : loops_) loop->Register(builder);
}

void SessionServer::Start() {
  for (const auto& loop : loops_) loop->Start();
}

void SessionServer::BeginStop() {
  for (const auto& loop : loops_) loop->BeginStop();
}

void SessionServer::Stop() {
  if (std::exchange(stopped_, true)) return;
  BeginStop();
  for (const auto& loop : loops_) loop->Stop();
}

}  // namespace quern::rpc
