#include "mapreduce/coordinator/service/job_table.h"

#include <algorithm>
#include <charconv>

#include "mapreduce/engine/task_id.h"
#include "mapreduce/plan/pipeline_rules.h"

namespace quern::mr {
namespace {

// Where day and number lie in job-20261122-0001.
constexpr size_t kDayBegin = 4;
constexpr size_t kDayBytes = 8;
constexpr size_t kNumberBegin = 13;

}  // namespace

absl::Status NoSuchJob(std::string_view job_id) {
  return NotFoundError("{}: no such job. Try: mr list", job_id);
}

std::string JobTable::NextId(absl::Time now) {
  const std::string today = absl::FormatTime("%Y%m%d", now, absl::UTCTimeZone());
  if (today > last_number_.first) last_number_ = {today, 0};
  return FormatJobId(last_number_.first, ++last_number_.second);
}

std::string JobTable::LastId() const {
  return last_number_.first.empty() ? "" : FormatJobId(last_number_.first, last_number_.second);
}

Job* JobTable::Add(std::unique_ptr<Job> job) {
  Job* added = job.get();
  NoteKey(added->key);
  NoteId(added->id);
  requests_[{added->client_id, added->request_id}] = added->key;
  keys_[added->id] = added->key;
  jobs_[added->key] = std::move(job);
  return added;
}

void JobTable::NoteKey(JobKey key) { last_key_ = std::max(last_key_, key.value()); }

void JobTable::NoteId(std::string_view job_id) {
  if (!IsJobId(job_id)) return;
  const std::string day(job_id.substr(kDayBegin, kDayBytes));
  uint32_t number = 0;
  std::from_chars(job_id.data() + kNumberBegin, job_id.data() + job_id.size(), number);
  if (day > last_number_.first) last_number_ = {day, 0};
  if (day == last_number_.first) last_number_.second = std::max(last_number_.second, number);
}

const Job* JobTable::Find(JobKey key) const {
  const auto it = jobs_.find(key);
  return it == jobs_.end() ? nullptr : it->second.get();
}

const Job* JobTable::Find(std::string_view job_id) const {
  const auto key = keys_.find(job_id);
  return key == keys_.end() ? nullptr : Find(key->second);
}

const Job* JobTable::FindRequest(uint64_t client_id, uint64_t request_id) const {
  const auto it = requests_.find({client_id, request_id});
  return client_id == 0 || it == requests_.end() ? nullptr : Find(it->second);
}

bool JobTable::HasNewerOutput(JobKey than, int64_t ended_ms,
                              const std::set<std::string>& paths) const {
  return std::any_of(jobs_.begin(), jobs_.end(), [&](const auto& entry) {
    const auto& status = entry.second->final_status;
    if (!status || status->state() != pb::JOB_STATE_SUCCEEDED) return false;
    if (!(than < entry.first) && status->finished_ms() < ended_ms) return false;
    std::set<std::string> outputs = {status->output_path()};
    for (const auto& named : status->named_outputs()) outputs.insert(named.path());
    outputs.erase("");
    return Overlap(outputs, paths);
  });
}

JobTable::Trimmed JobTable::TrimEnded(const Limits& limits) {
  ends_.AddFrom(jobs_);
  std::vector<JobKey> ended;
  for (const auto& [number, key] : ends_.keys()) ended.push_back(key);
  Trimmed trimmed;
  for (size_t i = 0; i < ended.size(); ++i) {
    const size_t newer = ended.size() - 1 - i;
    const auto it = jobs_.find(ended[i]);
    if (newer >= limits.max_detailed) {
      if (it->second->ended_tasks != nullptr) {
        trimmed.tasks.push_back(std::exchange(it->second->ended_tasks, nullptr));
        it->second->progress.clear();
      }
      Job dropped;
      it->second->MoveInputsTo(&dropped);
      it->second->map_times = {};
      it->second->reduce_times = {};
      it->second->failures.clear();
      it->second->failure_order.clear();
    }
    if (newer < limits.max_ended) continue;
    ends_.Remove(ended[i]);
    requests_.erase({it->second->client_id, it->second->request_id});
    keys_.erase(it->second->id);
    trimmed.jobs.push_back(std::move(it->second));
    jobs_.erase(it);
  }
  return trimmed;
}

}  // namespace quern::mr
