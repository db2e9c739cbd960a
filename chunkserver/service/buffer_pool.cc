#include "chunkserver/service/buffer_pool.h"

#include <utility>

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

// A buffer in gRPC's hands.
struct BufferPool::Loan {
  std::shared_ptr<Idle> idle;
  Buffer buffer;
};

grpc::Slice BufferPool::Lend(Buffer buffer, const char* begin, size_t bytes) {
  auto* loan = new Loan{idle_, std::move(buffer)};  // freed when the last reference is dropped
  return {const_cast<char*>(begin), bytes,
          [](void* data) {
            const std::unique_ptr<Loan> back(static_cast<Loan*>(data));
            back->idle->Put(std::move(back->buffer));
          },
          loan};
}

}  // namespace quern::chunkserver
