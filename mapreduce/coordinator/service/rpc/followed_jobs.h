// Which attempts somebody who follows logs is to see: of one attempt, of one task, of a job, or of
// the jobs of a pipeline, those that come included. No locks, no streams.
#pragma once

#include <array>
#include <map>
#include <string>

#include "common/status.h"
#include "mapreduce/coordinator/logic/ids.h"
#include "mapreduce/coordinator/logic/log_follow.h"
#include "mapreduce/coordinator/service/tracker_state.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/jobs.pb.h"

namespace quern::mr {

class FollowedJobs {
 public:
  // `request` is borrowed.
  explicit FollowedJobs(const pb::GetLogRequest& request);

  // Adds what has started since the last call. `pipeline_ended` counts for a pipeline only, and is
  // to be known before the state. NotFound: there is no such job, task or attempt.
  // FailedPrecondition: all has ended, and is no longer remembered.
  absl::Status Look(const TrackerState& state, bool pipeline_ended, LogFollow* follow);
  // Nothing is added any more.
  bool over() const { return over_; }
  bool of_pipeline() const { return scope_ == Scope::kPipeline; }
  // Of a job that was found.
  const std::string& IdOf(JobKey job) const { return jobs_.at(job).id; }

 private:
  enum class Scope { kPipeline, kJob, kTask, kAttempt };
  struct Followed {
    std::string id;
    // Attempts of each kind that were looked at, in the order in which they started.
    std::array<size_t, kTaskKinds> seen{};
  };

  absl::Status FindJob(const TrackerState& state, LogFollow* follow);
  void FindPipelineJobs(const TrackerState& state, bool show_ended, LogFollow* follow);
  void Begin(const Job& job, const JobTasks& tasks, LogFollow* follow);
  void AddAll(const Job& job, const JobTasks& tasks, bool show_ended, LogFollow* follow);
  absl::Status AddTask(const Job& job, const JobTasks& tasks, LogFollow* follow);
  void AddStarted(const Job& job, const JobTasks& tasks, Followed* followed, LogFollow* follow);
  bool IsOver(const Job& job, const JobTasks* tasks) const;

  const pb::GetLogRequest& request_;
  const Scope scope_;
  bool begun_ = false;
  bool over_ = false;
  std::map<JobKey, Followed> jobs_;  // that were found
};

}  // namespace quern::mr
