#include "chunkserver/store/replica_reader.h"

#include <fcntl.h>

#include <algorithm>

#include "common/crc32c.h"

namespace quern::chunkserver {
namespace {

// Of one advice the kernel takes no more than a request to the disk may have, which is at least
// this.
constexpr uint64_t kAdviceBytes = uint64_t{128} << 10;

// CRC32C of [offset, end) from a buffer that begins at block border `begin`: whole blocks have just
// been summed, so only their checksums are put together.
uint32_t CrcOfRange(uint64_t begin, uint64_t offset, uint64_t end, const Replica::Blocks& blocks,
                    const char* buffer) {
  uint32_t crc = 0;
  while (offset < end) {
    const uint64_t index = (offset - begin) / kBlockBytes;
    const uint64_t block_begin = begin + index * kBlockBytes;
    const uint64_t block_end = std::min(block_begin + kBlockBytes, blocks.length);
    const uint64_t stop = std::min(end, block_end);
    const uint64_t bytes = stop - offset;
    if (offset == block_begin && stop == block_end) {
      crc = ConcatCrc32c(crc, blocks.crcs[index], bytes);
    } else {
      crc = ExtendCrc32c(crc, buffer + (offset - begin), bytes);
    }
    offset = stop;
  }
  return crc;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReplicaReader>> ReplicaReader::Open(
    std::shared_ptr<Replica> replica, const std::optional<SealedAs>& sealed) {
  RETURN_IF_ERROR(replica->Readable(sealed).status());
  ASSIGN_OR_RETURN(auto reader, OpenFile(std::move(replica), Purpose::kServe));
  reader->sealed_as_ = sealed;
  return reader;
}

absl::StatusOr<std::unique_ptr<ReplicaReader>> ReplicaReader::OpenToVerify(
    std::shared_ptr<Replica> replica) {
  RETURN_IF_ERROR(replica->disk().health());
  auto reader = OpenFile(std::move(replica), Purpose::kVerify);
  // What the disk holds, and not what memory remembers of it. What is not on the disk yet stays.
  if (reader.ok() && (*reader)->file_ != nullptr) {
    posix_fadvise((*reader)->file_->fd(), 0, 0, POSIX_FADV_DONTNEED);
  }
  return reader;
}

absl::StatusOr<std::unique_ptr<ReplicaReader>> ReplicaReader::OpenFile(
    std::shared_ptr<Replica> replica, Purpose purpose) {
  std::unique_ptr<ReplicaReader> reader(new ReplicaReader(std::move(replica), purpose));
  // One without bytes may have no file either.
  if (reader->replica_->facts().report.length > 0) RETURN_IF_ERROR(reader->OpenBytes());
  return reader;
}

absl::Status ReplicaReader::OpenBytes() {
  if (file_ != nullptr) return absl::OkStatus();
  const Disk::Use use(&replica_->disk());
  auto file = replica_->OpenForReading();
  if (!file.ok()) return replica_->ReadFailed(file.status());
  file_ = *std::move(file);
  return absl::OkStatus();
}

absl::StatusOr<ReplicaReader::Extent> ReplicaReader::extent() const {
  const Replica::Facts facts = replica_->facts();
  if (purpose_ == Purpose::kVerify) {
    RETURN_IF_ERROR(replica_->disk().health());
    if (facts.report.state == ReplicaState::kRemoved) {
      return NotFoundError("chunk {}: was removed", replica_->chunk());
    }
    return Extent{.readable = facts.report.length, .sealed = facts.sealed};
  }
  ASSIGN_OR_RETURN(const uint64_t readable, replica_->Readable(sealed_as_));
  return Extent{.readable = readable, .sealed = facts.report.state == ReplicaState::kFinalized};
}

absl::StatusOr<Replica::Blocks> ReplicaReader::BlocksAt(uint64_t offset, uint64_t bytes) {
  if (std::optional<Replica::Blocks> blocks = replica_->UnsealedBlocks(offset, bytes)) {
    return *std::move(blocks);
  }
  if (!sums_) {
    ASSIGN_OR_RETURN(sums_, replica_->LoadSums());
  }
  Replica::Blocks blocks{.length = replica_->facts().report.length, .crcs = {}};
  const uint64_t end = std::min(offset + bytes, blocks.length);
  for (uint64_t i = offset / kBlockBytes; i * kBlockBytes < end; ++i) {
    if (i >= sums_->blocks.size()) {
      return replica_->Condemn(fmt::format("no checksum of block {}", i));
    }
    blocks.crcs.push_back(sums_->blocks[i]);
  }
  return blocks;
}

absl::StatusOr<bool> ReplicaReader::ReadBlocks(uint64_t begin, uint64_t end,
                                               const Replica::Blocks& blocks, char* buffer) {
  ASSIGN_OR_RETURN(const size_t got, file_->Pread(begin, end - begin, buffer));
  if (got < end - begin) return false;
  for (size_t i = 0; i < blocks.crcs.size(); ++i) {
    const uint64_t at = i * kBlockBytes;
    const uint64_t bytes = std::min(kBlockBytes, end - begin - at);
    if (ExtendCrc32c(0, buffer + at, bytes) != blocks.crcs[i]) return false;
  }
  return true;
}

absl::StatusOr<ReplicaReader::Piece> ReplicaReader::Read(uint64_t offset, uint64_t max_bytes,
                                                         char* buffer) {
  const Disk::Use use(&replica_->disk());
  // A second try when the replica was cut or sealed between the look at its checksums and the read.
  for (int attempt = 0;; ++attempt) {
    ASSIGN_OR_RETURN(const Extent extent, this->extent());
    if (offset > extent.readable) {
      return OutOfRangeError("chunk {}: read at {}, but {} bytes may be read", replica_->chunk(),
                             offset, extent.readable);
    }
    const uint64_t piece_end = offset - offset % kReadPieceBytes + kReadPieceBytes;
    const uint64_t end =
        std::min({piece_end, extent.readable, offset + std::min(max_bytes, kReadPieceBytes)});
    const uint64_t begin = offset - offset % kBlockBytes;
    if (end <= offset) return Piece{};
    RETURN_IF_ERROR(OpenBytes());
    ASSIGN_OR_RETURN(const Replica::Blocks blocks, BlocksAt(begin, end - begin));
    const uint64_t checked_end = std::min(begin + blocks.crcs.size() * kBlockBytes, blocks.length);
    const absl::StatusOr<bool> good = ReadBlocks(begin, checked_end, blocks, buffer);
    if (!good.ok()) return replica_->ReadFailed(good.status());
    if (*good) {
      return Piece{.bytes = {buffer + (offset - begin), end - offset},
                   .crc = CrcOfRange(begin, offset, end, blocks, buffer)};
    }
    if (attempt == 0 && !extent.sealed) continue;
    return replica_->Condemn(
        fmt::format("bytes {} to {} do not match their checksums", begin, checked_end));
  }
}

void ReplicaReader::ReadAhead(uint64_t offset, uint64_t bytes) {
  const Disk::Use use(&replica_->disk());
  if (!OpenBytes().ok() || file_->fd() < 0) return;
  for (uint64_t at = offset; at < offset + bytes; at += kAdviceBytes) {
    const uint64_t size = std::min(kAdviceBytes, offset + bytes - at);
    posix_fadvise(file_->fd(), static_cast<off_t>(at), static_cast<off_t>(size),
                  POSIX_FADV_WILLNEED);
  }
}

}  // namespace quern::chunkserver
