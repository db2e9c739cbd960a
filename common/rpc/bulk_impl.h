// The insides of BulkLoop, shared by its client and server halves. Not for other folders.
#pragma once

#include <grpcpp/completion_queue.h>

#include <atomic>
#include <deque>
#include <memory>
#include <vector>

#include "common/rpc/bulk.h"
#include "common/rpc/wake_up.h"

namespace quern::rpc {

enum class BulkOp { kRead, kWrite, kClose, kFinish };

class BulkStreamImpl;

// What a completion queue hands back: which operation of which stream has ended.
struct BulkTag {
  BulkStreamImpl* stream = nullptr;
  BulkOp op = BulkOp::kRead;
};

// State that both ends share: the write queue, and the count of operations under way (a stream may
// only be freed when it is zero).
class BulkStreamImpl : public BulkStream {
 public:
  BulkStreamImpl();
  void Send(grpc::ByteBuffer message) override;
  size_t unsent_bytes() const override { return unsent_bytes_; }
  size_t unsent_messages() const override { return queue_.size(); }
  void PauseReading() override { reading_paused_ = true; }
  bool failed() const override { return failed_; }
  void ResumeReading() override;

  // Turns a finished operation into an event for the user, if it makes one.
  std::optional<BulkEvent> OnDone(BulkOp op, bool ok);
  bool idle() const { return operations_ == 0; }
  bool abandoned() const { return abandoned_; }
  void Abandon() { abandoned_ = true; }

 protected:
  virtual void DoRead(grpc::ByteBuffer* message, void* tag) = 0;
  virtual void DoWrite(const grpc::ByteBuffer& message, void* tag) = 0;
  // All queued messages have left.
  virtual void OnDrained() = 0;
  // Reading has ended (half-closed or broken).
  virtual std::optional<BulkEvent> OnReadEnd() = 0;
  virtual absl::Status FinalStatus() = 0;

  void* StartOperation(BulkOp op);
  void StartRead();
  bool drained() const { return !writing_ && queue_.empty(); }

 private:
  void StartWrite();

  BulkTag tags_[4];
  int operations_ = 0;
  std::deque<grpc::ByteBuffer> queue_;
  size_t unsent_bytes_ = 0;
  grpc::ByteBuffer incoming_;
  bool writing_ = false;
  bool reading_ = false;
  bool read_ended_ = false;
  bool reading_paused_ = false;
  bool failed_ = false;
  bool abandoned_ = false;
};

struct BulkLoop::Impl {
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<BulkStreamImpl>> streams;

  WakeUp wake_up;  // with this as the tag
  std::atomic<bool> stopping = false;

  void Adopt(std::unique_ptr<BulkStreamImpl> stream) { streams.push_back(std::move(stream)); }
  void Reap();
};

}  // namespace quern::rpc
