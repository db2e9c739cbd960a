#include "master/store/rocks_metadata_store.h"

#include <algorithm>
#include <vector>

#include "common/storage/identity_marker.h"
#include "master/logic/metadata_view.h"

namespace quern::master {
namespace {

constexpr std::string_view kLogFamily = "log";
constexpr std::string_view kMarkerRole = "master";

using Rows = StringMap<std::optional<std::string>>;

// A new row mostly comes right behind the one before, where the skip list needs no search.
std::vector<const Rows::value_type*> InOrder(const Rows& rows) {
  std::vector<const Rows::value_type*> ordered;
  ordered.reserve(rows.size());
  for (const auto& row : rows) ordered.push_back(&row);
  std::ranges::sort(ordered, {}, [](const auto* row) -> const std::string& { return row->first; });
  return ordered;
}

std::string LogKey(uint64_t index) { return InodeKey(InodeId(index)); }

class RocksReader : public RowReader {
 public:
  RocksReader(rocksdb::DB* db, const std::vector<rocksdb::ColumnFamilyHandle*>& families,
              bool snapshot)
      : db_(db), families_(families), snapshot_(snapshot ? db->GetSnapshot() : nullptr) {
    read_.snapshot = snapshot_;
  }
  ~RocksReader() override {
    if (snapshot_ != nullptr) db_->ReleaseSnapshot(snapshot_);
  }

  std::optional<std::string> Get(Table table, std::string_view key) const override {
    std::string value;
    const rocksdb::Status status =
        db_->Get(read_, families_[static_cast<size_t>(table)], ToSlice(key), &value);
    if (status.ok()) return value;
    if (!status.IsNotFound()) status_ = FromRocks(status);
    return std::nullopt;
  }

  void Scan(Table table, std::string_view from, std::string_view to,
            const Visit& visit) const override {
    rocksdb::ReadOptions read = read_;
    const rocksdb::Slice bound = ToSlice(to);
    if (!to.empty()) read.iterate_upper_bound = &bound;
    const std::unique_ptr<rocksdb::Iterator> it(
        db_->NewIterator(read, families_[static_cast<size_t>(table)]));
    for (it->Seek(ToSlice(from)); it->Valid(); it->Next()) {
      if (!visit(ToStd(it->key()), ToStd(it->value()))) break;
    }
    if (!it->status().ok()) status_ = FromRocks(it->status());
  }

  absl::Status status() const override { return status_; }

 private:
  rocksdb::DB* const db_;
  const std::vector<rocksdb::ColumnFamilyHandle*>& families_;
  const rocksdb::Snapshot* const snapshot_;
  rocksdb::ReadOptions read_;
  mutable absl::Status status_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RocksMetadataStore>> RocksMetadataStore::Open(
    const Options& options) {
  RETURN_IF_ERROR(options.file_system->MakeDirs(options.dir));
  const std::string path = options.dir + "/metadata";
  // A damaged marker still says that there was a database.
  const bool marked =
      !absl::IsNotFound(ReadIdentityMarker(options.file_system, options.dir).status());
  RocksOptions rocks;
  rocks.path = path;
  rocks.env = options.env;
  rocks.block_cache_bytes = options.block_cache_bytes;
  rocks.create = !marked && !options.file_system->Exists(path + "/CURRENT");
  for (int table = 0; table < kTableCount; ++table) {
    rocks.column_families.emplace_back(TableName(static_cast<Table>(table)));
  }
  rocks.column_families.emplace_back(kLogFamily);
  auto store = std::unique_ptr<RocksMetadataStore>(new RocksMetadataStore(options));
  auto db = OpenRocks(rocks);
  if (absl::IsNotFound(db.status()) && marked) {
    return FailedPreconditionError(
        "{}: the database is gone, but its marker says that there was one; an empty master would "
        "forget every file. Try: restore {} from a backup",
        options.dir, path);
  }
  RETURN_IF_ERROR(db.status());
  store->db_ = *std::move(db);
  for (int table = 0; table < kTableCount; ++table) {
    store->families_.push_back(store->db_->ColumnFamily(TableName(static_cast<Table>(table))));
  }
  store->log_family_ = store->db_->ColumnFamily(kLogFamily);
  if (marked) RETURN_IF_ERROR(store->CheckMarker());
  return store;
}

absl::Status RocksMetadataStore::CheckMarker() const {
  ASSIGN_OR_RETURN(const IdentityMarker marker,
                   ReadIdentityMarker(options_.file_system, options_.dir));
  const std::unique_ptr<RowReader> reader = Latest();
  const MetadataView view(*reader);
  const pb::MetaRow meta = view.Meta();
  RETURN_IF_ERROR(view.status());
  if (marker.role != kMarkerRole) {
    return FailedPreconditionError("{}: belongs to a {}, not to a master", options_.dir,
                                   marker.role);
  }
  if (marker.cluster_id == meta.cluster_id() && marker.sequence <= meta.term()) {
    return absl::OkStatus();
  }
  return FailedPreconditionError(
      "{}: the database (cluster {}, term {}) is older than its marker (cluster {}, term {}): an "
      "old copy would forget files. Try: put the newest database back",
      options_.dir, meta.cluster_id(), meta.term(), marker.cluster_id, marker.sequence);
}

absl::Status RocksMetadataStore::MarkTerm(const std::string& cluster_id, uint64_t term) {
  IdentityMarker marker;
  marker.role = kMarkerRole;
  marker.cluster_id = cluster_id;
  marker.id = "1";
  marker.sequence = term;
  return WriteIdentityMarker(options_.file_system, options_.dir, marker);
}

absl::Status RocksMetadataStore::Write(const WriteSet& changes) {
  rocksdb::WriteBatch batch;
  rocksdb::Status status;
  const auto note = [&](const rocksdb::Status& step) {
    if (!step.ok() && status.ok()) status = step;
  };
  for (size_t table = 0; table < kTableCount; ++table) {
    for (const auto* row : InOrder(changes.rows[table])) {
      note(row->second.has_value() ? batch.Put(families_[table], row->first, *row->second)
                                   : batch.Delete(families_[table], row->first));
    }
  }
  for (const auto& entry : changes.log)
    note(batch.Put(log_family_, LogKey(entry.index), entry.record));
  if (changes.log_begin > 0) {
    note(batch.DeleteRange(log_family_, LogKey(0), LogKey(changes.log_begin)));
  }
  RETURN_IF_ERROR(FromRocks(status));
#ifdef QUERN_MUTANT_METADATA_UNSYNCED  // a build that the power-cut test must fail
  return db_->Write(&batch, RocksSync::kLater);
#else
  return db_->Write(&batch, RocksSync::kNow);
#endif
}

std::unique_ptr<RowReader> RocksMetadataStore::Snapshot() const {
  return std::make_unique<RocksReader>(db_->get(), families_, true);
}

std::unique_ptr<RowReader> RocksMetadataStore::Latest() const {
  return std::make_unique<RocksReader>(db_->get(), families_, false);
}

absl::StatusOr<std::vector<WriteSet::LogEntry>> RocksMetadataStore::ReadLog(uint64_t index) const {
  std::vector<WriteSet::LogEntry> entries;
  const std::unique_ptr<rocksdb::Iterator> it(
      (*db_)->NewIterator(rocksdb::ReadOptions(), log_family_));
  for (it->Seek(LogKey(index)); it->Valid(); it->Next()) {
    entries.push_back({KeyUint64(ToStd(it->key()), 0), it->value().ToString()});
  }
  RETURN_IF_ERROR(FromRocks(it->status()));
  return entries;
}

}  // namespace quern::master
