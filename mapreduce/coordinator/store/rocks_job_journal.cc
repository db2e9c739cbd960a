#include "mapreduce/coordinator/store/rocks_job_journal.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/random.h"
#include "common/storage/identity_marker.h"

namespace quern::mr {
namespace {

constexpr std::string_view kMeta = "meta";
constexpr std::string_view kRecords = "records";
constexpr std::string_view kTasks = "tasks";
constexpr std::string_view kTermKey = "term";
constexpr std::string_view kTasksMark = "tasks/";
constexpr std::string_view kClusterKey = "cluster_id";
constexpr std::string_view kCreatedKey = "created";
constexpr size_t kKeyBytes = 12;
constexpr size_t kNumberAt = 4;  // in a key

void PutBigEndian(uint64_t value, int bytes, std::string* out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift));
  }
}

uint64_t GetBigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

std::string RecordKey(JobKey job, uint64_t number) {
  std::string key;
  PutBigEndian(job.value(), 4, &key);
  PutBigEndian(number, 8, &key);
  return key;
}

// Of the histories themselves, and of the marks that say whose there are: those are looked through
// at the start, which the histories are too large for.
std::string TasksKey(JobKey job, std::string_view prefix = "") {
  std::string key(prefix);
  PutBigEndian(job.value(), 4, &key);
  return key;
}

// Past the last key of a job.
std::string EndOf(JobKey job) { return RecordKey(JobKey(job.value() + 1), 0); }

JobKey JobOf(std::string_view key) {
  return JobKey(static_cast<uint32_t>(GetBigEndian(key.substr(0, 4))));
}

absl::StatusOr<std::string> ReadMeta(const RocksDb& db, std::string_view key) {
  std::string value;
  RETURN_IF_ERROR(
      FromRocks(db->Get(rocksdb::ReadOptions(), db.ColumnFamily(kMeta), ToSlice(key), &value)));
  return value;
}

}  // namespace

absl::StatusOr<std::unique_ptr<JobJournal>> RocksJobJournal::Open(
    const RocksJournalOptions& options) {
  RETURN_IF_ERROR(options.files->MakeDirs(options.dir));
  const absl::StatusOr<IdentityMarker> marker = ReadIdentityMarker(options.files, options.dir);
  if (!marker.ok() && marker.status().code() != absl::StatusCode::kNotFound) {
    return marker.status();
  }
  RocksOptions rocks;
  rocks.path = options.dir + "/journal";
  rocks.column_families = {std::string(kMeta), std::string(kRecords), std::string(kTasks)};
  rocks.fs = options.files;
  rocks.env = options.env;
  absl::StatusOr<std::unique_ptr<RocksDb>> db = OpenRocks(rocks);
  if (db.status().code() == absl::StatusCode::kNotFound) {
    if (marker.ok()) {
      return FailedPreconditionError(
          "{}: the journal of coordinator {} is gone. Try: restore it, or remove {}/IDENTITY to "
          "start without the jobs that were in it",
          rocks.path, marker->cluster_id, options.dir);
    }
    rocks.create = true;
    db = OpenRocks(rocks);
  }
  if (!db.ok()) return db.status();
  auto journal = std::unique_ptr<RocksJobJournal>(new RocksJobJournal(*std::move(db)));
  RETURN_IF_ERROR(journal->StartTerm(options, marker.ok() ? marker->sequence : 0));
  RETURN_IF_ERROR(journal->FindNextNumbers());
  RETURN_IF_ERROR(journal->FindJobsWithTasks());
  return journal;
}

