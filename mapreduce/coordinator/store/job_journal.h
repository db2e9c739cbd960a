// Remembers every job, so that a coordinator that was killed at any moment continues them all.
//
// Each job is a sequence of records (proto/quern/mr/v1/journal.proto); replaying them in order
// through the scheduler rebuilds its state. A job that has ended keeps only its last record.
// Records of attempts survive the death of the process; what a user was promised (a job was
// accepted, a job has ended) and the start of a commit are durable. Thread-safe.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/status.h"
#include "mapreduce/coordinator/logic/ids.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/journal.pb.h"

namespace quern::mr {

class JobJournal {
 public:
  virtual ~JobJournal() = default;

  struct Entry {
    JobKey job;
    pb::JournalRecord record;
  };
  enum class Sync {
    kProcess,  // survives the death of the process
    kDurable,  // survives a power cut, with everything appended before
  };

  // All of them or none, after what is there, in their order.
  virtual absl::Status Append(const std::vector<Entry>& entries, Sync sync) = 0;
  // Replaces everything about a job by its last record, and keeps what its tasks did, if that is
  // given, in place of what it knew of them; durable.
  virtual absl::Status Finish(JobKey job, const pb::JournalRecord& record,
                              const pb::TaskHistory* tasks = nullptr) = 0;
  // Forgets a job.
  virtual absl::Status Remove(JobKey job) = 0;

  // What the tasks of a job did. NotFound; of many jobs only the last to end are kept.
  virtual absl::StatusOr<pb::TaskHistory> ReadTasks(JobKey job) const = 0;
  static constexpr size_t kJobsWithTasks = 200;

  // Calls `visit` for every record: jobs in the order of their keys, records in the order in which
  // they were appended; with DataLoss for one that cannot be read. Stops at the first error that
  // `visit` returns, and returns it.
  using Visit = std::function<absl::Status(JobKey, const absl::StatusOr<pb::JournalRecord>&)>;
  virtual absl::Status ReadAll(const Visit& visit) = 0;

  // Holds space back for when its disk is full, where it has been needed, or there was none. Not
  // for callers with a lock.
  virtual void TakeReserve() {}

  // Random, made at the first format.
  virtual const std::string& cluster_id() const = 0;
  // When that was. Of a journal of an earlier version, which has not noted it: when a later one
  // first opened it.
  virtual absl::Time created() const = 0;
  // Grows with every opening, so that orders of an older coordinator can be told from newer ones.
  virtual uint64_t term() const = 0;
};

// Kept in the object `storage`, which outlives it like a disk outlives a process.
struct MemoryJournalStorage;
std::shared_ptr<MemoryJournalStorage> NewMemoryJournalStorage(
    absl::Time created = absl::UnixEpoch());
std::unique_ptr<JobJournal> OpenMemoryJournal(std::shared_ptr<MemoryJournalStorage> storage);
// Forgets what is not durable.
void CutPower(MemoryJournalStorage* storage);
// What is found from now on in the place of a job's record, which must be there; counted from 0.
void ReplaceRecord(MemoryJournalStorage* storage, JobKey job, size_t number,
                   absl::StatusOr<pb::JournalRecord> found);

}  // namespace quern::mr
