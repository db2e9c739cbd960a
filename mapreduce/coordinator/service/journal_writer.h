// Makes the records of a coordinator's journal and writes them in batches. No locks.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mapreduce/coordinator/logic/task_scheduler.h"
#include "mapreduce/coordinator/service/job.h"
#include "mapreduce/coordinator/store/job_journal.h"
#include "mapreduce/engine/messages.h"

namespace quern::mr {

class JournalWriter {
 public:
  // The journal is borrowed.
  explicit JournalWriter(JobJournal* journal) : journal_(journal) {}

  // The records of a new job, for a batch of their own.
  static std::vector<JobJournal::Entry> Submission(const Job& job);

  void Started(const Job& job, const Placed& placed, std::string_view worker_id, absl::Time now);
  void Chosen(const Job& job, const AttemptRef& attempt, const pb::AttemptResult& result,
              absl::Time now);
  void Failed(const Job& job, const AttemptRef& attempt, const pb::AttemptFailure& failure,
              absl::Time now);
  void Stopped(const Job& job, const AttemptRef& attempt, Stop how, std::string_view why,
               absl::Time now);
  void OutputLost(const Job& job, uint32_t map_task, Loss how, std::string_view why,
                  absl::Time now);
  void BoundsChosen(const Job& job, absl::Time now);
  void Doomed(const Job& job, absl::Time now);
  // Of a job that is being published.
  void KillWished(const Job& job, absl::Time now);

  // What was made since the last call, unsynced. A failure ends the process: going on would tell
  // workers things that a successor does not know.
  void Write();

 private:
  pb::JournalRecord* Add(const Job& job, absl::Time now);

  JobJournal* const journal_;
  std::vector<JobJournal::Entry> entries_;
};

// Whether this last record, of a job or a pipeline, is of a submission that was withdrawn: its
// client was told that there is none. All others name their client, which is never 0.
template <typename Finished>
bool IsWithdrawn(const Finished& last) {
  return last.client_id() == 0 && last.status().state() == pb::JOB_STATE_FAILED;
}

// Ends the process when the journal could not be written.
void MustWrite(const absl::Status& status);

}  // namespace quern::mr
