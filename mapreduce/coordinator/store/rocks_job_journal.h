// The journal on disk: one RocksDB below a directory, and an identity marker beside it.
//
//   DIR/IDENTITY        role coordinator, cluster id, sequence = term
//   DIR/journal/        RocksDB
//     column family "meta":    "cluster_id", "term" and "created" (ms since 1970) in decimal;
//                              "tasks/" + job key (4 bytes big-endian) -> empty: it has a row in
//                              "tasks"
//     column family "records": job key (4 bytes big-endian) + number of the record within its job
//                              (8 bytes big-endian) -> JournalRecord
//     column family "tasks":   job key (4 bytes big-endian) -> TaskHistory, of the newest jobs
#pragma once

#include <rocksdb/env.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/storage/file_io.h"
#include "common/storage/rocks.h"
#include "mapreduce/coordinator/store/job_journal.h"
#include "mapreduce/engine/messages.h"

namespace quern::mr {

struct RocksJournalOptions {
  std::string dir;
  FileSystem* files = FileSystem::Real();
  rocksdb::Env* env = nullptr;  // null: the real one
  Clock* clock = Clock::Real();
};

class RocksJobJournal final : public JobJournal {
 public:
  // Formats an empty directory. FailedPrecondition when the database is gone or older than its
  // marker: going on would forget jobs that were accepted.
  static absl::StatusOr<std::unique_ptr<JobJournal>> Open(const RocksJournalOptions& options);

  absl::Status Append(const std::vector<Entry>& entries, Sync sync) override;
  absl::Status Finish(JobKey job, const pb::JournalRecord& record,
                      const pb::TaskHistory* tasks) override;
  absl::Status Remove(JobKey job) override;
  absl::StatusOr<pb::TaskHistory> ReadTasks(JobKey job) const override;
  absl::Status ReadAll(const Visit& visit) override;
  void TakeReserve() override { db_->Full(); }
  const std::string& cluster_id() const override { return cluster_id_; }
  absl::Time created() const override { return created_; }
  uint64_t term() const override { return term_; }

 private:
  explicit RocksJobJournal(std::unique_ptr<RocksDb> db) : db_(std::move(db)) {}
  absl::Status StartTerm(const RocksJournalOptions& options, uint64_t marker_term);
  absl::Status FindCreated(Clock* clock);
  absl::Status FindNextNumbers();
  absl::Status FindJobsWithTasks();
  // Adds to a batch.
  absl::Status PutTasks(JobKey job, const pb::TaskHistory& tasks, rocksdb::WriteBatch* batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status DeleteTasks(JobKey job, rocksdb::WriteBatch* batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status DeleteRecords(JobKey job, rocksdb::WriteBatch* batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Write(rocksdb::WriteBatch* batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What has been written. Without the lock, which Append may be waited for with other locks held.
  absl::Status MakeDurable() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::unique_ptr<RocksDb> db_;
  std::string cluster_id_;
  absl::Time created_;
  uint64_t term_ = 0;

  Mutex mutex_;
  // The number of the next record of each job.
  std::map<JobKey, uint64_t> next_number_ ABSL_GUARDED_BY(mutex_);
  // The jobs of which it has the tasks, by a number that grows with each of their ends.
  std::map<JobKey, uint64_t> jobs_with_tasks_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_end_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace quern::mr
