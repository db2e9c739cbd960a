// The pieces in which a file travels: at most 1 MiB each, in memory that is used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "common/mutex.h"

namespace quern::client {

inline constexpr size_t kPieceBytes = 1 << 20;

struct PieceBuffer {
  std::unique_ptr<char[]> data{new char[kPieceBytes]};
  size_t size = 0;
  uint32_t crc = 0;  // CRC32C of the bytes, set when the piece is complete

  std::string_view bytes() const { return {data.get(), size}; }
};

// Shared by the window (until every replica has the bytes) and by the transport (until it has let
// go of them); only the last owner gives the memory back.
using SharedPiece = std::shared_ptr<PieceBuffer>;

// Freed buffers are handed out again: memory that was just touched is far cheaper than new pages.
// No more of them are kept than a few files need; what many files at a time took is given back.
// Thread-safe; buffers may outlive the pool's owner.
class PiecePool : public std::enable_shared_from_this<PiecePool> {
 public:
  static std::shared_ptr<PiecePool> Create() { return std::shared_ptr<PiecePool>(new PiecePool); }
  SharedPiece Take();

  static constexpr size_t kMaxFreePieces = 64;
  size_t free_pieces() const;

 private:
  PiecePool() = default;
  void GiveBack(std::unique_ptr<PieceBuffer> buffer);

  mutable Mutex mutex_;
  std::vector<std::unique_ptr<PieceBuffer>> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::client
