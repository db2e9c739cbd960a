// Rebuilds a JobTracker from its journal.
#pragma once

#include <absl/time/time.h>

#include "common/status.h"
#include "mapreduce/coordinator/service/job_tracker.h"

namespace quern::mr {

// Runs once, on a tracker that nobody has used yet. Attempts that were running are taken to run
// still: their workers have the heartbeat timeout to come back and say so.
class JournalReplay {
 public:
  JournalReplay(JobTracker* tracker, absl::Time now) : tracker_(tracker), now_(now) {}
  absl::Status Run();

 private:
  absl::Status Apply(JobKey key, const v1::JournalRecord& record);
  absl::Status OnSubmitted(JobKey key, const v1::JobSubmitted& submitted, absl::Time time);
  void OnSplits(const v1::SplitsPlanned& splits);
  void OnFinished(JobKey key, const v1::JobFinished& finished);
  // The job that is being read is complete as far as its plan goes: its tasks can be made.
  void EnsureTasks();
  absl::Status ApplyToTasks(const v1::JournalRecord& record, absl::Time time);
  AttemptRef Ref(const v1::AttemptId& id) const;
  void NoteJobNumber(std::string_view job_id);

  JobTracker* const tracker_;
  const absl::Time now_;
  std::unique_ptr<Job> reading_;  // submitted, its splits still being read
  Job* job_ = nullptr;            // the job whose records are being applied
};

}  // namespace quern::mr
