// The memory that this server's streams share (logic/memory_budget.h).
#pragma once

#include <memory>

#include "chunkserver/logic/memory_budget.h"
#include "common/mutex.h"

namespace quern::chunkserver {

// Thread-safe. Outlives its shares.
class StreamMemory {
 public:
  explicit StreamMemory(uint64_t total_bytes) : budget_(total_bytes) {}

  // What one stream has of it, for the stream's thread.
  class Share {
   public:
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    bool MayTake(uint64_t bytes) const;
    void Hold(uint64_t bytes);

   private:
    friend class StreamMemory;
    Share(StreamMemory* memory, const MemoryBudget::Stream& stream)
        : memory_(memory), stream_(stream) {}
    StreamMemory* const memory_;
    MemoryBudget::Stream stream_;
  };
  // ResourceExhausted when there is no room for the floor of one more stream.
  absl::StatusOr<std::unique_ptr<Share>> Open(uint64_t floor_bytes, uint64_t most_bytes);

  uint64_t used() const;

 private:
  mutable Mutex mutex_;
  MemoryBudget budget_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::chunkserver
