#include "common/rpc/bulk.h"

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include <algorithm>

#include "common/rpc/bulk_impl.h"
#include "common/rpc/deadline.h"
#include "common/rpc/grpc_status.h"

namespace quern::rpc {

BulkStreamImpl::BulkStreamImpl() {
  for (int op = 0; op < 4; ++op) tags_[op] = {this, static_cast<BulkOp>(op)};
}

void* BulkStreamImpl::StartOperation(BulkOp op) {
  ++operations_;
  return &tags_[static_cast<int>(op)];
}

void BulkStreamImpl::Send(grpc::ByteBuffer message) {
  if (failed_) return;
  unsent_bytes_ += message.Length();
  queue_.push_back(std::move(message));
  if (!writing_) StartWrite();
}

void BulkStreamImpl::StartWrite() {
  writing_ = true;
  DoWrite(queue_.front(), StartOperation(BulkOp::kWrite));
}

void BulkStreamImpl::StartRead() {
  if (reading_ || read_ended_) return;
  reading_ = true;
  DoRead(&incoming_, StartOperation(BulkOp::kRead));
}

void BulkStreamImpl::ResumeReading() {
  if (!reading_paused_) return;
  reading_paused_ = false;
  StartRead();
}

std::optional<BulkEvent> BulkStreamImpl::OnDone(BulkOp op, bool ok) {
  --operations_;
  // Nothing is started any more for a stream that nobody wants: its loop's queue may be shut down.
  if (abandoned_) return std::nullopt;
  switch (op) {
    case BulkOp::kRead: {
      reading_ = false;
      if (!ok) {
        read_ended_ = true;
        return OnReadEnd();
      }
      BulkEvent event{BulkEvent::Kind::kMessage, this, {}, {}};
      event.message.Swap(&incoming_);
      incoming_.Clear();
      if (!reading_paused_) StartRead();
      return event;
    }
    case BulkOp::kWrite: {
      writing_ = false;
      unsent_bytes_ -= queue_.front().Length();
      queue_.pop_front();
      if (!ok) {
        failed_ = true;
        queue_.clear();
        unsent_bytes_ = 0;
      }
      if (!queue_.empty()) {
        StartWrite();
      } else {
        OnDrained();
      }
      return BulkEvent{BulkEvent::Kind::kSent, this, {}, {}};
    }
    case BulkOp::kFinish:
      return BulkEvent{BulkEvent::Kind::kFinished, this, {}, FinalStatus()};
    case BulkOp::kClose:
      return std::nullopt;
  }
  return std::nullopt;
}

namespace {

class ClientStream final : public BulkStreamImpl {
 public:
  ClientStream(std::shared_ptr<grpc::Channel> channel, const std::string& method,
               absl::Duration timeout, grpc::CompletionQueue* queue)
      : stub_(std::move(channel)) {
    if (timeout != absl::InfiniteDuration()) context_.set_deadline(DeadlineAfter(timeout));
    // The first message carries the metadata: one packet less, and no operation of its own to wait
    // for.
    context_.set_initial_metadata_corked(true);
    call_ = stub_.PrepareCall(&context_, method, queue);
    call_->StartCall(nullptr);
    StartRead();
  }

  void CloseSend() override {
    if (close_wanted_) return;
    close_wanted_ = true;
    if (drained()) SendClose();
  }
  void Finish(const absl::Status&) override {}
  void Cancel() override { context_.TryCancel(); }

 protected:
  void DoRead(grpc::ByteBuffer* message, void* tag) override { call_->Read(message, tag); }
  void DoWrite(const grpc::ByteBuffer& message, void* tag) override { call_->Write(message, tag); }
  void OnDrained() override {
    if (close_wanted_ && !failed()) SendClose();
  }
  std::optional<BulkEvent> OnReadEnd() override {
    call_->Finish(&status_, StartOperation(BulkOp::kFinish));
    return std::nullopt;
  }
  absl::Status FinalStatus() override { return FromGrpc(status_); }

 private:
  void SendClose() {
    if (close_sent_) return;
    close_sent_ = true;
    call_->WritesDone(StartOperation(BulkOp::kClose));
  }

  grpc::ClientContext context_;
  grpc::GenericStub stub_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::Status status_;
  bool close_wanted_ = false;
  bool close_sent_ = false;
};

}  // namespace

void BulkLoop::Impl::Reap() {
  std::erase_if(streams, [](const auto& s) { return s->abandoned() && s->idle(); });
}

BulkLoop::BulkLoop() : impl_(std::make_unique<Impl>()) {}

BulkLoop::~BulkLoop() {
  for (const auto& stream : impl_->streams) {
    stream->Cancel();
    stream->Abandon();
  }
  impl_->wake_up.Cancel();
  impl_->queue.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (impl_->queue.Next(&tag, &ok)) {
    if (tag != impl_.get()) {
      auto* done = static_cast<BulkTag*>(tag);
      done->stream->OnDone(done->op, ok);
    }
  }
}

BulkEvent BulkLoop::Next(absl::Duration timeout) {
  const auto deadline = DeadlineAfter(timeout);
  while (true) {
    void* tag = nullptr;
    bool ok = false;
    if (impl_->queue.AsyncNext(&tag, &ok, deadline) != grpc::CompletionQueue::GOT_EVENT) return {};
    if (tag == impl_.get()) {
      impl_->wake_up.Fired();
      const bool stopping = impl_->stopping.load(std::memory_order_relaxed);
      return {stopping ? BulkEvent::Kind::kStopping : BulkEvent::Kind::kWoken, nullptr, {}, {}};
    }
    auto* done = static_cast<BulkTag*>(tag);
    std::optional<BulkEvent> event = done->stream->OnDone(done->op, ok);
    const bool abandoned = done->stream->abandoned();
    if (abandoned) impl_->Reap();
    if (event && !abandoned) return *std::move(event);
  }
}

void BulkLoop::Wake() { impl_->wake_up.Wake(&impl_->queue, impl_.get()); }

BulkStream* BulkLoop::Open(std::shared_ptr<grpc::Channel> channel, const std::string& method,
                           absl::Duration timeout) {
  auto stream = std::make_unique<ClientStream>(std::move(channel), method, timeout, &impl_->queue);
  BulkStream* raw = stream.get();
  impl_->Adopt(std::move(stream));
  return raw;
}

void BulkLoop::Close(BulkStream* stream) {
  auto* impl = static_cast<BulkStreamImpl*>(stream);
  impl->Cancel();
  impl->Abandon();
  impl_->Reap();
}

}  // namespace quern::rpc
