// One live replica: its rules (ReplicaMachine), its data file and its rows, kept in step.
//
// Order of every change: bytes, then row, then memory; so what is answered is what a restart finds.
// Operations that change the replica take turns (one runs, the others sleep); looking at it needs
// no turn and never waits for a disk.
//
// Thread-safe. (docs/design/append-and-seal.md)
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "chunkserver/logic/replica_machine.h"
#include "chunkserver/logic/rival_replicas.h"
#include "chunkserver/store/disk.h"
#include "chunkserver/store/inventory.h"
#include "chunkserver/store/turns.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "common/storage/file_io.h"

namespace quern::chunkserver {

class Replica {
 public:
  // All borrowed; they outlive the replica.
  struct Environment {
    Disk* disk = nullptr;
    Inventory* inventory = nullptr;
    Clock* clock = nullptr;
  };

  // A new replica: space reserved, row durable. One that may yet come whole (kIndexedBytes) has
  // neither a file nor a durable row before its first bytes: a power cut forgets it, with nothing
  // in it. ResourceExhausted when the disk is full. See Announce.
  static absl::StatusOr<std::shared_ptr<Replica>> Create(const Environment& environment,
                                                         ReplicaSpec spec);
  // A replica that the disk remembers, after the restart rules have been applied and stored. They
  // are durable at the next synced write to the disk's index, which the caller makes before it
  // serves. The inventory does not hear of it before Announce.
  static absl::StatusOr<std::shared_ptr<Replica>> Restore(const Environment& environment,
                                                          const ReplicaRecord& record,
                                                          const std::string& boot_id);
  // A copy whose data file is in its place and whose record and sums are stored. See Announce.
  static std::shared_ptr<Replica> Adopt(const Environment& environment,
                                        const ReplicaRecord& record);

  // From now on it is part of what this server has: told, and in the digests, for as long as it
  // lives and is not removed. After it is in the store, where a listing finds it.
  void Announce();
  ~Replica();

  // --- Looking.
  struct Facts {
    ReplicaReport report;
    uint64_t committed = 0;
    uint64_t synced = 0;
    bool suspect = false;
    bool sealed = false;
    int64_t since_ms = 0;
    bool made_now = false;               // for a chunk that was given out since the start
    uint64_t judged = 0;                 // see Judged; 0: not since the start
    std::vector<ProducerSeq> producers;  // empty when sealed
  };
  Facts facts() const;
  ReplicaSpec spec() const;
  ReplicaRecord record() const;
  // As one of two of its chunk.
  Rival AsRival() const;
  ChunkId chunk() const { return chunk_; }
  const Disk& disk() const { return *environment_.disk; }
  // See ReplicaMachine::Readable; Unavailable when the disk has failed or hangs.
  absl::StatusOr<uint64_t> Readable(const std::optional<SealedAs>& sealed) const;

  // --- Appending: by one stream at a time.
  // Aborted while another stream is attached, Unavailable when the disk has failed or hangs.
  absl::Status Attach();
  void Detach();
  struct Piece {
    uint64_t offset = 0;
    uint64_t producer = 0;
    uint64_t seq = 0;
    uint64_t committed = 0;  // as the sender knows it
    std::span<const iovec> payload;
    const PayloadSums* sums = nullptr;  // of the payload at `offset`
  };
  // Bytes and row written; on the disk too in files of Durability::kSync. Any failure of the disk
  // fences the replica.
  absl::StatusOr<AppendRecord> Append(const Piece& piece);
  // All that some replicas will ever hold, each at offset 0: appended, fenced and durable in one
  // step, as by Append and Fence; of small ones all on a disk in one write. Every replica is
  // attached by the caller, so none is among them twice. After an error nobody knows which of them
  // have their bytes.
  struct Whole {
    std::shared_ptr<Replica> replica;
    Piece piece;
  };
  static absl::Status AppendWhole(std::span<const Whole> wholes);
  void LearnCommitted(uint64_t offset);
  // Makes everything appended so far durable. Returns the length.
  absl::StatusOr<uint64_t> Sync();

