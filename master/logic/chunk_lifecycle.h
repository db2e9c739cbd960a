// Decides the durable life of a chunk: OPEN -> SEALING(n) -> SEALED(length, crc), never back.
//
// A file's next chunk exists only after the one before it is SEALED, so a file's length is the sum
// of its sealed chunks and a chunk's place in the file never changes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "common/status.h"
#include "master/logic/metadata_view.h"

namespace quern::master {

// What the forced seal of a chunk came to (SealPlanner).
struct SealedAt {
  uint64_t length = 0;
  uint32_t crc = 0;
  bool lost_tail = false;
  // The writer that asked, and its last sequence number within `length`.
  uint64_t producer = 0;
  uint64_t last_seq = 0;
};

class ChunkLifecycle {
 public:
  explicit ChunkLifecycle(const MetadataView& view) : view_(view) {}

  // OK when `file`, which has a writer, may get its chunk number `ordinal` now. FailedPrecondition:
  // it has another number of chunks, or the last one is not sealed.
  absl::Status CheckNext(InodeId inode, const pb::InodeRow& file, uint32_t ordinal) const;
  // The OPEN record of the next chunk of `file`. `chain` is the replica set, primary first.
  static pb::LogRecord Add(ChunkId chunk, InodeId inode, const pb::InodeRow& file,
                           std::span<const ServerId> chain);

  // The primary's report of a clean seal. No record: it is in the log already. FailedPrecondition:
  // the chunk was sealed otherwise, or a forced seal is under way.
  absl::StatusOr<std::optional<pb::LogRecord>> CleanSeal(ChunkId chunk, ServerId reporter,
                                                         uint64_t length, uint32_t crc) const;
  // SEALING(n + 1); a repeated one is for after a restart. No record: it is sealed already.
  absl::StatusOr<std::optional<pb::LogRecord>> BeginSeal(ChunkId chunk,
                                                         std::string_view reason) const;
  // No record: somebody else's decision is in the log already, and stands.
  absl::StatusOr<std::optional<pb::LogRecord>> ForcedSeal(ChunkId chunk,
                                                          const SealedAt& sealed) const;
  // Its writer says how much of a SEALED chunk it was acknowledged. No record: that changes
  // nothing.
  absl::StatusOr<std::optional<pb::LogRecord>> Vouch(ChunkId chunk, uint64_t acked_offset) const;

 private:
  absl::StatusOr<pb::ChunkRow> Get(ChunkId chunk) const;

  const MetadataView& view_;
};

}  // namespace quern::master
