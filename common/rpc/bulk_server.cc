#include "common/rpc/bulk_server.h"

#include <grpcpp/server_context.h>
#include <pthread.h>

#include "common/rpc/bulk_impl.h"
#include "common/rpc/grpc_status.h"

namespace quern::rpc {
namespace {

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
    if (!finish_sent_) context_->TryCancel();
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
  absl::Status FinalStatus() override { return status_; }

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
  acceptor_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "bulk-accept");
    AcceptLoop();
  });
}

void BulkServer::Accept() {
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
  if (stopping_) return;
  waiting_.push_back(std::move(incoming));
  if (static_cast<int>(waiting_.size()) > idle_handlers_) {
    handlers_.emplace_back([this] {
      pthread_setname_np(pthread_self(), "bulk-handler");
      HandlerLoop();
    });
  }
  work_.Signal();
}

void BulkServer::HandlerLoop() {
  mutex_.Lock();
  while (true) {
    ++idle_handlers_;
    while (waiting_.empty() && !stopping_) work_.Wait(&mutex_);
    --idle_handlers_;
    if (stopping_) break;
    std::unique_ptr<Incoming> incoming = std::move(waiting_.front());
    waiting_.pop_front();
    const bool refused = static_cast<int>(active_.size()) >= max_streams_;
    active_.insert(incoming.get());
    mutex_.Unlock();
    if (refused) {
      incoming->call.Finish(ToGrpc(ResourceExhaustedError("{} bulk streams are open", max_streams_)),
                            nullptr);
    } else {
      Handle(incoming.get());
    }
    mutex_.Lock();
    active_.erase(incoming.get());
    mutex_.Unlock();
    incoming.reset();
    mutex_.Lock();
  }
  mutex_.Unlock();
}

void BulkServer::Handle(Incoming* incoming) {
  auto owned = std::make_unique<ServerStream>(&incoming->context, &incoming->call);
  ServerStream* stream = owned.get();
  incoming->loop.impl_->Adopt(std::move(owned));
  const BulkMethod* method = nullptr;
  for (const BulkMethod& candidate : methods_) {
    if (candidate.name == incoming->context.method()) method = &candidate;
  }
  if (method == nullptr) {
    stream->Finish(UnimplementedError("{}: no such method", incoming->context.method()));
  } else {
    method->handler(&incoming->loop, stream);
  }
  if (!stream->finish_wanted()) stream->Finish(InternalError("handler ended without a status"));
  while (true) {
    const BulkEvent event = incoming->loop.Next(absl::Seconds(10));
    if (event.kind == BulkEvent::Kind::kTimeout) break;  // the client takes nothing: cancel
    if (event.kind == BulkEvent::Kind::kFinished && event.stream == stream) break;
  }
}

void BulkServer::Stop() {
  {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    stopping_ = true;
    work_.SignalAll();
    for (Incoming* incoming : active_) {
      incoming->loop.impl_->stopping = true;
      incoming->loop.Wake();
    }
  }
  if (accept_queue_ != nullptr) accept_queue_->Shutdown();
  if (acceptor_.joinable()) acceptor_.join();
  std::vector<std::thread> handlers;
  {
    MutexLock lock(&mutex_);
    handlers.swap(handlers_);
  }
  for (std::thread& handler : handlers) handler.join();
  MutexLock lock(&mutex_);
  waiting_.clear();
}

}  // namespace quern::rpc