  // --- Ending.
  struct FenceAnswer {
    ReplicaReport report;
    uint64_t committed = 0;
    uint64_t last_seq = 0;  // of the producer asked about
    bool suspect = false;
  };
  // Data to the disk, then the durable latch, then the answer. A replica that is sealed already
  // answers too; FailedPrecondition when nobody knows whose appends are in it.
  absl::StatusOr<FenceAnswer> Fence(uint64_t producer);
  // CRC32C of its first `length` bytes; none when it is shorter, or sealed at another length.
  absl::StatusOr<std::optional<uint32_t>> CrcAt(uint64_t length);
  // The log has SEALED(length, crc). The report says what became of the replica.
  absl::StatusOr<ReplicaReport> Finalize(uint64_t length, uint32_t crc);
  // A master has said that what is sealed here is what its log has sealed. Of two replicas that
  // were sealed differently the one that a master said it of last is right.
  void Judged();
  absl::Status Quarantine();
  // A check of its bytes failed. Returns what to tell the reader: DataLoss.
  absl::Status Condemn(std::string_view reason);
  // The bytes, or the rows about them, could not be read. Only what is missing from a disk that is
  // there (NotFound: a file, or a row that is not there or damaged) condemns the replica; every
  // other error is the trouble of the server or of the disk and says nothing about the bytes:
  // Unavailable, another replica may be read meanwhile. DataLoss, of a sealed one, when the disk
  // itself refuses them (EIO): to be reported, and looked into (replica_verifier.h).
  absl::Status ReadFailed(const absl::Status& error);
  // How often it was condemned: who wants to acquit it looks before it checks.
  uint64_t condemnations() const;
  // All its bytes have just been checked: a CORRUPT replica is good again, durably. OK when it is
  // not CORRUPT. FailedPrecondition: it was condemned more than `condemnations` times, or has lost
  // bytes for good.
  absl::Status Acquit(uint64_t condemnations);
  // Durable when OK. What is left of it (the file, when it cannot be deleted) is cleaned up at the
  // next start.
  absl::Status Remove();
  // The rest of a removal whose row says REMOVED: file and rows go.
  static void FinishRemoval(Disk* disk, ChunkId chunk);
  // A copy takes the place of its file and rows: like Remove, but those that `publish` puts there
  // stay. Nothing else happens to the replica meanwhile.
  absl::Status ReplaceWith(const std::function<absl::Status()>& publish);
  // Its disk has failed, or is silent: tells the master that it is gone. Takes no turn.
  void ReportGone();
  // It is being removed by order of a master that will not hear how that ends: until Tell it is no
  // part of what this server has. Takes no turn.
  void Withhold();
  // That has ended: it is told again, unless it is gone.
  void Tell();
  // Another one has taken its place: it is no part of what this server has any more, whatever
  // becomes of it until it goes, or is reinstated. Take no turn.
  void Retire();
  void Reinstate();
  // It is as before its first Announce, unless it is among those that the server has.
  void Readmit();
  bool retired() const;

  // --- For ReplicaReader.
  // The checksums of the blocks that hold [offset, offset + bytes), while the replica is not
  // sealed.
  struct Blocks {
    uint64_t length = 0;  // the last block is summed up to here
    std::vector<uint32_t> crcs;
  };
  std::optional<Blocks> UnsealedBlocks(uint64_t offset, uint64_t bytes) const;
  // Errors as of ReadFailed.
  absl::StatusOr<SealedSums> LoadSums();
  // Which appends are in it. Errors as of ReadFailed.
  absl::StatusOr<std::vector<ProducerSeq>> Producers() { return ProducersOf(facts()); }
  // Errors are for ReadFailed.
  absl::StatusOr<std::unique_ptr<File>> OpenForReading() const;

 private:
  Replica(const Environment& environment, ReplicaMachine machine);

