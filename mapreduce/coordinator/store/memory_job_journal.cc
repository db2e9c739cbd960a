#include <map>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "common/random.h"
#include "mapreduce/coordinator/store/job_journal.h"

namespace quern::mr {

struct MemoryJournalStorage {
  explicit MemoryJournalStorage(absl::Time time) : created(time) {}

  const absl::Time created;
  Mutex mutex;
  std::string cluster_id ABSL_GUARDED_BY(mutex) = RandomHex(8);
  uint64_t term ABSL_GUARDED_BY(mutex) = 0;
  // An error: the record cannot be read.
  using Records = std::vector<absl::StatusOr<pb::JournalRecord>>;
  std::map<JobKey, Records> jobs ABSL_GUARDED_BY(mutex);
  // How many records of each job survive a power cut.
  std::map<JobKey, size_t> durable ABSL_GUARDED_BY(mutex);
  // In the order in which the jobs have ended.
  std::vector<std::pair<JobKey, pb::TaskHistory>> tasks ABSL_GUARDED_BY(mutex);

  void EraseTasks(JobKey job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::erase_if(tasks, [&](const auto& entry) { return entry.first == job; });
  }
  void MakeDurable() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    durable.clear();
    for (const auto& [job, records] : jobs) durable[job] = records.size();
  }
};

void CutPower(MemoryJournalStorage* storage) {
  MutexLock lock(&storage->mutex);
  for (auto& [job, records] : storage->jobs) records.resize(storage->durable[job]);
  std::erase_if(storage->jobs, [](const auto& entry) { return entry.second.empty(); });
}

void ReplaceRecord(MemoryJournalStorage* storage, JobKey job, size_t number,
                   absl::StatusOr<pb::JournalRecord> found) {
  MutexLock lock(&storage->mutex);
  storage->jobs.at(job).at(number) = std::move(found);
}

std::shared_ptr<MemoryJournalStorage> NewMemoryJournalStorage(absl::Time created) {
  return std::make_shared<MemoryJournalStorage>(created);
}

namespace {

class MemoryJobJournal final : public JobJournal {
 public:
  explicit MemoryJobJournal(std::shared_ptr<MemoryJournalStorage> storage)
      : storage_(std::move(storage)) {
    MutexLock lock(&storage_->mutex);
    term_ = ++storage_->term;
    cluster_id_ = storage_->cluster_id;
  }

  absl::Status Append(const std::vector<Entry>& entries, Sync sync) override {
    MutexLock lock(&storage_->mutex);
    for (const Entry& entry : entries) storage_->jobs[entry.job].emplace_back(entry.record);
    if (sync == Sync::kDurable) storage_->MakeDurable();
    return absl::OkStatus();
  }
  absl::Status Finish(JobKey job, const pb::JournalRecord& record,
                      const pb::TaskHistory* tasks) override {
    MutexLock lock(&storage_->mutex);
    storage_->jobs[job].assign(1, record);
    if (tasks != nullptr) {
      storage_->EraseTasks(job);
      storage_->tasks.emplace_back(job, *tasks);
    }
    if (storage_->tasks.size() > kJobsWithTasks) storage_->tasks.erase(storage_->tasks.begin());
    storage_->MakeDurable();
    return absl::OkStatus();
  }
  absl::Status Remove(JobKey job) override {
    MutexLock lock(&storage_->mutex);
    storage_->jobs.erase(job);
    storage_->EraseTasks(job);
    storage_->MakeDurable();
    return absl::OkStatus();
  }
  absl::StatusOr<pb::TaskHistory> ReadTasks(JobKey job) const override {
    MutexLock lock(&storage_->mutex);
    for (const auto& [key, tasks] : storage_->tasks) {
      if (key == job) return tasks;
    }
    return NotFoundError("{}: no tasks", job);
  }
  absl::Status ReadAll(const Visit& visit) override {
    std::map<JobKey, MemoryJournalStorage::Records> jobs;
    {
      MutexLock lock(&storage_->mutex);
      jobs = storage_->jobs;
    }
    for (const auto& [job, records] : jobs) {
      for (const auto& record : records) RETURN_IF_ERROR(visit(job, record));
    }
    return absl::OkStatus();
  }
  const std::string& cluster_id() const override { return cluster_id_; }
  absl::Time created() const override { return storage_->created; }
  uint64_t term() const override { return term_; }

 private:
  const std::shared_ptr<MemoryJournalStorage> storage_;
  std::string cluster_id_;
  uint64_t term_ = 0;
};

}  // namespace

std::unique_ptr<JobJournal> OpenMemoryJournal(std::shared_ptr<MemoryJournalStorage> storage) {
  return std::make_unique<MemoryJobJournal>(std::move(storage));
}

}  // namespace quern::mr
