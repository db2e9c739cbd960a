// The only place that opens RocksDB: every safe setting is here, with its reason in rocks.cc.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "common/storage/file_io.h"
#include "common/storage/space_reserve.h"
#include "common/strings.h"

namespace quern {

struct RocksOptions {
  std::string path{};
  // True only for the first format: FailedPrecondition when a database is there already. Otherwise
  // it must be there, since RocksDB would take a lost database for a new one and report success.
  bool create = false;
  // Besides "default", which always exists. Missing ones are made.
  std::vector<std::string> column_families{};
  // Memtable of each column family, and the shared block cache.
  size_t write_buffer_bytes = size_t{8} << 20;
  size_t block_cache_bytes = size_t{32} << 20;
  // Held beside the database for when the disk is full (PATH.reserve); 0: 64 MiB, or 1/64 of a
  // small disk, but at least 16 MiB.
  uint64_t reserve_bytes = 0;
  // Where the reserve is, and whose free space is looked at.
  FileSystem* fs = FileSystem::Real();
  // Tests put a file layer underneath that forgets; null: the real one.
  rocksdb::Env* env = nullptr;
};

enum class RocksSync {
  kLater,  // survives the death of the process; of the machine, once a later write is synced
  kNow,    // survives a power cut when it returns, with every write before it
};

// An open database and its column families. Thread-safe; closed by the destructor.
class RocksDb {
 public:
  ~RocksDb();
  RocksDb(const RocksDb&) = delete;
  RocksDb& operator=(const RocksDb&) = delete;

  // The only way to write: the log also says how much of it was durable (rocks_log.h), which tells
  // a power cut from a damaged log. Atomic. Adds a row to the batch.
  absl::Status Write(rocksdb::WriteBatch* batch, RocksSync sync);

  // Everything written before survives a power cut when it returns. Unlike a synced write it keeps
  // no other write waiting for the disk.
  absl::Status Sync();

  // The disk is full: the reserve was needed, and there is no room yet to take it again. Writes
  // still succeed out of what it gave back, so the owner should stop all but those that make room.
  bool Full();

  // For reading.
  rocksdb::DB* operator->() const { return db_.get(); }
  rocksdb::DB* get() const { return db_.get(); }
  // One of RocksOptions::column_families or "default"; anything else is a bug and ends the process.
  rocksdb::ColumnFamilyHandle* ColumnFamily(std::string_view name) const;

 private:
  friend absl::StatusOr<std::unique_ptr<RocksDb>> OpenRocks(const RocksOptions& options);
  RocksDb() = default;
  absl::Status Open(const RocksOptions& options);
  // After a failed write: makes room by giving the reserve back, if it was for want of room, and
  // has RocksDB write again, which it refuses after any failure. True: to a new log.
  bool Recover(const rocksdb::Status& failure);
  // Never writes to a log that has failed.
  rocksdb::Status WriteUnlessBroken(RocksSync sync, rocksdb::WriteBatch* batch);
  absl::Status BeginNewLog();
  void NoteDurable(uint64_t number);

  std::unique_ptr<rocksdb::DB> db_;
  std::unique_ptr<SpaceReserve> reserve_;
  StringMap<rocksdb::ColumnFamilyHandle*> families_;
  // Shared by writes, so that RocksDB can join them; alone for Recover.
  std::shared_mutex log_mutex_;
  // One sync at a time: a log that has failed is not synced again.
  std::mutex sync_mutex_;
  // A write has failed, and RocksDB has not begun a new log since; and which log that was (0: not
  // known yet; only for Recover).
  std::atomic<bool> broken_{false};
  uint64_t broken_log_ = 0;
  // Every write up to this sequence number is durable; and what the log says of it.
  std::atomic<uint64_t> durable_{0};
  std::atomic<uint64_t> logged_durable_{0};
  std::array<char, 16> mark_key_{};  // rocks_log.h
};

// NotFound: no database there (and not `create`). DataLoss: it is damaged. ResourceExhausted: the
// disk is full, even without the reserve. After a power cut it holds a first part of the writes,
// with every synced one.
absl::StatusOr<std::unique_ptr<RocksDb>> OpenRocks(const RocksOptions& options);

// Corruption and an I/O error -> DataLoss, NotFound -> NotFound, no space -> ResourceExhausted, no
// descriptors or memory -> Unavailable, a device that is away -> Internal, ...
absl::Status FromRocks(const rocksdb::Status& status);

// The border to RocksDB's own string view.
inline rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view ToStd(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace quern
