#include "chunkserver/store/rocks_replica_index.h"

#include <limits>

#include "chunkserver/store/rows.h"

namespace quern::chunkserver {
namespace {

constexpr char kIdentityKey[] = "identity";

// What a disk needs to be opened: an I/O error says nothing of the rows, and may be over soon.
absl::Status FromLook(const rocksdb::Status& status) {
  if (status.IsIOError() && !status.IsNoSpace()) return UnavailableError("{}", status.ToString());
  return FromRocks(status);
}

// Of a row that one replica needs: a damaged one is as good as none, and any other error is not of
// the row.
absl::Status FromRow(const rocksdb::Status& status) {
  if (status.IsCorruption()) return NotFoundError("a damaged row: {}", status.ToString());
  return FromRocks(status);
}

// The append rows of one chunk that end at `end` or beyond. Bounded: without it the search for the
// end of an old chunk's rows would walk through the removed rows of all newer ones, which stay in
// RocksDB until it has compacted them.
class AppendRows {
 public:
  AppendRows(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* appends, ChunkId chunk, uint64_t end)
      : beyond_(AppendKey(chunk, std::numeric_limits<uint64_t>::max()) + '\0'),
        bound_(beyond_),
        row_(db->NewIterator(Bounded(&bound_), appends)) {
    row_->Seek(AppendKey(chunk, end));
  }
  AppendRows(const AppendRows&) = delete;
  AppendRows& operator=(const AppendRows&) = delete;

  rocksdb::Iterator* operator->() { return row_.get(); }

 private:
  static rocksdb::ReadOptions Bounded(const rocksdb::Slice* bound) {
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = bound;
    return options;
  }

