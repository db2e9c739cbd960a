#include "chunkserver/service/buffer_pool.h"

#include <utility>

#include "common/rpc/owned_slice.h"

namespace quern::chunkserver {

BufferPool::BufferPool(size_t bytes, size_t max_idle)
    : bytes_(bytes), idle_(std::make_shared<Idle>()) {
  idle_->max = max_idle;
}

void BufferPool::Idle::Put(Buffer buffer) {
  MutexLock lock(&mutex);
  if (buffers.size() < max) buffers.push_back(std::move(buffer));
}

BufferPool::Buffer BufferPool::Get() {
  {
    MutexLock lock(&idle_->mutex);
    if (!idle_->buffers.empty()) {
      Buffer buffer = std::move(idle_->buffers.back());
      idle_->buffers.pop_back();
      return buffer;
    }
  }
  Buffer buffer;
  buffer.memory_ = std::make_unique_for_overwrite<char[]>(bytes_);
  return buffer;
}

void BufferPool::Put(Buffer buffer) { idle_->Put(std::move(buffer)); }

// A buffer in gRPC's hands; it comes back when the last reference is dropped.
struct BufferPool::Loan {
  Loan(std::shared_ptr<Idle> owner, Buffer lent)
      : idle(std::move(owner)), buffer(std::move(lent)) {}
  Loan(Loan&&) = default;
  Loan& operator=(Loan&&) = delete;
  ~Loan() {
    if (idle != nullptr) idle->Put(std::move(buffer));
  }
  std::shared_ptr<Idle> idle;
  Buffer buffer;
};

grpc::Slice BufferPool::Lend(Buffer buffer, const char* begin, size_t bytes) {
  return rpc::OwnedSlice(begin, bytes, Loan(idle_, std::move(buffer)));
}

}  // namespace quern::chunkserver
