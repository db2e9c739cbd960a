// One disk of a chunkserver: the data files of its replicas and their index.
//
//   DIR/IDENTITY           marker: a missing index is noticed and not taken for a new disk
//   DIR/FAILED             why the disk was given up; it is not used again while this is there
//   DIR/index/             RocksDB (chunk_store.proto)
//   DIR/data/2a/000000000000002a   payload of chunk 0x2a, nothing else; 256 directories by the last
//                          byte of the id
//   DIR/tmp/               copies under way; emptied at the start
//
// Beside DIR lies .NAME.quern-disk, which names the disk that belongs there: an empty DIR may be a
// mount point without its disk.
//
// A disk fails once and for good: after a failed fdatasync nobody knows what is on it, so nothing
// is tried again, its replicas are gone for this server, and the other disks go on. One that cannot
// be opened for another reason (not mounted, full, no descriptors) is away, and may come back. A
// disk that hangs has not failed: it is not used for anything new, and goes on when it answers.
// When it has been silent for minutes the master is told that its replicas are gone, so that others
// are made, and when it answers that they are here.
//
//   away <-> opening -> ready -> failed
// (docs/formats/chunk-store.md)
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chunkserver/logic/disk_choice.h"
#include "chunkserver/logic/operation_watch.h"
#include "chunkserver/store/replica_index.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "common/storage/file_io.h"

namespace quern::chunkserver {

// Makes the index of a disk in a directory; `create` at the first format.
using IndexOpener = std::function<absl::StatusOr<std::unique_ptr<ReplicaIndex>>(
    const std::string& path, bool create)>;

inline constexpr absl::Duration kDiskPatience = absl::Seconds(10);
// A bus that is reset, or a controller that restarts, takes a minute or two.
inline constexpr absl::Duration kDiskSilence = absl::Minutes(5);

// Thread-safe.
class Disk {
 public:
  struct Options {
    std::string path = {};
    FileSystem* fs = nullptr;
    IndexOpener open_index = nullptr;
    // Space kept free; 0 = DefaultReserve.
    uint64_t reserve_bytes = 0;
    Clock* clock = Clock::Real();
    // A disk that lets an operation wait for longer hangs.
    absl::Duration patience = kDiskPatience;
    // After so long it is silent: what is on it is not counted on any more.
    absl::Duration silence = kDiskSilence;
  };
  // Away.
  explicit Disk(Options options);

  // Opens the disk; it is ready after MarkReady. An empty directory is formatted when `format` is
  // given, and is NotFound else. FailedPrecondition: marked as failed before. DataLoss: the index
  // is damaged or gone. After these two it is not tried again; after others, later.
  absl::Status Open(const std::optional<DiskIdentity>& format);
  // Its replicas are loaded and durable.
  void MarkReady();
  // Back from opening: closes the index. With `for_good` it is not tried again.
  void SetAway(const absl::Status& why, bool for_good = false);
  // Neither ready nor failed for good.
  bool may_return() const;
  // As its marker says, or as set by the one who expects it; empty when nobody knows.
  std::string uuid() const;
  void set_uuid(const std::string& uuid);
  // The uuid in the file beside the directory or, when that has gone with a mount, beside the one
  // above it; empty when there is none. It is read: an operation, see Use.
  std::string Note() const;

  const std::string& path() const { return options_.path; }
  // Of a disk that is ready, or of the one who opens it.
  ReplicaIndex& index() { return *index_; }
  absl::StatusOr<DiskIdentity> LoadIdentity() { return index_->LoadIdentity(); }
  absl::Status SaveIdentity(const DiskIdentity& identity, WriteMode mode);

  // OK when it is ready; else why it is not used at present, or any more.
  absl::Status health() const;
  bool failed() const;
  // Gives the disk up after an I/O error. Only the first call counts.
  void Fail(const absl::Status& why);
  // Called once, by the thread that calls Fail.
  void set_on_failed(std::function<void()> on_failed) { on_failed_ = std::move(on_failed); }
  // Fails the disk when `status` says that the disk itself is broken (an I/O error, damage). Not
  // when it is full, or the process lacks descriptors, memory or rights. Returns `status`.
  absl::Status Check(const absl::Status& status);
  // False when nothing is seen of it at present: not mounted, say.
  bool IsThere() const;

