// How long a chunkserver may be silent before it counts as failed: a machine that is paused or cut
// off breaks no connection, and neither does a slow link, over which one message takes seconds.
#pragma once

#include <absl/time/time.h>

#include <atomic>
#include <cstdint>

#include "common/mutex.h"

namespace quern::client {

// `silence`, and what `awaited_bytes` take at a speed, but no more than two minutes.
absl::Duration AllowedSilence(absl::Duration silence, uint64_t awaited_bytes,
                              double bytes_per_second);

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

  // What was awaited has come after so long: while one waits, the link brings what all wait for. To
  // be called while its Share lives.
  void Arrived(absl::Duration waited);
  // What may be expected of the link: half of what it did lately, so that a server which falls
  // silent on a fast one is noticed as soon as ever.
  double bytes_per_second() const { return bytes_per_second_; }
  static constexpr double kLowest = 64 << 10;  // that is worth waiting for

 private:
  static constexpr double kUnknown = 512 << 10;

  std::atomic<uint64_t> total_ = 0;
  std::atomic<double> bytes_per_second_ = kUnknown;
  Mutex mutex_;
  double best_ ABSL_GUARDED_BY(mutex_) = 0;  // of late
};

}  // namespace quern::client
