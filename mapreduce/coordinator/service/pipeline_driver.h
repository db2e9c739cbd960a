// Runs pipelines: gives the jobs of their stages to the coordinator, hears of their ends, publishes
// what comes out, and cleans up.
//
// What is to be done is decided by PipelineStages and written to the journal before it is done; the
// rest are steps that may be repeated. The job of a round is asked for under a request id of its
// own, so that a coordinator that was killed between asking and writing down the answer gets the
// job that is there already. A few threads, since planning a job or publishing takes its time.
// Thread-safe; the lock is never held while waiting for a disk or another process.
#pragma once

#include <absl/time/time.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/status.h"
#include "common/strings.h"
#include "mapreduce/coordinator/service/journal_replay.h"
#include "mapreduce/coordinator/service/pipeline_planner.h"
#include "mapreduce/coordinator/service/pipeline_publisher.h"
#include "mapreduce/coordinator/service/pipeline_table.h"
#include "mapreduce/coordinator/service/publisher.h"
#include "mapreduce/coordinator/service/stage_output.h"
#include "mapreduce/coordinator/service/work_queue.h"
#include "mapreduce/coordinator/store/job_journal.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/jobs.pb.h"
#include "quern/mr/v1/journal.pb.h"

namespace quern::mr {

// Between two tries of what cannot be done now.
inline constexpr absl::Duration kPipelineRetryInterval = absl::Seconds(1);

class PipelineDriver {
 public:
  // The jobs of the same coordinator.
  class Jobs {
   public:
    virtual ~Jobs() = default;
    virtual absl::StatusOr<pb::SubmitResponse> Submit(const pb::SubmitRequest& request) = 0;
    virtual absl::Status Kill(std::string_view job_id, std::string_view reason) = 0;
    virtual absl::StatusOr<pb::JobStatus> GetJob(std::string_view job_id) const = 0;
    // Whether a job that was submitted after `than` has succeeded with an output at, above or below
    // one of these paths.
    virtual bool HasNewerOutput(JobKey than, const std::set<std::string>& paths) const = 0;
    // The job that a request has made; empty when there is none.
    virtual std::string FindRequest(uint64_t client_id, uint64_t request_id) const = 0;
    // A key of the journal that no job has.
    virtual JobKey ReserveKey() = 0;
    virtual void PipelineChanged(std::string_view pipeline_id) = 0;
    virtual absl::Time Now() const = 0;
  };
  struct Options {
    // Ended pipelines that are remembered. Older ones are forgotten with what they have kept.
    size_t max_ended = 100;
  };

  // Borrowed. Without a planner pipelines are refused.
  PipelineDriver(Jobs* jobs, PipelinePlanner* planner, JobJournal* journal, PublishFiles* files,
                 Options options);
  ~PipelineDriver() { Shutdown(); }

  // Continues the pipelines of the journal and starts the threads. Once; the jobs are recovered.
  void Start(const PipelineRecords& records);
  // Leaves what is being done to the next start.
  void Shutdown() { queue_.Shutdown(); }

  // Answers when the pipeline is durable. Unavailable: the same request is being accepted.
  absl::StatusOr<pb::SubmitPipelineResponse> Submit(const pb::SubmitPipelineRequest& request);
  // FailedPrecondition when it has ended or is being published.
  absl::Status Kill(std::string_view id, std::string_view reason);
  // Removes what an ended pipeline has kept. FailedPrecondition while another one reads it.
  absl::Status Drop(std::string_view id);

  absl::StatusOr<pb::JobStatus> Get(std::string_view id) const;
  // NotFound when it is the id of a pipeline, which has no tasks itself; names the jobs that do.
  absl::Status CheckIsNoPipeline(std::string_view id) const;
  // The newest first.
  std::vector<pb::JobStatus> List(size_t most) const;
  void AddPluginsInUse(StringSet* paths) const;