  absl::StatusOr<std::vector<ProducerSeq>> ProducersOf(const Facts& now);

  // All of these are called in a turn.
  absl::StatusOr<File*> DataFile();
  // The file of a replica that was made without one.
  absl::Status MakeFile();
  absl::Status AppendBytes(const Piece& piece, const AppendRecord& record);
  absl::StatusOr<AppendRecord> AppendInTurn(const Piece& piece);
  // The parts of AppendWhole; those on this disk, turns and all.
  static absl::Status AppendWholeTo(Disk* disk, std::span<const Whole* const> wholes);
  absl::Status CheckWhole(const Piece& piece) const;
  bool FitsIntoIndex(const Piece& piece) const;
  absl::StatusOr<ReplicaIndex::Whole> PrepareWhole(const Piece& piece) const;
  static absl::Status StoreWhole(Disk* disk, std::span<Replica* const> replicas,
                                 std::span<const ReplicaIndex::Whole> rows);
  absl::Status SyncData();
  // OPEN -> FENCED; in memory at once, durable when OK. Aborted: it was removed.
  absl::Status Latch();
  absl::Status StoreLatch(ReplicaRecord fenced);
  // Stores a record and takes it over.
  absl::Status Store(const ReplicaRecord& record, WriteMode mode);
  // `append`: the one that made it so, if any; nobody sees one without the other.
  void Become(const ReplicaRecord& record, const AppendRecord* append = nullptr);
  // The checksums of the first `length` bytes and the producers within them; nullopt when there are
  // fewer bytes.
  struct Prefix {
    ChunkSums sums;
    std::vector<ProducerSeq> producers;
  };
  absl::StatusOr<std::optional<Prefix>> PrefixAt(uint64_t length);
  absl::Status Seal(const Prefix& prefix);
  // It was made STALE: a master's log has sealed the chunk as this.
  void Refused(const SealedAs& wanted);
  // The space that it reserved beyond its final length, if it still has it.
  absl::Status GiveBack(uint64_t length);
  // The same of one that is put aside, which it is either way: the next start tries again.
  void TryGiveBack(uint64_t length);
  // Forgets the replica in memory: it is REMOVED.
  void LetGo();
  // The parts of Restore. A sealed replica whose file is missing or too short is CORRUPT.
  static absl::StatusOr<std::shared_ptr<Replica>> RestoreSealed(const Environment& environment,
                                                                const ReplicaRecord& record);
  absl::Status Recover(const ReplicaRecord& stored, const std::string& boot_id);
  // What GiveBack did not, or would have, of one that is in quarantine or stale.
  absl::Status GiveBackUnsealed(uint64_t length);
  void SetUsed(uint64_t bytes);
  // Tells the inventory what the replica is now.
  void Report();
  void TellGone() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Environment environment_;
  const ChunkId chunk_;

  // Used in a turn only.
  bool has_file_ = true;  // false: nothing was written yet, or the bytes are in the index
  std::unique_ptr<File> file_;
  bool directory_synced_ = false;
  bool latch_stored_ = true;  // false: fenced in memory, the row could not be written yet
  uint64_t pushed_ = 0;       // data up to here are on their way to the disk
  uint64_t used_bytes_ = 0;   // as accounted at the disk

  bool made_now_ = false;  // as it was made

  Turns turns_;  // never taken with mutex_ held
  mutable Mutex mutex_;
  bool attached_ ABSL_GUARDED_BY(mutex_) = false;
  ReplicaMachine machine_ ABSL_GUARDED_BY(mutex_);
  std::optional<ReplicaReport> reported_ ABSL_GUARDED_BY(mutex_);
  enum class Place { kNotYet, kTaken, kGivenUp };  // among those that the server has
  Place place_ ABSL_GUARDED_BY(mutex_) = Place::kNotYet;
  bool withheld_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t condemnations_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t judged_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<Refusal> refused_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::chunkserver
