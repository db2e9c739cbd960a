// Rebuilds what a JobTracker knows from its journal.
#pragma once

#include <absl/time/time.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "mapreduce/coordinator/service/tracker_state.h"
#include "mapreduce/coordinator/store/job_journal.h"
#include "mapreduce/engine/messages.h"

namespace quern::mr {

// The records of pipelines in a journal, by key, in their order.
using PipelineRecords = std::map<JobKey, std::vector<pb::JournalRecord>>;

// Runs once, on a state that nobody has used yet. Attempts that were running are taken to run
// still: their workers have the heartbeat timeout to come back and say so. A record that cannot be
// read or makes no sense costs its job, which then cannot go on, and no other; a pipeline goes on
// from the records before it.
class JournalReplay {
 public:
  JournalReplay(TrackerState* state, absl::Time now) : state_(state), now_(now) {}

  struct Outcome {
    // Jobs that cannot go on, and why; the first reason of a job counts.
    struct Doomed {
      JobKey key;
      pb::JobState state = pb::JOB_STATE_FAILED;
      std::string reason;
    };
    std::vector<Doomed> doomed;
    // Jobs that had ended, perhaps with files left behind.
    std::vector<std::pair<JobKey, pb::JobFinished>> to_clean;
    // Nothing is left of them that could be shown, or they were withdrawn, which were no jobs to
    // anybody. Once they are cleaned, where that is to be done.
    std::vector<JobKey> to_forget;
    PipelineRecords pipelines;
  };
  absl::StatusOr<Outcome> Run(JobJournal* journal);

 private:
  absl::Status Apply(JobKey key, const pb::JournalRecord& record);
  void OnSubmitted(JobKey key, const pb::JobSubmitted& submitted, absl::Time time);
  void OnFinished(JobKey key, const pb::JobFinished& finished);
  // The job that is being read is complete as far as its plan goes: its tasks can be made.
  void EnsureTasks();
  absl::Status ApplyToTasks(const pb::JournalRecord& record, absl::Time time);
  absl::Status OnStarted(const pb::AttemptStarted& started, absl::Time time);
  void OnChosen(const pb::AttemptChosen& chosen, absl::Time time);
  void OnEnded(const pb::AttemptEnded& ended, absl::Time time);
  absl::Status OnDoomed(const pb::JobDoomed& doomed);
  void Fail(JobKey key, std::string reason);
  // How much of a job's plan had been read before a record of it that makes no sense.
  enum class Plan { kPart, kWhole };
  void Broken(JobKey key, Plan plan, const absl::Status& why);
  AttemptRef Ref(const pb::AttemptId& id) const;

  TrackerState* const state_;
  const absl::Time now_;
  Outcome outcome_;
  std::unique_ptr<Job> reading_;  // submitted, its splits still being read
  Job* job_ = nullptr;            // the job whose records are being applied
  JobKey broken_;                 // the rest of it is passed over
};

}  // namespace quern::mr