absl::Status RocksJobJournal::StartTerm(const RocksJournalOptions& options, uint64_t marker_term) {
  const absl::StatusOr<std::string> old_term = ReadMeta(*db_, kTermKey);
  if (old_term.ok()) {
    std::from_chars(old_term->data(), old_term->data() + old_term->size(), term_);
    ASSIGN_OR_RETURN(cluster_id_, ReadMeta(*db_, kClusterKey));
  } else if (old_term.status().code() == absl::StatusCode::kNotFound) {
    cluster_id_ = RandomHex(8);
  } else {
    return old_term.status();
  }
  if (term_ < marker_term) {
    return FailedPreconditionError(
        "{}/journal: is an old copy (term {}, the marker says {}). Try: restore the newer one",
        options.dir, term_, marker_term);
  }
  ++term_;
  RETURN_IF_ERROR(FindCreated(options.clock));
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(
      FromRocks(batch.Put(db_->ColumnFamily(kMeta), ToSlice(kTermKey), std::to_string(term_))));
  RETURN_IF_ERROR(
      FromRocks(batch.Put(db_->ColumnFamily(kMeta), ToSlice(kClusterKey), cluster_id_)));
  RETURN_IF_ERROR(FromRocks(batch.Put(db_->ColumnFamily(kMeta), ToSlice(kCreatedKey),
                                      std::to_string(absl::ToUnixMillis(created_)))));
  RETURN_IF_ERROR(db_->Write(&batch, RocksSync::kNow));
  return WriteIdentityMarker(options.files, options.dir,
                             {"coordinator", cluster_id_, "coordinator", term_});
}

// Journals of earlier versions do not say it.
absl::Status RocksJobJournal::FindCreated(Clock* clock) {
  int64_t millis = absl::ToUnixMillis(clock->TimeNow());
  const absl::StatusOr<std::string> created = ReadMeta(*db_, kCreatedKey);
  if (created.ok()) {
    std::from_chars(created->data(), created->data() + created->size(), millis);
  } else if (!absl::IsNotFound(created.status())) {
    return created.status();
  }
  created_ = absl::FromUnixMillis(millis);
  return absl::OkStatus();
}

