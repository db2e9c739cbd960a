#include "chunkserver/logic/memory_budget.h"

namespace quern::chunkserver {

absl::Status MemoryBudget::Open(const Stream& stream) {
  const uint64_t needed = Counted(stream.held, stream);
  if (used_ + needed > total_) {
    return ResourceExhaustedError(
        "streams hold {} of the {} bytes that they may use together. Try again later, or give "
        "them more with --stream_memory",
        used_, total_);
  }
  used_ += needed;
  return absl::OkStatus();
}

bool MemoryBudget::MayTake(const Stream& stream, uint64_t bytes) const {
  const uint64_t held = stream.held + bytes;
  if (held <= stream.floor) return true;
  if (held > stream.most) return false;
  return used_ - Counted(stream.held, stream) + held <= total_;
}

void MemoryBudget::Hold(Stream* stream, uint64_t bytes) {
  used_ -= Counted(stream->held, *stream);
  stream->held = bytes;
  used_ += Counted(stream->held, *stream);
}

}  // namespace quern::chunkserver
