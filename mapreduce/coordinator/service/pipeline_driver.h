// Runs pipelines: gives the jobs of their stages to the coordinator, hears of their ends, publishes
// what comes out, and cleans up.
//
// What is to be done is decided by PipelineStages and written to the journal before it is done; the
// rest are steps that may be repeated. The job of a round is asked for under a request id of its
// own, so that a coordinator that was killed between asking and writing down the answer gets the
// job that is there already. Thread-safe; the lock is never held while waiting for a disk or
// another process.
//
// What waits for the file system has threads of its own for each kind of work, so that a pipeline
// that is killed stops its jobs, ends and is cleaned up, which may make room, and others begin,
// however many wait to be published; and what cannot be done now lets the others try before it is
// tried again.
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
#include "mapreduce/coordinator/service/open_requests.h"
#include "mapreduce/coordinator/service/pipeline_planner.h"
#include "mapreduce/coordinator/service/pipeline_publisher.h"
#include "mapreduce/coordinator/service/pipeline_table.h"
#include "mapreduce/coordinator/service/publication_queue.h"
#include "mapreduce/coordinator/service/publisher.h"
#include "mapreduce/coordinator/service/stage_output.h"
#include "mapreduce/coordinator/service/wish_to_kill.h"
#include "mapreduce/coordinator/service/work_queue.h"
#include "mapreduce/coordinator/store/job_journal.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/jobs.pb.h"
#include "quern/mr/v1/journal.pb.h"

namespace quern::mr {

class PipelineDriver {
 public:
  // The jobs of the same coordinator.
  class Jobs {
   public:
    virtual ~Jobs() = default;
    virtual absl::StatusOr<pb::SubmitResponse> Submit(const pb::SubmitRequest& request) = 0;
    // Kills the job of a stage. One that is being published is tried once before it is given up
    // (wish_to_kill.h).
    virtual absl::Status StopJob(std::string_view job_id, std::string_view reason) = 0;
    virtual absl::StatusOr<pb::JobStatus> GetJob(std::string_view job_id) const = 0;
    // Whether a job that was submitted after `than`, or ended at `ended_ms` or later, has succeeded
    // with an output at, above or below one of these paths.
    virtual bool HasNewerOutput(JobKey than, int64_t ended_ms,
                                const std::set<std::string>& paths) const = 0;
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
    // Between two tries of what cannot be done now.
    absl::Duration retry = absl::Seconds(1);
    // Between two tries to get the job of a stage for which there is no room: each of them may
    // write down its whole plan, and room does not come in a second.
    absl::Duration full_retry = absl::Seconds(30);
    // Between two tries of removing what a pipeline has left behind.
    absl::Duration clean_retry = absl::Seconds(30);
  };

  // Borrowed. Without a planner pipelines are refused.
  PipelineDriver(Jobs* jobs, PipelinePlanner* planner, JobJournal* journal, PublishFiles* files,
                 Options options);
  ~PipelineDriver() { Shutdown(); }

  // Continues the pipelines of the journal and starts the threads. Once; the jobs are recovered.
  void Start(const PipelineRecords& records);
  // Leaves what has not begun to the next start. Returns at once.
  void Stop();
  // Stops, and waits for what is being done.
  void Shutdown();

  // Answers when the pipeline is durable. Unavailable: the same request is being accepted.
  absl::StatusOr<pb::SubmitPipelineResponse> Submit(const pb::SubmitPipelineRequest& request);
  // One that is being published ends as KILLED only if nothing of it has appeared.
  // FailedPrecondition when it has ended, or is about to end, in another way. May be repeated.
  absl::Status Kill(std::string_view id, std::string_view reason);
  // Removes what an ended pipeline has kept. FailedPrecondition while another one reads it.
  absl::Status Drop(std::string_view id);

  absl::StatusOr<pb::JobStatus> Get(std::string_view id) const;
  // NotFound when it is the id of a pipeline, which has no tasks itself; names the jobs that do.
  absl::Status CheckIsNoPipeline(std::string_view id) const;
  struct Wanted {
    size_t most = 0;
    bool only_ended = false;
  };
  // The newest first.
  std::vector<pb::JobStatus> List(const Wanted& wanted) const;
  void AddPluginsInUse(StringSet* paths) const;
  // The last id that was given out; empty when there is none.
  std::string LastId() const;

  // A job has ended; those that are of no stage are passed over.
  void JobEnded(const pb::JobStatus& job);