absl::Status RocksJobJournal::FindNextNumbers() {
  MutexLock lock(&mutex_);
  const std::unique_ptr<rocksdb::Iterator> it(
      (*db_)->NewIterator(rocksdb::ReadOptions(), db_->ColumnFamily(kRecords)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const std::string_view key = ToStd(it->key());
    if (key.size() != kKeyBytes) return DataLossError("journal: a key of {} bytes", key.size());
    next_number_[JobOf(key)] = GetBigEndian(key.substr(4)) + 1;
  }
  return FromRocks(it->status());
}

absl::Status RocksJobJournal::Append(const std::vector<Entry>& entries, Sync sync) {
  {
    // The lock is held while writing, so that a job's records reach the log in the order of their
    // numbers; an unsynced write is a copy in memory. It is not held while the disk is waited for.
    MutexLock lock(&mutex_);
    rocksdb::WriteBatch batch;
    for (const Entry& entry : entries) {
      RETURN_IF_ERROR(FromRocks(batch.Put(db_->ColumnFamily(kRecords),
                                          RecordKey(entry.job, next_number_[entry.job]++),
                                          entry.record.SerializeAsString())));
    }
    RETURN_IF_ERROR(Write(&batch));
  }
  return sync == Sync::kDurable ? MakeDurable() : absl::OkStatus();
}

absl::Status RocksJobJournal::FindJobsWithTasks() {
  MutexLock lock(&mutex_);
  const std::unique_ptr<rocksdb::Iterator> it(
      (*db_)->NewIterator(rocksdb::ReadOptions(), db_->ColumnFamily(kMeta)));
  for (it->Seek(ToSlice(kTasksMark)); it->Valid(); it->Next()) {
    const std::string_view key = ToStd(it->key());
    if (!key.starts_with(kTasksMark)) break;
    if (key.size() != kTasksMark.size() + 4) {
      return DataLossError("journal: a key of {} bytes", key.size());
    }
    // Marks of earlier versions are empty: those jobs ended first.
    const uint64_t end = GetBigEndian(ToStd(it->value()));
    jobs_with_tasks_[JobOf(key.substr(kTasksMark.size()))] = end;
    next_end_ = std::max(next_end_, end + 1);
  }
  return FromRocks(it->status());
}

absl::Status RocksJobJournal::Finish(JobKey job, const pb::JournalRecord& record,
                                     const pb::TaskHistory* tasks) {
  {
    MutexLock lock(&mutex_);
    rocksdb::WriteBatch batch;
    RETURN_IF_ERROR(DeleteRecords(job, &batch));
    RETURN_IF_ERROR(
        FromRocks(batch.Put(db_->ColumnFamily(kRecords), RecordKey(job, next_number_[job]++),
                            record.SerializeAsString())));
    if (tasks != nullptr) RETURN_IF_ERROR(PutTasks(job, *tasks, &batch));
    RETURN_IF_ERROR(Write(&batch));
  }
  return MakeDurable();
}

absl::Status RocksJobJournal::Remove(JobKey job) {
  {
    MutexLock lock(&mutex_);
    rocksdb::WriteBatch batch;
    RETURN_IF_ERROR(DeleteRecords(job, &batch));
    RETURN_IF_ERROR(DeleteTasks(job, &batch));
    RETURN_IF_ERROR(Write(&batch));
  }
  return MakeDurable();
}

absl::Status RocksJobJournal::DeleteRecords(JobKey job, rocksdb::WriteBatch* batch) {
  return FromRocks(batch->DeleteRange(db_->ColumnFamily(kRecords), RecordKey(job, 0), EndOf(job)));
}

absl::Status RocksJobJournal::Write(rocksdb::WriteBatch* batch) {
  return Annotate(db_->Write(batch, RocksSync::kLater), "write the journal");
}

absl::Status RocksJobJournal::MakeDurable() { return Annotate(db_->Sync(), "sync the journal"); }

// Room for one more is made at the expense of the job that ended first.
absl::Status RocksJobJournal::PutTasks(JobKey job, const pb::TaskHistory& tasks,
                                       rocksdb::WriteBatch* batch) {
  std::string end;
  PutBigEndian(next_end_, 8, &end);
  jobs_with_tasks_[job] = next_end_++;
  RETURN_IF_ERROR(FromRocks(batch->Put(db_->ColumnFamily(kMeta), TasksKey(job, kTasksMark), end)));
  RETURN_IF_ERROR(
      FromRocks(batch->Put(db_->ColumnFamily(kTasks), TasksKey(job), tasks.SerializeAsString())));
  while (jobs_with_tasks_.size() > kJobsWithTasks) {
    const auto first =
        std::min_element(jobs_with_tasks_.begin(), jobs_with_tasks_.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    RETURN_IF_ERROR(DeleteTasks(first->first, batch));
  }
  return absl::OkStatus();
}

absl::Status RocksJobJournal::DeleteTasks(JobKey job, rocksdb::WriteBatch* batch) {
  jobs_with_tasks_.erase(job);
  RETURN_IF_ERROR(FromRocks(batch->Delete(db_->ColumnFamily(kMeta), TasksKey(job, kTasksMark))));
  return FromRocks(batch->Delete(db_->ColumnFamily(kTasks), TasksKey(job)));
}

absl::StatusOr<pb::TaskHistory> RocksJobJournal::ReadTasks(JobKey job) const {
  std::string bytes;
  RETURN_IF_ERROR(FromRocks(
      (*db_)->Get(rocksdb::ReadOptions(), db_->ColumnFamily(kTasks), TasksKey(job), &bytes)));
  pb::TaskHistory tasks;
  if (!tasks.ParseFromString(bytes)) return DataLossError("the tasks of {} cannot be read", job);
  return tasks;
}

absl::Status RocksJobJournal::ReadAll(const Visit& visit) {
  const std::unique_ptr<rocksdb::Iterator> it(
      (*db_)->NewIterator(rocksdb::ReadOptions(), db_->ColumnFamily(kRecords)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    absl::StatusOr<pb::JournalRecord> record = pb::JournalRecord();
    if (!record->ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      record = DataLossError("record {} cannot be read",
                             GetBigEndian(ToStd(it->key()).substr(kNumberAt)));
    }
    RETURN_IF_ERROR(visit(JobOf(ToStd(it->key())), record));
  }
  return FromRocks(it->status());
}

}  // namespace quern::mr
