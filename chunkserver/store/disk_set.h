// The disks of one server: which of them are here, whose they are, and what they all remember.
//
// The identity (server, cluster, newest master seen, roster of disks) is kept on every disk. A disk
// that was there once and is missing now is expected back: until somebody forgets it, nothing that
// may be on it is called lost.
//
// Each disk is opened in a thread of its own. The start waits for all that answer, and for one that
// can be used at least: a disk that hangs is away, and is taken in when it answers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "chunkserver/logic/disk_roster.h"
#include "chunkserver/logic/order_guard.h"
#include "chunkserver/store/disk.h"
#include "chunkserver/store/disk_threads.h"
#include "common/mutex.h"
#include "common/storage/file_io.h"

namespace quern::chunkserver {

// How long a start waits for a disk. Longer than other operations: after a crash the index reads
// its log first, and without its disk the server would let the master seal what is open there.
inline constexpr absl::Duration kDiskStartPatience = absl::Minutes(1);

// Thread-safe.
class DiskSet {
 public:
  struct Options {
    std::vector<std::string> dirs;       // one per disk
    std::set<std::string> forget_disks;  // uuids of disks that are lost for good
    uint64_t reserve_bytes = 0;          // see Disk
    FileSystem* fs = nullptr;
    IndexOpener open_index;
    Clock* clock = Clock::Real();
    absl::Duration disk_patience = kDiskPatience;  // see Disk
    absl::Duration disk_silence = kDiskSilence;
    // See Disk::set_on_failed. From any thread.
    std::function<void(const Disk*)> on_failed = nullptr;
  };
  explicit DiskSet(Options options);
  // Once. Opens those that are there, formats new ones. Fails when none is usable, or when disks
  // belong to different servers or clusters (FailedPrecondition). None is ready yet. Also when it
  // fails, threads may be in disks that hang.
  absl::Status Open();

  // Those of `dirs`, then those that are missed. Never changes.
  const std::vector<std::unique_ptr<Disk>>& disks() const { return disks_; }
  // Of those, the ones that Open has opened.
  const std::vector<Disk*>& opened() const { return opened_; }
  const std::string& server_uuid() const { return server_uuid_; }
  const OrderGuard::Seen& seen_at_start() const { return seen_at_start_; }

  size_t IndexOf(const Disk* disk) const;
  // It was missed at the start, and is one of the others: one that hung then, at another place.
  bool IsElsewhere(size_t disk) const;

  // Takes note of what SaveMark is to write.
  void Follow(const OrderGuard::Seen& seen);
  // On one disk, unsynced; does nothing when it is there.
  absl::Status SaveMark(size_t disk);
  // The same, synced, on one that is being opened.
  absl::Status SaveOpened(Disk* disk);

  // Where disks are opened; also for those who load them.
  DiskThreads& threads() { return threads_; }
  // Tries one again that may return. True: it is open now.
  bool Reopen(Disk* disk);
  // OK when all disks are ready or forgotten, or new ones that are for the next start to take in.
  // Unavailable: names one that is not.
  absl::Status CheckWhole() const;

 private:
  // One without a disk, and the note beside it.
  struct EmptyPlace {
    Disk* disk = nullptr;
    std::string note;
  };
  // Opens what is there and answers; what is empty goes to `empty`. The first error.
  absl::Status OpenExisting(std::vector<EmptyPlace>* empty);
  void OpenAtStart(Disk* disk);
  bool AnyOpen() const;
  // Formats those that may be and answer. The first error.
  absl::Status FormatNew(const std::vector<EmptyPlace>& empty);
  void FormatAtStart(Disk* disk, const DiskIdentity& identity);
  bool AnyFormatted() const;
  absl::Status AgreeOnIdentity();
  // Whether a disk that has just been opened is one of ours.
  absl::Status CheckReturned(Disk* disk);
  // Opens one that may return, unless it is open since a start that did not wait for it.
  absl::Status OpenAgain(Disk* disk);
  // One that may return holds no disk.
  void NoteEmpty(Disk* disk, const absl::Status& before);
  void AddMissing();
  // FailedPrecondition: what one that is in no directory is told of with.
  absl::Status WhyMissed(const KnownDisk& missing) const;
  std::unique_ptr<Disk> MakeDisk(const std::string& path) const;
  // By disk: what the disk has is never older than this.
  struct Mark {
    Mutex writing;  // one at a time
    std::optional<OrderGuard::Seen> saved ABSL_GUARDED_BY(writing);
  };
  // With the lock of its mark.
  absl::Status SaveOn(size_t disk, const OrderGuard::Seen& seen, WriteMode mode);

  const Options options_;
  std::vector<std::unique_ptr<Disk>> disks_;
  std::vector<Disk*> opened_;
  std::string server_uuid_;
  OrderGuard::Seen seen_at_start_;

  std::vector<std::unique_ptr<Mark>> marks_;

  mutable Mutex mutex_;
  OrderGuard::Seen seen_ ABSL_GUARDED_BY(mutex_);
  DiskRoster roster_ ABSL_GUARDED_BY(mutex_);
  // What came of opening them, until the start goes on without the rest.
  struct Answer {
    absl::Status status;
    std::string note;  // of an empty one
  };
  std::map<const Disk*, Answer> at_start_ ABSL_GUARDED_BY(mutex_);
  bool goes_on_ ABSL_GUARDED_BY(mutex_) = false;
  // The same of formatting.
  std::map<const Disk*, absl::Status> formatted_ ABSL_GUARDED_BY(mutex_);
  bool has_formatted_ ABSL_GUARDED_BY(mutex_) = false;
  // Those that were opened too late for that, and wait for Reopen.
  std::set<const Disk*> late_ ABSL_GUARDED_BY(mutex_);
  // Those in which no disk was ever seen, and at the last look none was: their notes. Also
  // those that became new disks too late for the start, or hang before they do.
  std::map<const Disk*, std::string> empty_ ABSL_GUARDED_BY(mutex_);

  DiskThreads threads_;  // last: they use the rest
};

}  // namespace quern::chunkserver
