#include "chunkserver/service/stream_memory.h"

namespace quern::chunkserver {

absl::StatusOr<std::unique_ptr<StreamMemory::Share>> StreamMemory::Open(uint64_t floor_bytes,
                                                                        uint64_t most_bytes) {
  const MemoryBudget::Stream stream = {.floor = floor_bytes, .most = most_bytes};
  MutexLock lock(&mutex_);
  RETURN_IF_ERROR(budget_.Open(stream));
  return std::unique_ptr<Share>(new Share(this, stream));
}

uint64_t StreamMemory::used() const {
  MutexLock lock(&mutex_);
  return budget_.used();
}

StreamMemory::Share::~Share() {
  MutexLock lock(&memory_->mutex_);
  memory_->budget_.Close(stream_);
}

bool StreamMemory::Share::MayTake(uint64_t bytes) const {
  MutexLock lock(&memory_->mutex_);
  return memory_->budget_.MayTake(stream_, bytes);
}

void StreamMemory::Share::Hold(uint64_t bytes) {
  if (bytes == stream_.held) return;
  MutexLock lock(&memory_->mutex_);
  memory_->budget_.Hold(&stream_, bytes);
}

}  // namespace quern::chunkserver
