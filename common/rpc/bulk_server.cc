#include "common/rpc/bulk_server.h"

#include <grpcpp/server_context.h>

#include <utility>

#include "common/rpc/bulk_impl.h"
#include "common/rpc/grpc_status.h"

namespace quern::rpc {
namespace {

// Handler threads beyond `max_streams` that have only to say no.
constexpr int kRefusers = 8;
// How long a client may take nothing of the last messages before its stream is cancelled.
constexpr absl::Duration kLingerTimeout = absl::Seconds(10);

class ServerStream final : public BulkStreamImpl {
 public:
  ServerStream(grpc::GenericServerContext* context, grpc::GenericServerAsyncReaderWriter* call)
      : context_(context), call_(call) {
    StartRead();
  }

  void CloseSend() override {}
  void Finish(const absl::Status& status) override {
    if (finish_wanted_) return;
    finish_wanted_ = true;
    status_ = status;
    if (drained()) SendFinish();
  }
  void Cancel() override {
    // Once the status has left, a cancellation could overtake it.
    if (!finished_) context_->TryCancel();
  }
  bool finish_wanted() const { return finish_wanted_; }

 protected:
  void DoRead(grpc::ByteBuffer* message, void* tag) override { call_->Read(message, tag); }
  void DoWrite(const grpc::ByteBuffer& message, void* tag) override { call_->Write(message, tag); }
  void OnDrained() override {
    if (finish_wanted_) SendFinish();
  }
  std::optional<BulkEvent> OnReadEnd() override {
    return BulkEvent{BulkEvent::Kind::kEndOfMessages, this, {}, {}};
  }
  absl::Status FinalStatus() override {
    finished_ = true;
    return status_;
  }

 private:
  void SendFinish() {
    if (finish_sent_) return;
    finish_sent_ = true;
    call_->Finish(ToGrpc(status_), StartOperation(BulkOp::kFinish));
  }

  grpc::GenericServerContext* const context_;
  grpc::GenericServerAsyncReaderWriter* const call_;
  absl::Status status_;
  bool finish_wanted_ = false;
  bool finish_sent_ = false;
  bool finished_ = false;
};

}  // namespace

// A stream that is expected, waiting for a handler, or being handled. The loop is destroyed first:
// it waits for the operations that use the call.
struct BulkServer::Incoming {
  grpc::GenericServerContext context;
  grpc::GenericServerAsyncReaderWriter call{&context};
  BulkLoop loop;
};

BulkServer::BulkServer(std::vector<BulkMethod> methods, int max_streams)
    : methods_(std::move(methods)), max_streams_(max_streams) {}

BulkServer::~BulkServer() { Stop(); }

void BulkServer::Register(grpc::ServerBuilder* builder) {
  builder->RegisterAsyncGenericService(&service_);
  accept_queue_ = builder->AddCompletionQueue();
}

void BulkServer::Start() {
  // Several accepts wait at once, so that a burst of streams does not queue behind one hand-over.
  for (int i = 0; i < 8; ++i) Accept();
  acceptor_ = Thread("bulk-accept", [this] { AcceptLoop(); });
}

void BulkServer::Accept() {
  // Under the lock: a request for a call on a queue that was shut down aborts the process.
  MutexLock lock(&mutex_);
  if (stopping_) return;
  auto incoming = std::make_unique<Incoming>();
  Incoming* raw = incoming.release();  // owned by the completion queue until it comes back
  service_.RequestCall(&raw->context, &raw->call, &raw->loop.impl_->queue, accept_queue_.get(),
                       raw);
}

void BulkServer::AcceptLoop() {
  void* tag = nullptr;
  bool ok = false;
  while (accept_queue_->Next(&tag, &ok)) {
    std::unique_ptr<Incoming> incoming(static_cast<Incoming*>(tag));
    if (!ok) continue;
    Accept();
    Dispatch(std::move(incoming));
  }
}

void BulkServer::Dispatch(std::unique_ptr<Incoming> incoming) {
  MutexLock lock(&mutex_);
  waiting_.push_back(std::move(incoming));
  const bool want_thread = static_cast<int>(waiting_.size()) > idle_handlers_;
  // At the end the threads that have gone do not count.
  const bool may_start = stopping_ || static_cast<int>(handlers_.size()) < max_streams_ + kRefusers;
  if (want_thread && may_start) {
    handlers_.emplace_back("bulk-handler", [this] { HandlerLoop(); });
  }
  work_.Signal();
}

absl::Status BulkServer::CheckRoom() const {
  if (stopping_) return UnavailableError("the server is stopping");
  if (static_cast<int>(active_.size()) < max_streams_) return absl::OkStatus();
  return ResourceExhaustedError("{} bulk streams are open, which is the limit", max_streams_);
}

void BulkServer::HandlerLoop() {
  mutex_.Lock();
  while (true) {
    ++idle_handlers_;
    while (waiting_.empty() && !stopping_) work_.Wait(&mutex_);
    --idle_handlers_;
    if (waiting_.empty()) break;
    std::unique_ptr<Incoming> incoming = std::move(waiting_.front());
    waiting_.pop_front();
    const absl::Status refusal = CheckRoom();
    if (refusal.ok()) active_.insert(incoming.get());
    mutex_.Unlock();
    Handle(incoming.get(), refusal);
    mutex_.Lock();
    active_.erase(incoming.get());
    mutex_.Unlock();
    incoming.reset();
    mutex_.Lock();
  }
  mutex_.Unlock();
}

void BulkServer::Handle(Incoming* incoming, const absl::Status& refusal) {
  auto owned = std::make_unique<ServerStream>(&incoming->context, &incoming->call);
  ServerStream* stream = owned.get();
  incoming->loop.impl_->Adopt(std::move(owned));
  const BulkMethod* method = nullptr;
  for (const BulkMethod& candidate : methods_) {
    if (candidate.name == incoming->context.method()) method = &candidate;
  }
  if (!refusal.ok()) {
    stream->Finish(refusal);
  } else if (method == nullptr) {
    stream->Finish(UnimplementedError("{}: no such method", incoming->context.method()));
  } else {
    method->handler(&incoming->loop, stream);
  }
  if (!stream->finish_wanted()) stream->Finish(InternalError("handler ended without a status"));
  // What the client still sends is not wanted, and must not keep this thread.
  stream->PauseReading();
  while (true) {
    const BulkEvent event = incoming->loop.Next(kLingerTimeout);
    if (event.kind == BulkEvent::Kind::kTimeout) break;  // the loop's end cancels the stream
    if (event.kind == BulkEvent::Kind::kFinished && event.stream == stream) break;
  }
}

void BulkServer::BeginStop() {
  MutexLock lock(&mutex_);
  stopping_ = true;
  work_.SignalAll();
  for (Incoming* incoming : active_) {
    incoming->loop.impl_->stopping = true;
    incoming->loop.Wake();
  }
}

void BulkServer::Stop() {
  if (std::exchange(stopped_, true)) return;
  BeginStop();
  if (accept_queue_ != nullptr) accept_queue_->Shutdown();
  acceptor_.Join();
  std::vector<Thread> handlers;
  {
    MutexLock lock(&mutex_);
    handlers.swap(handlers_);
  }
  for (Thread& handler : handlers) handler.Join();
}

}  // namespace quern::rpc
