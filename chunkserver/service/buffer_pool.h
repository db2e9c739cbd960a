// Buffers for reads, used again and again: fresh memory costs more than what is copied into it.
#pragma once

#include <grpcpp/support/slice.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "common/mutex.h"

namespace quern::chunkserver {

// Thread-safe. Buffers may outlive the pool.
class BufferPool {
 public:
  // Keeps at most `max_idle` buffers of `bytes` each.
  BufferPool(size_t bytes, size_t max_idle);

  class Buffer {
   public:
    char* data() const { return memory_.get(); }

   private:
    friend class BufferPool;
    std::unique_ptr<char[]> memory_;
  };
  Buffer Get();
  void Put(Buffer buffer);
  // A slice over part of the buffer; the buffer comes back when gRPC has sent the last of it.
  grpc::Slice Lend(Buffer buffer, const char* begin, size_t bytes);

 private:
  struct Idle {
    size_t max = 0;
    Mutex mutex;
    std::vector<Buffer> buffers ABSL_GUARDED_BY(mutex);
    void Put(Buffer buffer);
  };
  struct Loan;

  const size_t bytes_;
  const std::shared_ptr<Idle> idle_;
};

}  // namespace quern::chunkserver
