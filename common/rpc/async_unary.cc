#include "common/rpc/async_unary.h"

namespace quern::rpc {
namespace {

// Calls of each method that are asked for at a time, so that a burst need not wait for the thread.
constexpr int kListening = 8;

}  // namespace

void AsyncUnaryLoop::Register(grpc::ServerBuilder* builder) {
  if (!methods_.empty()) queue_ = builder->AddCompletionQueue();
}

void AsyncUnaryLoop::Start() {
  if (methods_.empty()) return;
  for (AsyncMethod* method : methods_) {
    for (int i = 0; i < kListening; ++i) method->Listen(this);
  }
  thread_ = Thread("async-unary", [this] { Run(); });
}

void AsyncUnaryLoop::Stop() {
  if (thread_.running()) {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
      Wake();
    }
    thread_.Join();
  } else if (queue_ != nullptr && !queue_closed_) {  // the server never started
    queue_closed_ = true;
    queue_->Shutdown();
  }
}

void AsyncUnaryLoop::Answered(AsyncCall* call) {
  MutexLock lock(&mutex_);
  answered_.push_back(call);
  Wake();
}

void AsyncUnaryLoop::Run() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
    if (tag == this) {
      SendAnswers();
      continue;
    }
    std::unique_ptr<AsyncCall> call(static_cast<AsyncCall*>(tag));
    // Otherwise its answer has left, or there will be no call any more.
    if (ok && !call->arrived_) OnArrival(std::move(call));
  }
}

void AsyncUnaryLoop::OnArrival(std::unique_ptr<AsyncCall> call) {
  if (queue_closed_) return;
  call->method_->Listen(this);
  call->arrived_ = true;
  ++unanswered_;
  call.release()->Handle();  // comes back with its answer, and then from the queue
}

void AsyncUnaryLoop::SendAnswers() {
  std::vector<AsyncCall*> answered;
  bool stopping = false;
  wake_up_.Fired();
  {
    MutexLock lock(&mutex_);
    answered.swap(answered_);
    stopping = stopping_;
  }
  for (AsyncCall* call : answered) call->Send();
  unanswered_ -= answered.size();
  if (!stopping || unanswered_ > 0 || queue_closed_) return;
  queue_closed_ = true;
  queue_->Shutdown();
}

}  // namespace quern::rpc
