#include "common/storage/rocks.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>
#include <rocksdb/transaction_log.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "common/log.h"
#include "common/storage/file_io.h"
#include "common/storage/rocks_info_log.h"
#include "common/storage/rocks_log.h"

namespace quern {
namespace {

rocksdb::ColumnFamilyOptions FamilyOptions(const RocksOptions& options,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // RocksDB's CRC32C is a table-driven one in Debian's build (1.4 GB/s).
  table.checksum = rocksdb::kXXH3;
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = options.write_buffer_bytes;
  // Most lookups before a write ask for what is not there; the buffer is a skip list.
  family.memtable_whole_key_filtering = true;
  family.memtable_prefix_bloom_size_ratio = 0.02;
  family.compression = rocksdb::kLZ4Compression;
  return family;
}

// RocksDB would try by itself every 5 s to go on after a failed write; RocksDb::Recover does it at
// once, when there is room again.
class NoDelayedRecovery : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status error,
                            bool* automatic) override {
    if (error.severity() >= rocksdb::Status::kHardError) *automatic = false;
  }
  // A flush that finds the log broken would be final; as an error of the log itself it is not, and
  // only a Resume from one begins a new log.
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) override {
    if (error->ToString().find("Seen error. Skip writing buffer") == std::string::npos) return;
    *error =
        rocksdb::Status(rocksdb::Status::NoSpace("the log is broken"), rocksdb::Status::kHardError);
  }
};

rocksdb::DBOptions DatabaseOptions(const RocksOptions& options) {
  rocksdb::DBOptions database;
  if (options.env != nullptr) database.env = options.env;
  // Only the first format makes a database: a deleted one would open as an empty one, with OK.
  database.create_if_missing = options.create;
  database.error_if_exists = options.create;
  // New versions of a server bring new column families.
  database.create_missing_column_families = true;
  // Up to the first bad record: a power cut may leave some in the unsynced end. Alone it would open
  // with half of the *synced* writes after one flipped bit in the middle; CheckLog has been asked.
  database.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  database.paranoid_checks = true;
  // A deleted or cut log is noticed, because the manifest remembers its synced size.
  database.track_and_verify_wals_in_manifest = true;
  // A log that grows without bound makes restarts slow.
  database.max_total_wal_size = uint64_t{64} << 20;
  database.max_background_jobs = 2;
  database.max_open_files = 512;
  database.info_log = std::make_shared<RocksInfoLog>();
  database.stats_dump_period_sec = 0;
  database.listeners.push_back(std::make_shared<NoDelayedRecovery>());
  return database;
}

bool Exists(const RocksOptions& options) {
  rocksdb::Env* env = options.env != nullptr ? options.env : rocksdb::Env::Default();
  return env->FileExists(options.path + "/CURRENT").ok();
}

constexpr uint64_t kReserveBytes = uint64_t{64} << 20;
constexpr uint64_t kSmallReserveBytes = uint64_t{16} << 20;
// What an opening writes besides the contents of the log.
constexpr uint64_t kOpeningBytes = uint64_t{4} << 20;

uint64_t ReserveBytes(const RocksOptions& options) {
  if (options.reserve_bytes != 0) return options.reserve_bytes;
  const auto space = options.fs->Space(ParentDir(options.path));
  if (!space.ok()) return kReserveBytes;
  return std::clamp(space->capacity_bytes / 64, kSmallReserveBytes, kReserveBytes);
}

// An opening moves the log into tables. RocksDB does not survive it when they do not fit: it ends
// the process by an assertion. So it is not begun without room.
absl::Status MakeRoomToOpen(const RocksOptions& options, SpaceReserve* reserve) {
  uint64_t need = kOpeningBytes;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, options.fs->List(options.path));
  for (const std::string& name : names) {
    if (!name.ends_with(".log")) continue;
    ASSIGN_OR_RETURN(const auto file, options.fs->Open(options.path + "/" + name, {}));
    ASSIGN_OR_RETURN(const uint64_t bytes, file->Size());
    need += bytes;
  }
  ASSIGN_OR_RETURN(DiskSpace space, options.fs->Space(options.path));
  if (space.free_bytes < need && reserve->Release()) {
    LogWarning("disk_full", {{"path", options.path}, {"reserve", "given back"}});
    ASSIGN_OR_RETURN(space, options.fs->Space(options.path));
  }
  if (space.free_bytes >= need) return absl::OkStatus();
  return ResourceExhaustedError(
      "the disk is full: {} bytes are free, {} are needed to open the database. Try: make room",
      space.free_bytes, need);
}

