// How long a chunkserver may be silent before it counts as failed: a machine that is paused or cut
// off breaks no connection, and neither does a slow link, over which one message takes seconds.
#pragma once

#include <absl/time/time.h>

#include <atomic>
#include <cstdint>

namespace quern::client {

// `silence`, and what `awaited_bytes` take at the lowest speed that is worth waiting for, but no
// more than two minutes.
absl::Duration AllowedSilence(absl::Duration silence, uint64_t awaited_bytes);

// Bytes that the streams of a client wait for at the moment: they may share one link, on which each
// waits for those of the others. Of a stream only those up to its next answer. Thread-safe.
class AwaitedBytes {
 public:
  // Counts as long as it lives.
  class Share {
   public:
    Share(AwaitedBytes* all, uint64_t bytes) : all_(all), bytes_(bytes) { all_->total_ += bytes_; }
    ~Share() { all_->total_ -= bytes_; }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

   private:
    AwaitedBytes* const all_;
    const uint64_t bytes_;
  };

  uint64_t total() const { return total_; }

 private:
  std::atomic<uint64_t> total_ = 0;
};

}  // namespace quern::client
