// Reads one replica, checking every byte against its checksums before anybody sees it.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "chunkserver/store/replica.h"

namespace quern::chunkserver {

// Pieces never cross a multiple of this offset, so that whole blocks fit a buffer of this size.
inline constexpr uint64_t kReadPieceBytes = uint64_t{1} << 20;

// One reader's hold on a replica; for one thread. The replica may be appended to, sealed or removed
// meanwhile.
class ReplicaReader {
 public:
  // `sealed`, errors: see ReplicaMachine::Readable, and Replica::ReadFailed.
  static absl::StatusOr<std::unique_ptr<ReplicaReader>> Open(
      std::shared_ptr<Replica> replica, const std::optional<SealedAs>& sealed = std::nullopt);

  // For checking: all its bytes, in whatever state it is. NotFound when it was removed.
  static absl::StatusOr<std::unique_ptr<ReplicaReader>> OpenToVerify(
      std::shared_ptr<Replica> replica);

  struct Extent {
    uint64_t readable = 0;  // length that may be read now
    bool sealed = false;
  };
  absl::StatusOr<Extent> extent() const;

  struct Piece {
    std::string_view bytes;  // within the buffer
    uint32_t crc = 0;
  };
  // Bytes from `offset` on, at most `max_bytes` and not across a multiple of kReadPieceBytes.
  // `buffer` has kReadPieceBytes. OutOfRange beyond what may be read; DataLoss when the bytes do
  // not match: the replica is CORRUPT from then on. Unavailable when they could not be read.
  absl::StatusOr<Piece> Read(uint64_t offset, uint64_t max_bytes, char* buffer);

  // Has the disk begin to read these bytes into the system's memory, for whoever reads them next,
  // and does not wait until it has. An advice: what cannot be done is not.
  void ReadAhead(uint64_t offset, uint64_t bytes);

 private:
  enum class Purpose { kServe, kVerify };
  ReplicaReader(std::shared_ptr<Replica> replica, Purpose purpose)
      : replica_(std::move(replica)), purpose_(purpose) {}
  static absl::StatusOr<std::unique_ptr<ReplicaReader>> OpenFile(std::shared_ptr<Replica> replica,
                                                                 Purpose purpose);

  // Opens its file, or what stands for it, if that has not been done.
  absl::Status OpenBytes();
  // Checksums of the blocks from offset / kBlockBytes on, as they are now.
  absl::StatusOr<Replica::Blocks> BlocksAt(uint64_t offset, uint64_t bytes);
  // Fills the buffer with whole blocks and checks them; true when all match.
  absl::StatusOr<bool> ReadBlocks(uint64_t begin, uint64_t end, const Replica::Blocks& blocks,
                                  char* buffer);

  const std::shared_ptr<Replica> replica_;
  std::unique_ptr<File> file_;  // none while there was nothing to read
  const Purpose purpose_;
  std::optional<SealedAs> sealed_as_;
  std::optional<SealedSums> sums_;  // loaded once, when sealed
};

}  // namespace quern::chunkserver