// A failure that giving space back, or trying again, may end.
bool Recoverable(const rocksdb::Status& failure) {
  const absl::Status status = FromRocks(failure);
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status);
}

// The number of the log that writes go to; 0: not known.
uint64_t CurrentLog(rocksdb::DB* db) {
  std::unique_ptr<rocksdb::LogFile> log;
  return db->GetCurrentWalFile(&log).ok() ? log->LogNumber() : 0;
}

rocksdb::WriteOptions WriteOptionsFor(RocksSync sync) {
  rocksdb::WriteOptions options;
  options.sync = sync == RocksSync::kNow;
  return options;
}

}  // namespace

RocksDb::~RocksDb() {
  if (db_ == nullptr) return;
  // So that damage of the last synced write is noticed too.
  if (logged_durable_ < durable_) {
    rocksdb::WriteBatch batch;
    Write(&batch, RocksSync::kLater).IgnoreError();
  }
  for (const auto& [name, handle] : families_) {
    db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  db_->Close().PermitUncheckedError();
}

rocksdb::ColumnFamilyHandle* RocksDb::ColumnFamily(std::string_view name) const {
  const auto found = families_.find(name);
  if (found == families_.end()) {
    std::fprintf(stderr, "no column family '%.*s' was opened\n", static_cast<int>(name.size()),
                 name.data());
    std::abort();
  }
  return found->second;
}

absl::Status RocksDb::Write(rocksdb::WriteBatch* batch, RocksSync sync) {
  const uint64_t durable = durable_;
  RETURN_IF_ERROR(PutDurableMark(batch, mark_key_, durable));
  logged_durable_ = durable;
  // The batch is going to have a higher number, and all lower ones come before it in the log.
  const uint64_t at_least = db_->GetLatestSequenceNumber() + 1;
  rocksdb::Status written = WriteUnlessBroken(sync, batch);
  if (!written.ok() && Recover(written)) written = WriteUnlessBroken(sync, batch);
  RETURN_IF_ERROR(FromRocks(written));
  if (sync == RocksSync::kNow) NoteDurable(at_least);
  return absl::OkStatus();
}

absl::Status RocksDb::Sync() {
  const uint64_t written = db_->GetLatestSequenceNumber();
  const std::lock_guard one(sync_mutex_);
  if (durable_ >= written) return absl::OkStatus();  // with somebody else's
  rocksdb::Status synced = rocksdb::Status::NoSpace("an earlier write failed");
  {
    std::shared_lock lock(log_mutex_);
    if (!broken_) synced = db_->SyncWAL();
    if (Recoverable(synced)) broken_ = true;
  }
  if (synced.ok()) {
    NoteDurable(written);
    return absl::OkStatus();
  }
  // What a write does about a log that has failed helps here as well.
  rocksdb::WriteBatch batch;
  return Write(&batch, RocksSync::kNow);
}

void RocksDb::NoteDurable(uint64_t number) {
  uint64_t known = durable_;
  while (known < number && !durable_.compare_exchange_weak(known, number)) {
  }
}

rocksdb::Status RocksDb::WriteUnlessBroken(RocksSync sync, rocksdb::WriteBatch* batch) {
  std::shared_lock lock(log_mutex_);
  if (broken_) return rocksdb::Status::NoSpace("an earlier write failed");
  rocksdb::Status written = db_->Write(WriteOptionsFor(sync), batch);
  if (Recoverable(written)) broken_ = true;
  return written;
}

bool RocksDb::Recover(const rocksdb::Status& failure) {
  if (!Recoverable(failure)) return false;
  const std::unique_lock lock(log_mutex_);
  if (!broken_) return true;  // somebody else has done it
  const absl::Status why = FromRocks(failure);
  if (absl::IsResourceExhausted(why) && reserve_->Release()) {
    LogError("disk_full", {{"path", db_->GetName()}, {"reserve", "given back"}, {"status", why}});
  }
  if (broken_log_ == 0) broken_log_ = CurrentLog(db_.get());
  // Moves what is in memory into tables, so that nothing depends on the log that failed.
  if (broken_log_ == 0 || !db_->Resume().ok()) return false;
  if (CurrentLog(db_.get()) == broken_log_ && !BeginNewLog().ok()) return false;
  // One that has failed once ends the process by an assertion when it is written to again.
  const uint64_t log = CurrentLog(db_.get());
  if (log == 0 || log == broken_log_) return false;
  broken_log_ = 0;
  broken_ = false;
  return true;
}

absl::Status RocksDb::BeginNewLog() {
  // Only a flush that has something to flush begins one.
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(PutDurableMark(&batch, mark_key_, durable_));
  rocksdb::WriteOptions past_the_log;
  past_the_log.disableWAL = true;
  RETURN_IF_ERROR(FromRocks(db_->Write(past_the_log, &batch)));
  std::vector<rocksdb::ColumnFamilyHandle*> all;
  for (const auto& [name, handle] : families_) all.push_back(handle);
  rocksdb::FlushOptions flush;
  flush.allow_write_stall = true;
  if (db_->Flush(flush, all).ok()) return absl::OkStatus();
  return FromRocks(db_->Resume());
}

bool RocksDb::Full() { return !reserve_->held() && !reserve_->Take().ok(); }

absl::Status RocksDb::Open(const RocksOptions& options) {
  std::optional<MarkKey> key;
  if (!options.create) {
    ASSIGN_OR_RETURN(key, ReadMarkKey(options));
    if (key.has_value()) RETURN_IF_ERROR(CheckLog(options, *key));
  }
  const auto cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, FamilyOptions(options, cache));
  for (const std::string& name : options.column_families) {
    descriptors.emplace_back(name, FamilyOptions(options, cache));
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  RETURN_IF_ERROR(FromRocks(
      rocksdb::DB::Open(DatabaseOptions(options), options.path, descriptors, &handles, &db)));
  db_.reset(db);
  for (rocksdb::ColumnFamilyHandle* handle : handles) families_[handle->GetName()] = handle;
  if (!key.has_value()) {
    ASSIGN_OR_RETURN(key, MakeMarkKey(options));
  }
  mark_key_ = *key;
  // Opening moved the log into synced tables.
  durable_ = logged_durable_ = db_->GetLatestSequenceNumber();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RocksDb>> OpenRocks(const RocksOptions& options) {
  const std::string what = fmt::format("open {}", options.path);
  auto reserve =
      std::make_unique<SpaceReserve>(options.fs, options.path + ".reserve", ReserveBytes(options));
  if (options.create) {
    if (Exists(options)) {
      return FailedPreconditionError("{}: holds a database already", options.path);
    }
    // RocksDB makes the directory too, but does not make its name durable.
    RETURN_IF_ERROR(FileSystem::Real()->MakeDirs(options.path));
    RETURN_IF_ERROR(Annotate(MakeRoomToOpen(options, reserve.get()), what));
  } else {
    if (!Exists(options)) {
      return NotFoundError("{}: no database there. Try: check the directory, or restore a backup",
                           options.path);
    }
    RETURN_IF_ERROR(Annotate(MakeRoomToOpen(options, reserve.get()), what));
  }
  auto db = std::unique_ptr<RocksDb>(new RocksDb);
  RETURN_IF_ERROR(Annotate(db->Open(options), what));
  db->reserve_ = std::move(reserve);
  if (db->Full()) LogWarning("disk_full", {{"path", options.path}, {"reserve", "none"}});
  return db;
}

namespace {

// RocksDB keeps no error numbers, but ends its messages with their text.
bool EndsWithErrno(std::string_view text, std::initializer_list<int> errors) {
  return std::ranges::any_of(errors,
                             [&](int error) { return text.ends_with(std::strerror(error)); });
}

}  // namespace

absl::Status FromRocks(const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = status.ToString();
  if (status.IsNoSpace() || EndsWithErrno(text, {ENOSPC, EDQUOT})) {
    return ResourceExhaustedError("{}", text);
  }
  if (status.IsMemoryLimit() || EndsWithErrno(text, {EMFILE, ENFILE, ENOMEM, EINTR})) {
    return UnavailableError("{}", text);
  }
  // As of any file: the device is away, and nothing was read or refused.
  if (EndsWithErrno(text, {ENODEV, ENXIO, ESTALE})) return InternalError("{}", text);
  if (EndsWithErrno(text, {EACCES, EPERM, EROFS})) return PermissionDeniedError("{}", text);
  switch (status.code()) {
    case rocksdb::Status::kNotFound:
      return NotFoundError("{}", text);
    case rocksdb::Status::kCorruption:
    case rocksdb::Status::kIOError:
      return DataLossError("{}", text);
    case rocksdb::Status::kInvalidArgument:
    case rocksdb::Status::kNotSupported:
      return InvalidArgumentError("{}", text);
    case rocksdb::Status::kBusy:
    case rocksdb::Status::kTryAgain:
    case rocksdb::Status::kShutdownInProgress:
    case rocksdb::Status::kTimedOut:
      return UnavailableError("{}", text);
    default:
      return InternalError("{}", text);
  }
}

}  // namespace quern