 private:
  struct StageRound {
    JobKey pipeline;
    PipelineStages::Round round;
    auto operator<=>(const StageRound&) const = default;
  };
  // Waits for nobody but the journal.
  struct End {
    enum Kind { kStop, kFinish } kind = kStop;
    JobKey key = {};
    PipelineStages::Round round = {};
  };
  struct EndPlan {
    pb::JobState state = pb::JOB_STATE_SUCCEEDED;
    std::string pipeline_id;
    std::string reason;  // empty: what its stages say
    PipelinePublishPlan publish;
  };
  class PipelinePublication;
  struct Leftover {
    enum Kind { kOutput, kPipeline, kForgotten, kGivenUp } kind = kOutput;
    JobKey key = {};
    PipelineStages::Round round = {};
    std::string pipeline_id = {};
  };

  // Submission: pipeline_submission.cc.
  absl::StatusOr<pb::SubmitPipelineResponse> Accept(const pb::SubmitPipelineRequest& request);
  absl::StatusOr<pb::PipelineSpec> SpecToRun(const pb::SubmitPipelineRequest& request);
  // Gives it an id that nobody has, by which it is written down, and makes its directory.
  absl::Status TakeId(JobKey key, absl::Time now, pb::PipelineSubmitted* submitted);
  void Announce(JobKey key, absl::Time now, const pb::PipelineSubmitted& submitted);
  void Withdraw(JobKey key, absl::Time now, const pb::PipelineSubmitted& submitted,
                const absl::Status& why);
  pb::PipelineSubmitted Choose(const PlannedPipeline& plan);
  // While a pipeline is being planned, it holds everything that it might use.
  struct Candidates {
    std::vector<std::vector<pb::StageOutput>> of_stages;
    std::set<std::string> claimed;  // pipelines that are for it alone
  };
  Candidates HoldCandidates(const pb::PipelineSpec& spec,
                            const std::vector<std::string>& fingerprints);
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
  // Of what is no pipeline to anybody, though there are records of it.
  void Discard(JobKey key, const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReplayDoom(Pipeline* pipeline, const pb::PipelineDoomed& doomed, absl::Time time) const;

  // Work.
  void StartThreads();
  void RunRound(const StageRound& round);
  std::optional<pb::SubmitRequest> BeginSubmission(const StageRound& round);
  // Of a pipeline with a round that is being submitted.
  absl::Status MakeMissingDirectory(JobKey key);
  absl::Status CompareInputs(const StageRound& round);
  bool EndSubmission(const StageRound& round, const absl::StatusOr<pb::SubmitResponse>& job);
  void StopRound(const StageRound& round);
  std::string JobOf(const Pipeline& pipeline, const PipelineStages::Round& round) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void HearOfEnd(const std::string& job_id);
  void RunEnd(const End& end);
  void Finish(JobKey key);
  std::optional<WishToKill> KillWish(JobKey key);
  // Nobody can kill it any more, and nothing is journalled of it but its last record.
  void Settle(JobKey key);
  void WriteEnd(JobKey key, const EndPlan& plan, const absl::Status& published);
  void CleanUp(const Leftover& leftover);
  absl::Status Remove(const Leftover& leftover);
  void DropOutput(const Leftover& leftover);
  absl::Status Clean(JobKey key);
  absl::Status Forget(const Leftover& leftover);

  // Events.
  void Advance(Pipeline* pipeline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RoundEnded(Pipeline* pipeline, const PipelineStages::Round& round, const pb::JobStatus& job)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FailRound(Pipeline* pipeline, const PipelineStages::Round& round, std::string_view why)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(JobKey key, pb::JournalRecord record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string WriteKilled(JobKey key, std::string_view reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<EndPlan> PlanEnd(JobKey key);
  pb::PipelineFinished MakeFinished(const Pipeline& pipeline, const EndPlan& plan,
                                    const absl::Status& published) const;
  void WriteLast(JobKey key, const pb::PipelineFinished& last);
  pb::PipelineFinished LastRecord(const Pipeline& pipeline) const;
  void SetEnded(Pipeline* pipeline, const pb::PipelineFinished& last)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What all those before it have kept, once it has succeeded.
  void GiveUpEarlier(const Pipeline& pipeline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The key of an ended pipeline whose files nobody reads any more, once that is written down.
  absl::StatusOr<JobKey> GiveUpKept(std::string_view id);
  void Trim() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Jobs* const jobs_;
  PipelinePlanner* const planner_;
  JobJournal* const journal_;
  PublishFiles* const files_;
  const Options options_;

  mutable Mutex mutex_;
  PipelineTable table_ ABSL_GUARDED_BY(mutex_);
  // Jobs of stages that run.
  std::map<std::string, StageRound, std::less<>> stage_jobs_ ABSL_GUARDED_BY(mutex_);
  // Rounds whose job is being asked for: nobody knows whether there is one.
  std::set<StageRound> rounds_being_submitted_ ABSL_GUARDED_BY(mutex_);
  OpenRequests open_requests_;
  WorkQueue<StageRound> rounds_;
  WorkQueue<End> ends_;
  PublicationQueue publications_;
  WorkQueue<Leftover> leftovers_;
};

}  // namespace quern::mr
