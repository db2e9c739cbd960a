// All replicas of one chunkserver, on any number of disks.
//
// A disk that fails, at the start or later, takes its own replicas with it and nothing else. One
// that is away may come back: what is not known here is NotFound only while no disk is missing
// (disk_set.h).
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "chunkserver/store/disk_set.h"
#include "chunkserver/store/incoming_copy.h"
#include "chunkserver/store/inventory.h"
#include "chunkserver/store/replica.h"
#include "chunkserver/store/replica_verifier.h"
#include "chunkserver/store/turns.h"
#include "common/clock.h"
#include "common/mutex.h"

namespace quern::chunkserver {

struct ChunkStoreOptions {
  std::vector<std::string> dirs;       // one per disk
  std::set<std::string> forget_disks;  // uuids of disks that are lost for good
  std::string boot_id;                 // of the machine; BootId() in life
  uint64_t reserve_bytes = 0;          // kept free on each disk; 0 = DefaultReserve
  FileSystem* fs = FileSystem::Real();
  Clock* clock = Clock::Real();
  IndexOpener open_index;  // none = RocksDB
  // See Disk::Options.
  absl::Duration disk_patience = kDiskPatience;
  absl::Duration disk_silence = kDiskSilence;
};

struct DiskStatus {
  std::string path;  // of one that is missed: where it was last, and another one may stand now
  std::string uuid;  // empty when nobody knows
  uint64_t capacity_bytes = 0;
  uint64_t free_bytes = 0;  // without the reserve
  uint64_t used_bytes = 0;
  // The machine's boot and the device: two directories with the same one share their space. Empty
  // when it is not known.
  std::string device;
  absl::Status health;
  absl::Status answers;
  // It was missed at the start and is another one of the list by now: nothing to tell of.
  bool elsewhere = false;
};

// Changes with every boot of the machine; empty when the system does not say: every restart is
// taken for a reboot then.
std::string BootId();

// Thread-safe.
class ChunkStore {
 public:
  // Applies the restart rules to every replica. A disk that hangs is taken in when it answers; what
  // is on it is Unavailable until then. Fails when no disk is usable, or as DiskSet::Open; what
  // hangs then keeps what it uses, as MayGo says.
  static absl::StatusOr<std::unique_ptr<ChunkStore>> Open(ChunkStoreOptions options);
  // The destructor would wait for no disk that hangs: the threads in which disks are opened and
  // loaded have ended. False: some do not come back, and use this. Waits for those that will.
  bool MayGo();
  ~ChunkStore();

  // Of this server; made at its first start.
  const std::string& server_uuid() const { return disks_->server_uuid(); }
  const std::string& boot_id() const { return options_.boot_id; }
  // What was durable when the store opened.
  const OrderGuard::Seen& seen_at_start() const { return disks_->seen_at_start(); }
  // Tries the disks again that are away, and the replicas that could not be read when theirs was
  // opened; to be called now and then, by one thread. Does not wait for disks that hang.
  void ReopenDisks();

  // --- What is to be remembered of the masters, and whose disk has it. Follow only takes note;
  // SaveMark has it written to one disk, and does nothing when it is there. Unsynced, it is durable
  // with the next synced write to the same disk; so an order whose own write is synced never
  // outlives the mark of its master.
  void Follow(const OrderGuard::Seen& seen) { disks_->Follow(seen); }
  absl::Status SaveMark(size_t disk) { return disks_->SaveMark(disk); }

  // --- Disks, by their places in `dirs`, then those that are missed. None of these waits for a
  // disk, but LookAtSpace.
  size_t disk_count() const { return disks_->disks().size(); }
  absl::Status DiskAnswers(size_t disk) const { return disks_->disks()[disk]->Answers(); }
  // Where a replica of the chunk is. NotFound.
  absl::StatusOr<size_t> DiskOf(ChunkId chunk) const;
  // Room on the disk that a new replica should go to, kept until it is dropped.
  // ResourceExhausted: none has room. Unavailable: none is usable.
  struct Room {
    size_t disk = 0;
    std::shared_ptr<void> claim;
  };
  absl::StatusOr<Room> ClaimRoom(uint64_t bytes);
  // Why ClaimRoom would fail.
  absl::Status CheckRoom(uint64_t bytes) const { return DiskWithRoom(bytes).status(); }
  void LookAtSpace(size_t disk);
  // Tells the master that what is on a disk that has fallen silent is gone, and of what is on one
  // that answers again. Waits for no disk; to be called now and then, by one thread.
  void WatchSilence();
  // Removes some of what copies on other disks, or replicas of disks that have come back, have
  // replaced here, unless those have become worse meanwhile: then what is here takes its place
  // again. Does nothing while the disk does not answer. Returns where to go on, if there is more.
  std::optional<ChunkId> RemoveReplaced(size_t disk, ChunkId from = ChunkId());

