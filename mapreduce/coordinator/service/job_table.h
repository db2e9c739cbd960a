// All jobs that a coordinator remembers, and the names that they are found by. No locks.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"
#include "common/strings.h"
#include "mapreduce/coordinator/logic/end_order.h"
#include "mapreduce/coordinator/logic/ids.h"
#include "mapreduce/coordinator/service/job.h"

namespace quern::mr {

// What is said of a job that is not, or no longer, known.
absl::Status NoSuchJob(std::string_view job_id);

class JobTable {
 public:
  // The id of a new job, given out once. The day in it never goes back, so that a clock that does
  // cannot make one a second time.
  std::string NextId(absl::Time now);
  // Is not given out any more.
  void NoteId(std::string_view job_id);
  // The last one that was given out, or noted; empty when there is none.
  std::string LastId() const;
  // A key for a new job, or for what is no job and has records all the same.
  JobKey ReserveKey() { return JobKey(++last_key_); }
  // A job with a reserved key, or one that the journal names.
  Job* Add(std::unique_ptr<Job> job);
  // The journal has something of a job of this key.
  void NoteKey(JobKey key);

  // Null when there is none.
  const Job* Find(JobKey key) const;
  Job* Find(JobKey key) { return const_cast<Job*>(std::as_const(*this).Find(key)); }
  const Job* Find(std::string_view job_id) const;
  Job* Find(std::string_view job_id) { return const_cast<Job*>(std::as_const(*this).Find(job_id)); }
  // The job that a request made; null when it is the first of its kind.
  const Job* FindRequest(uint64_t client_id, uint64_t request_id) const;
  const std::map<JobKey, std::unique_ptr<Job>>& all() const { return jobs_; }
  // Whether a job after this key, or one that ended at this time or later, has succeeded with an
  // output at, above or below one of the paths.
  bool HasNewerOutput(JobKey than, int64_t ended_ms, const std::set<std::string>& paths) const;

  struct Limits {
    // Ended jobs that are remembered, the last ones to end; others leave the journal.
    size_t max_ended = 1'000;
    // Of these, the last ones keep the details of their tasks, in memory.
    size_t max_detailed = 50;
  };
  // Takes out ended jobs, and details of ended jobs, that are too many.
  struct Trimmed {
    std::vector<std::unique_ptr<Job>> jobs;
    std::vector<std::shared_ptr<JobTasks>> tasks;
  };
  Trimmed TrimEnded(const Limits& limits);

 private:
  std::map<JobKey, std::unique_ptr<Job>> jobs_;
  StringMap<JobKey> keys_;
  std::map<std::pair<uint64_t, uint64_t>, JobKey> requests_;  // client id, request id
  EndOrder ends_;
  uint32_t last_key_ = 0;
  std::pair<std::string, uint32_t> last_number_;  // day, number of its last job
};

}  // namespace quern::mr
