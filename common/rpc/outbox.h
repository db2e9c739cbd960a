// Messages on their way over one session: put in by any thread, sent by the thread of the session.
//
// Bounded: a peer that takes so little that `max_bytes` are waiting for it has its session ended.
// Whoever registers anew is told everything that matters again, so nothing has to be kept for it.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/byte_buffer.h>

#include <deque>
#include <vector>

#include "common/mutex.h"
#include "common/rpc/bulk.h"
#include "common/status.h"

namespace quern::rpc {

// Thread-safe.
class Outbox {
 public:
  static constexpr size_t kMaxBytes = size_t{64} << 20;
  // What lies in the stream and not here: enough to keep a connection busy.
  static constexpr size_t kSendAhead = size_t{1} << 20;

  // `loop` is woken when there is something to do, until Detach.
  explicit Outbox(BulkLoop* loop, size_t max_bytes = kMaxBytes)
      : max_bytes_(max_bytes), loop_(loop) {}

  // Order is kept. Dropped once the session is ending.
  void Put(const google::protobuf::MessageLite& message);
  // The session should end, for this reason; only the first one counts.
  void Close(const absl::Status& why = AbortedError("the session is over. Register anew"));

  // --- By the thread of the session.
  // The oldest messages, of about `bytes` together.
  std::vector<grpc::ByteBuffer> Take(size_t bytes);
  // Sends what the stream has room for; the rest follows when kSent says that there is more.
  // Returns why the session should end.
  absl::Status Flush(BulkStream* stream);
  absl::Status closed() const;
  // The loop is about to end: what is put in from now on is dropped.
  void Detach();

 private:
  void CloseLocked(const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_bytes_;
  mutable Mutex mutex_;
  BulkLoop* loop_ ABSL_GUARDED_BY(mutex_);
  std::deque<grpc::ByteBuffer> messages_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::rpc