  const std::string beyond_;
  const rocksdb::Slice bound_;
  const std::unique_ptr<rocksdb::Iterator> row_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ReplicaIndex>> RocksReplicaIndex::Open(const Options& options) {
  ASSIGN_OR_RETURN(
      std::unique_ptr<RocksDb> db,
      OpenRocks({.path = options.path,
                 .create = options.create,
                 .column_families = {"identity", "replicas", "appends", "sums", "payloads"},
                 .reserve_bytes = options.reserve_bytes,
                 .env = options.env}));
  return std::unique_ptr<ReplicaIndex>(new RocksReplicaIndex(std::move(db)));
}

RocksReplicaIndex::RocksReplicaIndex(std::unique_ptr<RocksDb> db)
    : db_(std::move(db)),
      identity_(db_->ColumnFamily("identity")),
      replicas_(db_->ColumnFamily("replicas")),
      appends_(db_->ColumnFamily("appends")),
      sums_(db_->ColumnFamily("sums")),
      payloads_(db_->ColumnFamily("payloads")) {}

absl::Status RocksReplicaIndex::Write(rocksdb::WriteBatch* batch, WriteMode mode) {
#ifdef QUERN_MUTANT_INDEX_UNSYNCED  // a build that the power-cut test must fail
  mode = WriteMode::kUnsynced;
#endif
  return db_->Write(batch, mode == WriteMode::kSynced ? RocksSync::kNow : RocksSync::kLater);
}

absl::StatusOr<DiskIdentity> RocksReplicaIndex::LoadIdentity() {
  std::string row;
  RETURN_IF_ERROR(FromLook((*db_)->Get({}, identity_, kIdentityKey, &row)));
  return DecodeIdentity(row);
}

absl::Status RocksReplicaIndex::PutIdentity(const DiskIdentity& identity, WriteMode mode) {
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(FromRocks(batch.Put(identity_, kIdentityKey, EncodeIdentity(identity))));
  return Write(&batch, mode);
}

absl::Status RocksReplicaIndex::PutReplica(const ReplicaRecord& record, WriteMode mode) {
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(
      FromRocks(batch.Put(replicas_, ChunkKey(record.spec.chunk), EncodeReplica(record))));
  return Write(&batch, mode);
}

absl::Status RocksReplicaIndex::PutAppend(ChunkId chunk, const AppendRecord& append,
                                          WriteMode mode) {
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(
      FromRocks(batch.Put(appends_, AppendKey(chunk, append.end), EncodeAppend(append))));
  return Write(&batch, mode);
}

absl::Status RocksReplicaIndex::PutWhole(std::span<const Whole> replicas, WriteMode mode) {
  rocksdb::WriteBatch batch;
  for (const Whole& whole : replicas) {
    const ChunkId chunk = whole.record.spec.chunk;
    const std::string key = ChunkKey(chunk);
    RETURN_IF_ERROR(FromRocks(batch.Put(replicas_, key, EncodeReplica(whole.record))));
    RETURN_IF_ERROR(FromRocks(
        batch.Put(appends_, AppendKey(chunk, whole.append.end), EncodeAppend(whole.append))));
    RETURN_IF_ERROR(FromRocks(batch.Put(payloads_, key, whole.payload)));
  }
  return Write(&batch, mode);
}

absl::Status RocksReplicaIndex::PutSealed(const ReplicaRecord& record, const SealedSums& sums,
                                          WriteMode mode) {
  const std::string key = ChunkKey(record.spec.chunk);
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(FromRocks(batch.Put(replicas_, key, EncodeReplica(record))));
  RETURN_IF_ERROR(FromRocks(batch.Put(sums_, key, EncodeSums(sums))));
  if (!record.in_index) RETURN_IF_ERROR(FromRocks(batch.Delete(payloads_, key)));
  RETURN_IF_ERROR(DropAppends(record.spec.chunk, 0, &batch));
  return Write(&batch, mode);
}

absl::Status RocksReplicaIndex::PutCut(const ReplicaRecord& record, WriteMode mode) {
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(
      FromRocks(batch.Put(replicas_, ChunkKey(record.spec.chunk), EncodeReplica(record))));
  RETURN_IF_ERROR(DropAppends(record.spec.chunk, record.length, &batch));
  return Write(&batch, mode);
}

absl::Status RocksReplicaIndex::Remove(ChunkId chunk, WriteMode mode) {
  const std::string key = ChunkKey(chunk);
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(FromRocks(batch.Delete(replicas_, key)));
  RETURN_IF_ERROR(FromRocks(batch.Delete(sums_, key)));
  RETURN_IF_ERROR(FromRocks(batch.Delete(payloads_, key)));
  RETURN_IF_ERROR(DropAppends(chunk, 0, &batch));
  return Write(&batch, mode);
}

absl::Status RocksReplicaIndex::DropAppends(ChunkId chunk, uint64_t length,
                                            rocksdb::WriteBatch* batch) {
  // One by one and not as a range: there are some dozens, and RocksDB's range tombstones, one per
  // sealed chunk, would slow every later lookup.
  AppendRows row(db_->get(), appends_, chunk, length + 1);
  for (; row->Valid(); row->Next()) {
    RETURN_IF_ERROR(FromRocks(batch->Delete(appends_, row->key())));
  }
  return FromRocks(row->status());
}

absl::Status RocksReplicaIndex::ForEachReplica(
    const std::function<absl::Status(ReplicaRecord)>& visit) {
  const std::unique_ptr<rocksdb::Iterator> row((*db_)->NewIterator({}, replicas_));
  for (row->SeekToFirst(); row->Valid(); row->Next()) {
    ASSIGN_OR_RETURN(ReplicaRecord record, DecodeReplica(ToStd(row->value())));
    RETURN_IF_ERROR(visit(std::move(record)));
  }
  return FromLook(row->status());
}

absl::StatusOr<std::vector<AppendRecord>> RocksReplicaIndex::LoadAppends(ChunkId chunk) {
  std::vector<AppendRecord> appends;
  AppendRows row(db_->get(), appends_, chunk, 0);
  for (; row->Valid(); row->Next()) {
    ASSIGN_OR_RETURN(const uint64_t end, EndOfAppendKey(ToStd(row->key())));
    ASSIGN_OR_RETURN(AppendRecord append, DecodeAppend(end, ToStd(row->value())));
    appends.push_back(std::move(append));
  }
  RETURN_IF_ERROR(FromRocks(row->status()));
  return appends;
}

absl::StatusOr<SealedSums> RocksReplicaIndex::LoadSums(ChunkId chunk) {
  rocksdb::PinnableSlice row;
  RETURN_IF_ERROR(FromRow((*db_)->Get({}, sums_, ChunkKey(chunk), &row)));
  absl::StatusOr<SealedSums> sums = DecodeSums(ToStd(row));
  if (!sums.ok()) return NotFoundError("a damaged row: {}", Message(sums.status()));
  return sums;
}

absl::StatusOr<std::string> RocksReplicaIndex::LoadPayload(ChunkId chunk) {
  rocksdb::ReadOptions once;
  once.fill_cache = false;
  std::string payload;
  RETURN_IF_ERROR(FromRow((*db_)->Get(once, payloads_, ChunkKey(chunk), &payload)));
  return payload;
}

}  // namespace quern::chunkserver