  // Space is reserved. AlreadyExists: there is a replica of this chunk, of whatever kind. A master
  // never gives out an id twice. ResourceExhausted: no disk has room.
  // `preferred`: the disk that ClaimRoom gave; another one is tried when it fails there.
  absl::Status Create(ReplicaSpec spec, std::optional<size_t> preferred = std::nullopt);
  // NotFound: this server has no such replica. Unavailable: it may have one that it cannot look at
  // now.
  absl::StatusOr<std::shared_ptr<Replica>> Find(ChunkId chunk) const;
  // For a reader who knows how the log has sealed the chunk, or that it is open: one that is set
  // aside, when it is just that and the one that Find has is not. Errors as of Find.
  absl::StatusOr<std::shared_ptr<Replica>> FindToRead(ChunkId chunk,
                                                      const std::optional<SealedAs>& sealed) const;
  // Reads the whole replica again (replica_verifier.h): takes as long as the disk takes. Errors as
  // of Find.
  absl::StatusOr<Verification> Verify(ChunkId chunk, const VerifyOptions& options = {});
  // `disk`: where the one lies that is to go. FailedPrecondition: one on another disk is served by
  // now.
  absl::Status Remove(ChunkId chunk, std::optional<size_t> disk = std::nullopt);
  // For a copy. FailedPrecondition while the chunk is OPEN here. AlreadyExists: it is sealed here
  // as something else. What is on a disk that is not usable does not matter.
  absl::StatusOr<std::unique_ptr<IncomingCopy>> BeginCopy(
      ChunkId chunk, const SealedAs& sealed, std::optional<size_t> preferred = std::nullopt);
  // Finishes it and puts it in the place of what was here of the chunk.
  absl::StatusOr<ReplicaReport> FinishCopy(std::unique_ptr<IncomingCopy> copy, uint64_t length,
                                           uint32_t crc);

  // Replicas in no order; a moment's view.
  std::vector<std::shared_ptr<Replica>> List() const;
  size_t size() const;
  std::vector<DiskStatus> Disks() const;
  Inventory& inventory() { return inventory_; }