  // An operation that may have to wait for the disk lasts as long as this. No thread that has one
  // of one disk may be needed by another disk, or by the session with the master.
  class Use {
   public:
    explicit Use(const Disk* disk) : disk_(disk), operation_(disk->Begin()) {}
    ~Use() { disk_->End(operation_); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    const Disk* const disk_;
    const uint64_t operation_;
  };
  // OK, or Unavailable while the disk hangs: it may come back.
  absl::Status Answers() const;
  // How long the oldest operation has been waiting for it.
  absl::Duration Waiting() const;
  // What health and Answers say.
  absl::Status Usable() const;
  // Takes note of whether the disk is silent: since it has hung for so long, until it answers. True
  // when that has changed.
  bool NoteSilence();
  bool silent() const { return silent_; }
  // The master is told of what is on it.
  bool Counts() const { return health().ok() && !silent_; }

  // For ChooseDisk; a disk that is not usable has no room. What LookAtSpace found, put right for
  // what replicas have taken since: never waits for the disk.
  DiskRoom Room() const;
  uint64_t capacity_bytes() const;
  void LookAtSpace();
  // Bytes that will soon be taken by replicas that are to be made here.
  void Plan(int64_t bytes) { planned_bytes_ += static_cast<uint64_t>(bytes); }
  // Bytes that replicas hold or have reserved.
  uint64_t used_bytes() const { return used_bytes_; }
  void AddUsed(int64_t bytes) { used_bytes_ += static_cast<uint64_t>(bytes); }

  // A new, empty data file with its space reserved; replaces a leftover of that name.
  absl::StatusOr<std::unique_ptr<File>> CreateData(ChunkId chunk, uint64_t reserve_bytes);
  absl::StatusOr<std::unique_ptr<File>> OpenData(ChunkId chunk, bool write);
  // A failure fails the disk, unless the directory could not be opened: Unavailable.
  absl::Status SyncDataDir(ChunkId chunk);
  // All chunks that have a data file, in no order; names that are no chunks are passed over.
  absl::StatusOr<std::vector<ChunkId>> ListData();
  // The data file's length, and the space that it takes; nullopt when there is none.
  struct DataSize {
    uint64_t bytes = 0;
    uint64_t allocated_bytes = 0;
  };
  absl::StatusOr<std::optional<DataSize>> SizeOfData(ChunkId chunk);
  // Gives back what the file has beyond `length`: bytes, and space that was reserved.
  absl::Status TrimData(ChunkId chunk, uint64_t length);
  // Durably. OK when it is not there.
  absl::Status RemoveData(ChunkId chunk);

  // A file under tmp/ for a copy, and its move to its place, durably.
  absl::StatusOr<std::unique_ptr<File>> CreateTemporary(ChunkId chunk, uint64_t reserve_bytes);
  absl::Status PublishTemporary(ChunkId chunk);
  void RemoveTemporary(ChunkId chunk);

 private:
  absl::Status OpenOrFormat(const std::optional<DiskIdentity>& format);
  absl::Status OpenIndex(bool in_use, bool create);
  absl::Status CheckEmpty() const;
  absl::Status PrepareSpace();
  void WriteNote(const std::string& uuid);
  absl::Status WriteMarker(const DiskIdentity& identity);
  absl::Status MakeDataDir(ChunkId chunk);
  uint64_t Begin() const;
  void End(uint64_t operation) const;
  std::string DataDir(ChunkId chunk) const;
  std::string DataPath(ChunkId chunk) const;
  std::string TemporaryPath(ChunkId chunk) const;

  const Options options_;
  std::unique_ptr<ReplicaIndex> index_;
  std::function<void()> on_failed_;
  uint64_t reserve_bytes_ = 0;
  std::atomic<uint64_t> used_bytes_ = 0;
  std::atomic<uint64_t> planned_bytes_ = 0;
  std::atomic<bool> silent_ = false;
  // Since it was opened.
  std::array<std::atomic<bool>, 256> data_dirs_durable_ = {};

  mutable Mutex watch_mutex_;  // its own: it is taken for every operation
  mutable OperationWatch watch_ ABSL_GUARDED_BY(watch_mutex_);

  mutable Mutex mutex_;
  absl::Status health_ ABSL_GUARDED_BY(mutex_);
  bool for_good_ ABSL_GUARDED_BY(mutex_) = false;  // why it is not OK does not change by itself
  std::string uuid_ ABSL_GUARDED_BY(mutex_);
  // Cluster id that the marker file says; none before the first format is done.
  std::optional<std::string> marked_cluster_ ABSL_GUARDED_BY(mutex_);
  // Of the last look; none when it failed.
  struct Look {
    DiskSpace space;
    uint64_t used_bytes;  // at that time
    bool full;            // no room for the index
  };
  std::optional<Look> look_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::chunkserver
