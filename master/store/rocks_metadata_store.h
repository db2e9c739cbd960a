// The master's rows and log in RocksDB: one column family per table and one for the log
// (index:8 -> LogRecord).
//
// Beside the database stands an identity marker (common/storage/identity_marker.h) with the
// cluster's id and the term of the last start. Marker without database, or a database whose term is
// behind its marker (an old copy), refuses to open; that, and not RocksDB, notices a lost database.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/storage/file_io.h"
#include "common/storage/rocks.h"
#include "master/store/metadata_store.h"

namespace quern::master {

class RocksMetadataStore : public MetadataStore {
 public:
  struct Options {
    std::string dir;
    FileSystem* file_system = FileSystem::Real();
    rocksdb::Env* env = nullptr;  // null: the real one
    size_t block_cache_bytes = size_t{1} << 30;
  };
  // Makes an empty database when there is neither one nor a marker. FailedPrecondition: the
  // database is missing or old, with what to do. DataLoss: damaged.
  static absl::StatusOr<std::unique_ptr<RocksMetadataStore>> Open(const Options& options);

  absl::Status Write(const WriteSet& changes) override;
  std::unique_ptr<RowReader> Snapshot() const override;
  std::unique_ptr<RowReader> Latest() const override;
  absl::StatusOr<DiskSpace> Space() const override {
    return options_.file_system->Space(options_.dir);
  }
  void TakeReserve() const override { db_->Full(); }
  absl::StatusOr<std::vector<WriteSet::LogEntry>> ReadLog(uint64_t index) const override;

  // Moves the marker on. To be called at each start, after the rows carry the new term.
  absl::Status MarkTerm(const std::string& cluster_id, uint64_t term);

 private:
  explicit RocksMetadataStore(const Options& options) : options_(options) {}
  absl::Status CheckMarker() const;
  rocksdb::ColumnFamilyHandle* family(Table table) const {
    return families_[static_cast<size_t>(table)];
  }

  const Options options_;
  std::unique_ptr<RocksDb> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  rocksdb::ColumnFamilyHandle* log_family_ = nullptr;
};

}  // namespace quern::master
