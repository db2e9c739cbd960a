// The life of one replica: what it accepts, what may be read of it, how it ends.
//
//   OPEN -> FENCED -> FINALIZED            the way of every healthy replica
//                  -> STALE                shorter than or different from the sealed chunk
//   any            -> CORRUPT              its bytes do not match their checksums
//   any but OPEN   -> QUARANTINED          unknown to the master; kept for days
//   CORRUPT        -> FENCED, FINALIZED    all its bytes were checked again and are right (Acquit)
//   any            -> REMOVED
//
// Invariants: bytes are added in state OPEN only; OPEN is never entered again (the latch), and no
// restart leaves a replica OPEN; committed <= length; FINALIZED is read whole, OPEN and FENCED up
// to the committed offset, the others not at all. (docs/design/append-and-seal.md)
//
// No locks, no I/O: its owner makes each change durable before it applies it here.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "chunkserver/logic/checksums.h"
#include "chunkserver/logic/replica_types.h"
#include "common/status.h"

namespace quern::chunkserver {

class ReplicaMachine {
 public:
  // OPEN and empty.
  explicit ReplicaMachine(ReplicaSpec spec);

  // After a restart. `appends` are the records that survived (SurvivingAppends); none when sealed.
  struct Restart {
    std::string boot_id = {};  // of the machine now
    bool lost_bytes = false;   // records had to be cut because their data were gone
  };
  // An OPEN replica comes back FENCED: it cannot know what went on meanwhile. It is suspect if it
  // may have forgotten appends that it had acknowledged from memory. One that lost bytes that had
  // been made durable comes back CORRUPT. The caller stores record() if it differs.
  static ReplicaMachine Restore(const ReplicaRecord& record, std::span<const AppendRecord> appends,
                                const Restart& restart);

  const ReplicaSpec& spec() const { return record_.spec; }
  ReplicaState state() const { return record_.state; }
  bool suspect() const { return record_.suspect; }
  bool sealed() const { return record_.sealed; }
  uint64_t length() const { return sums_.length(); }
  uint32_t crc() const { return sums_.crc(); }
  uint64_t committed() const { return committed_; }
  uint64_t synced() const { return record_.synced; }
  int64_t since_ms() const { return record_.since_ms; }
  const ChunkSums& sums() const { return sums_; }
  const std::vector<ProducerSeq>& producers() const { return producers_; }
  // 0 when the producer is unknown.
  uint64_t LastSeq(uint64_t producer) const;
  ReplicaReport Report() const;

  // FailedPrecondition: not OPEN. Aborted: `offset` is not the end. OutOfRange: beyond capacity.
  absl::Status CheckAppend(uint64_t offset, uint64_t bytes) const;
  // A record that CheckAppend accepted and that is stored.
  void Appended(const AppendRecord& record);
  // Somebody knows that every replica has this much.
  void LearnCommitted(uint64_t offset);
  // Data up to here are on the disk.
  void Synced(uint64_t length);

  // Offset up to which may be read: what this replica knows itself, since a seal may still take
  // away what is beyond. `sealed`: how the log has sealed the chunk, if the reader knows it; a
  // latched replica that has just that is read whole, and one that was sealed as anything else not
  // at all: another history of the cluster made it. DataLoss: CORRUPT. FailedPrecondition: STALE,
  // or sealed otherwise. NotFound: QUARANTINED or REMOVED.
  absl::StatusOr<uint64_t> Readable(const std::optional<SealedAs>& sealed = std::nullopt) const;

  // What the log's SEALED(length, crc) makes of this replica. `crc_at_length`: CRC32C of its first
  // `length` bytes, nullopt when it is shorter.
  enum class Verdict { kFinalize, kAlreadyFinal, kStale, kCorrupt };
  Verdict Judge(uint64_t length, uint32_t crc, std::optional<uint32_t> crc_at_length) const;

  // The record that this change would store. FailedPrecondition when the drawing above has no such
  // step. Staying as it is, is allowed.
  absl::StatusOr<ReplicaRecord> RecordAs(ReplicaState next, int64_t now_ms) const;
  // The same for a sealed replica of this length and checksum.
  absl::StatusOr<ReplicaRecord> RecordSealed(uint64_t length, uint32_t crc) const;
  // The same for a CORRUPT replica whose bytes have all been found right. FailedPrecondition when
  // it has lost bytes that had been made durable: the ones left may match, but are not all.
  absl::StatusOr<ReplicaRecord> RecordAcquitted(int64_t now_ms) const;
  // Takes over a record made by one of these, once it is stored.
  void Become(const ReplicaRecord& record);
  ReplicaRecord record() const;

 private:
  ReplicaRecord record_;  // length and crc live in sums_
  ChunkSums sums_;
  uint64_t committed_ = 0;
  std::vector<ProducerSeq> producers_;  // few: a chunk has one writer, or some appending clients
};

// How many of the append records of a replica still hold after a crash: they must follow each other
// without a gap, and beyond `synced` their data must match. `data_crc` reads and sums a range of
// the data file; another CRC32C cuts there. An error of it says nothing about the data, and is
// returned.
absl::StatusOr<size_t> SurvivingAppends(
    std::span<const AppendRecord> appends, uint64_t synced, uint64_t file_bytes,
    const std::function<absl::StatusOr<uint32_t>(uint64_t, uint64_t)>& data_crc);

}  // namespace quern::chunkserver
