#include "common/rpc/outbox.h"

#include "common/rpc/bulk_codec.h"
#include "common/sizes.h"

namespace quern::rpc {

void Outbox::Put(const google::protobuf::MessageLite& message) {
  grpc::ByteBuffer encoded = EncodeMessage(message);
  MutexLock lock(&mutex_);
  if (loop_ == nullptr || !closed_.ok()) return;
  bytes_ += encoded.Length();
  messages_.push_back(std::move(encoded));
  if (bytes_ > max_bytes_) {
    messages_.clear();
    bytes_ = 0;
    return CloseLocked(ResourceExhaustedError("the peer takes nothing: more than {} wait for it",
                                              FormatBinarySize(max_bytes_)));
  }
  loop_->Wake();
}

void Outbox::Close(const absl::Status& why) {
  MutexLock lock(&mutex_);
  CloseLocked(why);
}

void Outbox::CloseLocked(const absl::Status& why) {
  if (closed_.ok()) closed_ = why;
  if (loop_ != nullptr) loop_->Wake();
}

std::vector<grpc::ByteBuffer> Outbox::Take(size_t bytes) {
  std::vector<grpc::ByteBuffer> taken;
  size_t taken_bytes = 0;
  MutexLock lock(&mutex_);
  while (!messages_.empty() && taken_bytes < bytes) {
    taken_bytes += messages_.front().Length();
    taken.push_back(std::move(messages_.front()));
    messages_.pop_front();
  }
  bytes_ -= taken_bytes;
  return taken;
}

absl::Status Outbox::Flush(BulkStream* stream) {
  if (stream->unsent_bytes() < kSendAhead) {
    for (grpc::ByteBuffer& message : Take(kSendAhead - stream->unsent_bytes())) {
      stream->Send(std::move(message));
    }
  }
  return closed();
}

absl::Status Outbox::closed() const {
  MutexLock lock(&mutex_);
  return closed_;
}

void Outbox::Detach() {
  MutexLock lock(&mutex_);
  loop_ = nullptr;
  messages_.clear();
  bytes_ = 0;
}

}  // namespace quern::rpc
