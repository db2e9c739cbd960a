#include "client/piece.h"

namespace quern::client {

SharedPiece PiecePool::Take() {
  std::unique_ptr<PieceBuffer> buffer;
  {
    MutexLock lock(&mutex_);
    if (!free_.empty()) {
      buffer = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (buffer == nullptr) buffer = std::make_unique<PieceBuffer>();
  buffer->size = 0;
  return {buffer.release(), [pool = shared_from_this()](PieceBuffer* used) {
            pool->GiveBack(std::unique_ptr<PieceBuffer>(used));
          }};
}

void PiecePool::GiveBack(std::unique_ptr<PieceBuffer> buffer) {
  MutexLock lock(&mutex_);
  if (free_.size() < kMaxFreePieces) free_.push_back(std::move(buffer));
}

size_t PiecePool::free_pieces() const {
  MutexLock lock(&mutex_);
  return free_.size();
}

}  // namespace quern::client