 private:
  explicit ChunkStore(ChunkStoreOptions options) : options_(std::move(options)) {}
  absl::Status OpenDisks();
  // Restores the replicas of a disk that has been opened, and makes both part of the store. False:
  // it is away.
  bool Load(Disk* disk);
  absl::Status LoadDisk(Disk* disk);
  void TryAgain(Disk* disk);
  using Replicas = std::vector<std::shared_ptr<Replica>>;
  absl::StatusOr<Replicas> RestoreReplicas(Disk* disk);
  void Publish(Disk* disk, const Replicas& replicas);
  // Serves it, or sets it aside, or neither. Returns the one that goes for the other, if any; what
  // is let go behind the lock goes to `let_go`.
  [[nodiscard]] std::shared_ptr<Replica> Place(Disk* disk, const std::shared_ptr<Replica>& replica,
                                               std::vector<std::shared_ptr<void>>* let_go)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static constexpr absl::Duration kFirstRestorePause = absl::Seconds(10);
  static constexpr absl::Duration kLastRestorePause = absl::Hours(1);
  // One whose bytes could not be read when its disk was opened, or that another disk has one of of
  // which nobody knows whether it is worth more: it stays as it is there, has no vote, and is tried
  // again.
  struct Unrestored {
    Unrestored(Disk* at, ReplicaRecord stored, absl::Status reason)
        : disk(at), record(std::move(stored)), why(std::move(reason)), turns(at) {}
    Disk* const disk;
    const ReplicaRecord record;
    const absl::Status why;
    // Whoever restores it, or puts a copy in its place.
    Turns turns;
    // Restored, but that is not durable yet, or set aside. Changes in a turn and with the lock of
    // the store, so that either is enough to look at it.
    std::shared_ptr<Replica> replica;
    // Of the thread of its disk. A bad sector may take a minute to say so, and the disk hangs
    // meanwhile: it is not asked all the time.
    absl::Time next_try = absl::InfinitePast();
    absl::Duration pause = kFirstRestorePause;
  };
  using UnrestoredPtr = std::shared_ptr<Unrestored>;
  std::vector<UnrestoredPtr> UnrestoredOn(const Disk* disk) const;
  // One that is not served is on a disk.
  bool LiesUnserved(ChunkId chunk) const;
  // Null: there is none on this disk.
  UnrestoredPtr FindUnrestored(ChunkId chunk, const Disk* disk) const;
  [[nodiscard]] UnrestoredPtr TakeUnrestored(const Disk* disk, ChunkId chunk)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RestoreAgain(Disk* disk);
  absl::Status RestoreOne(Unrestored* unrestored);
  // Whether one that is set aside stays so: until it is known which is worth more, or it is to be
  // served rather than the other one, or that is gone (rival_replicas.h).
  bool MustWait(const Replica& newcomer) const;
  // The other one is damaged, but its row knows what was sealed. A newcomer that has all of it is
  // sealed so too: the master, which is told of one of them, cannot order that. False: it is not.
  bool SealAsOther(Replica* newcomer);
  // It is not served, and not told; it is looked at again, and stays on its disk until then.
  void SetAside(const std::shared_ptr<Replica>& replica) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Unusable(Disk* disk, const absl::Status& why);
  void OnDiskFailed(const Disk* disk);
  Replicas OnDisk(const Disk* disk) const;
  // Another one has taken its place: the master hears that it is gone, and it goes with
  // RemoveReplaced. One on a disk that has failed stays until a restart, which finds two.
  void PutOff(const std::shared_ptr<Replica>& replaced);
  // These two, and TakeUnrestored, return what was there, or null: letting a replica go closes its
  // file, which is not to be waited for with the lock held.
  [[nodiscard]] std::shared_ptr<Replica> AddReplaced(const std::shared_ptr<Replica>& replica)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] std::shared_ptr<Replica> TakeReplaced(const Disk* disk, ChunkId chunk)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Of a chunk, at one moment: what is served, and what lies on this disk, served or replaced, or
  // not restored. Null: there is none.
  struct Present {
    std::shared_ptr<Replica> served;
    std::shared_ptr<Replica> on_disk;
    UnrestoredPtr unrestored;
  };
  Present FindAll(ChunkId chunk, const Disk* disk) const;
  // What took its place is worth less by now, or nobody knows: it is not removed. It takes its
  // place again, or is set aside.
  bool IsToStay(const std::shared_ptr<Replica>& replaced);
  void RemoveOne(const std::shared_ptr<Replica>& replaced);
  Replica::Environment EnvironmentOf(Disk* disk);
  // Calls `use` with the preferred or else the best disk, and with the next one when it fails
  // there; never with one that hangs.
  absl::Status UseDiskWithRoom(std::optional<size_t> preferred, uint64_t bytes,
                               const std::function<absl::Status(Disk*)>& use);
  absl::StatusOr<size_t> DiskWithRoom(uint64_t bytes) const;

  const ChunkStoreOptions options_;
  Inventory inventory_;
  std::unique_ptr<DiskSet> disks_;

  mutable Mutex mutex_;
  absl::flat_hash_map<ChunkId, std::shared_ptr<Replica>> replicas_ ABSL_GUARDED_BY(mutex_);
  // Of the disks, as they were opened; empty before.
  std::vector<std::string> devices_ ABSL_GUARDED_BY(mutex_);
  // Several disks may have one of the same chunk.
  using OnOneDisk = std::pair<ChunkId, const Disk*>;
  std::map<OnOneDisk, UnrestoredPtr> unrestored_ ABSL_GUARDED_BY(mutex_);
  // Those that others have taken the place of and that are still there.
  std::map<std::pair<const Disk*, ChunkId>, std::shared_ptr<Replica>> replaced_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::chunkserver