  // A job has ended; those that are of no stage are passed over.
  void JobEnded(const pb::JobStatus& job);

 private:
  struct Work {
    enum Kind { kRun, kStop, kDropOutput, kFinish, kClean, kForget } kind = kRun;
    JobKey key = {};
    PipelineStages::Round round = {};
    std::string pipeline_id = {};
  };
  struct EndPlan {
    pb::JobState state = pb::JOB_STATE_SUCCEEDED;
    std::string pipeline_id;
    PipelinePublishPlan publish;
  };

  // Submission: pipeline_submission.cc.
  absl::StatusOr<pb::SubmitPipelineResponse> Accept(const pb::SubmitPipelineRequest& request);
  absl::StatusOr<pb::PipelineSpec> SpecToRun(const pb::SubmitPipelineRequest& request);
  pb::PipelineSubmitted Choose(const PlannedPipeline& plan);
  // While a pipeline is being planned, it holds everything that it might use.
  struct Candidates {
    std::vector<std::vector<pb::StageOutput>> of_stages;
    std::set<std::string> claimed;  // pipelines that are for it alone
  };
  Candidates HoldCandidates(const std::vector<std::string>& fingerprints);
  void ReleaseCandidates(const Candidates& candidates) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<bool> FindUsable(const std::vector<OutputTarget>& outputs,
                               const pb::StageOutput& candidate,
                               const std::set<std::string>& claimed);
  // What a pipeline uses of earlier ones, from its submission to its end; one output for each of
  // its stages. `id` is its own, whose outputs do not count.
  void HoldEarlier(const pb::PipelineSpec& spec, const std::vector<pb::StageOutput>& outputs,
                   std::string_view id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReleaseEarlier(const pb::PipelineSpec& spec, const std::vector<pb::StageOutput>& outputs,
                      std::string_view id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Recovery.
  void Restore(JobKey key, const std::vector<pb::JournalRecord>& records)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Replay(JobKey key, const std::vector<pb::JournalRecord>& records)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Work.
  void AddRounds(Work::Kind kind, const Pipeline& pipeline,
                 const std::vector<PipelineStages::Round>& rounds);
  void Run(const Work& work);
  void RunRound(const Work& work);
  absl::StatusOr<std::string> StageJobOf(const Work& work);
  void StopRound(const Work& work);
  void DropOutput(const Work& work);
  void Finish(const Work& work);
  absl::Status PublishWithRetries(const PipelinePublishPlan& plan);
  void Clean(const Work& work);
  void Forget(const Work& work);

  // Events.
  void Advance(Pipeline* pipeline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RoundEnded(Pipeline* pipeline, const PipelineStages::Round& round, const pb::JobStatus& job)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(JobKey key, pb::JournalRecord record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<EndPlan> PlanEnd(JobKey key);
  pb::PipelineFinished MakeFinished(const Pipeline& pipeline, const EndPlan& plan,
                                    const absl::Status& published) const;
  void WriteLast(JobKey key, const pb::PipelineFinished& last);
  pb::PipelineFinished LastRecord(const Pipeline& pipeline) const;
  void SetEnded(Pipeline* pipeline, const pb::PipelineFinished& last)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Trim() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Jobs* const jobs_;
  PipelinePlanner* const planner_;
  JobJournal* const journal_;
  PublishFiles* const files_;
  const Options options_;

  mutable Mutex mutex_;
  PipelineTable table_ ABSL_GUARDED_BY(mutex_);
  // Jobs of stages that run.
  struct StageJob {
    JobKey pipeline;
    PipelineStages::Round round;
  };
  std::map<std::string, StageJob, std::less<>> stage_jobs_ ABSL_GUARDED_BY(mutex_);
  // Client and number of the requests that are being accepted.
  std::set<std::pair<uint64_t, uint64_t>> submitting_ ABSL_GUARDED_BY(mutex_);
  WorkQueue<Work> queue_;
};

}  // namespace quern::mr
