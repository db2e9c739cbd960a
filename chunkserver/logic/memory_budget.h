// How much memory the streams of a server may hold together: pieces on their way to readers and to
// the next replica.
//
// Every stream is promised a floor when it opens, so that it always gets on; a stream for which
// there is no floor left is refused. Beyond their floors streams share what is left: a stream that
// asks for more than there is waits until its own bytes have left. So nobody waits for anybody
// else, and what all hold together stays within the total.
//
// Not thread-safe.
#pragma once

#include <cstdint>

#include "common/status.h"

namespace quern::chunkserver {

class MemoryBudget {
 public:
  // What one stream holds. Opened and closed by the budget that it is used with.
  struct Stream {
    uint64_t floor = 0;  // promised
    uint64_t most = 0;   // not more, however much is free; at least the floor
    uint64_t held = 0;
  };

  explicit MemoryBudget(uint64_t total_bytes) : total_(total_bytes) {}

  // ResourceExhausted when the floor is not to be had.
  absl::Status Open(const Stream& stream);
  void Close(const Stream& stream) { used_ -= Counted(stream.held, stream); }

  // May it hold `bytes` more than now?
  bool MayTake(const Stream& stream, uint64_t bytes) const;
  // It holds so much now. More than MayTake allowed is counted all the same: what has come is here.
  void Hold(Stream* stream, uint64_t bytes);

  // Held or promised.
  uint64_t used() const { return used_; }
  uint64_t total() const { return total_; }

 private:
  static uint64_t Counted(uint64_t held, const Stream& stream) {
    return held > stream.floor ? held : stream.floor;
  }

  const uint64_t total_;
  uint64_t used_ = 0;
};

}  // namespace quern::chunkserver
