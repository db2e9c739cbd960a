#include "mapreduce/coordinator/service/pipeline_driver.h"

#include <algorithm>

#include "common/clean_text.h"
#include "common/log.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/job.h"
#include "mapreduce/coordinator/service/journal_writer.h"
#include "mapreduce/coordinator/service/new_directory.h"
#include "mapreduce/engine/state_name.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/plan/pipeline_paths.h"
#include "mapreduce/plan/stage_job.h"

namespace quern::mr {
namespace {

constexpr int kStageThreads = 4;
constexpr int kPipelineEndThreads = 2;
// One: what is written of a pipeline when it has been cleaned up comes before it is forgotten.
// (Drop writes in its caller's thread; a record that it brings back is forgotten at the next
// start.)
constexpr int kPipelineCleanThreads = 1;
constexpr size_t kMaxPipelineReasonBytes = 4'000;

// Of the pipeline that these are the records of; empty when none says so.
std::string IdIn(const std::vector<pb::JournalRecord>& records) {
  for (const pb::JournalRecord& record : records) {
    if (record.has_pipeline_submitted()) return record.pipeline_submitted().pipeline_id();
    if (record.has_pipeline_finished()) return record.pipeline_finished().status().job_id();
  }
  return "";
}

bool AreOfWithdrawn(const std::vector<pb::JournalRecord>& records) {
  return !records.empty() && records.front().has_pipeline_finished() &&
         IsWithdrawn(records.front().pipeline_finished());
}

}  // namespace

PipelineDriver::PipelineDriver(Jobs* jobs, PipelinePlanner* planner, JobJournal* journal,
                               PublishFiles* files, Options options)
    : jobs_(jobs),
      planner_(planner),
      journal_(journal),
      files_(files),
      options_(options),
      publications_(options.retry) {}

void PipelineDriver::Start(const PipelineRecords& records) {
  MutexLock lock(&mutex_);
  for (const auto& [key, of_one] : records) Restore(key, of_one);
  Trim();
  // A coordinator may have died between the last record of one and that, or somebody else has read
  // it then.
  for (const auto& [key, pipeline] : table_.all()) GiveUpEarlier(*pipeline);
  StartThreads();
}

void PipelineDriver::StartThreads() {
  rounds_.Start("stages", kStageThreads, [this](const StageRound& round) { RunRound(round); });
  ends_.Start("pipeline-ends", kPipelineEndThreads, [this](const End& end) { RunEnd(end); });
  publications_.Start("pipe-publisher");
  leftovers_.Start("pipe-cleaner", kPipelineCleanThreads,
                   [this](const Leftover& leftover) { CleanUp(leftover); });
}

void PipelineDriver::Stop() {
  rounds_.Stop();
  ends_.Stop();
  publications_.Stop();
  leftovers_.Stop();
}

void PipelineDriver::Shutdown() {
  Stop();
  rounds_.Shutdown();
  ends_.Shutdown();
  publications_.Shutdown();
  leftovers_.Shutdown();
}

void PipelineDriver::Restore(JobKey key, const std::vector<pb::JournalRecord>& records) {
  if (AreOfWithdrawn(records)) return Discard(key, IdIn(records));
  const absl::Status replayed = Replay(key, records);
  if (!replayed.ok()) {
    LogError("journal_pipeline_unreadable", {{"key", key.ToString()}, {"status", replayed}});
    table_.Remove(key);
    return Discard(key, IdIn(records));
  }
  Pipeline* pipeline = table_.Find(key);
  if (pipeline->ended()) return;
  HoldEarlier(pipeline->spec, pipeline->outputs, pipeline->id);
  // What was decided may have been done or not: it is done again.
  const bool ended = pipeline->stages->ended();
  pipeline->stages->TakeDecisions();
  const bool doomed = pipeline->stages->doomed();
  for (const PipelineStages::Round& round : pipeline->stages->running()) {
    if (doomed) ends_.Add({End::kStop, key, round});
    if (!doomed) rounds_.Add({key, round});
    if (round.round > 2) {
      leftovers_.Add({Leftover::kOutput, key, {round.stage, round.round - 2}});
    }
  }
  if (ended) ends_.Add({.kind = End::kFinish, .key = key});
}

void PipelineDriver::Discard(JobKey key, const std::string& id) {
  // Its directory is removed, perhaps much later: no other one may get it.
  table_.NoteId(id);
  leftovers_.Add({.kind = Leftover::kForgotten, .key = key, .pipeline_id = id});
}

absl::Status PipelineDriver::Replay(JobKey key, const std::vector<pb::JournalRecord>& records) {
  Pipeline* pipeline = nullptr;
  for (const pb::JournalRecord& record : records) {
    const absl::Time time = absl::FromUnixMillis(record.time_ms());
    if (record.has_pipeline_finished()) {
      auto ended = std::make_unique<Pipeline>();
      ended->key = key;
      ended->id = record.pipeline_finished().status().job_id();
      pipeline = table_.Add(std::move(ended));
      SetEnded(pipeline, record.pipeline_finished());
      if (!record.pipeline_finished().cleaned()) leftovers_.Add({Leftover::kPipeline, key});
    } else if (record.has_pipeline_submitted()) {
      ASSIGN_OR_RETURN(Pipeline made, MakePipeline(key, record.pipeline_submitted(), time));
      pipeline = table_.Add(std::make_unique<Pipeline>(std::move(made)));
      pipeline->stages->Start(time);
    } else if (pipeline == nullptr || pipeline->ended()) {
      return DataLossError("it does not begin with a submission");
    } else if (record.has_pipeline_doomed()) {
      ReplayDoom(pipeline, record.pipeline_doomed(), time);
    } else if (record.has_stage_round_ended()) {
      const pb::StageOutput& output = record.stage_round_ended().output();
      for (size_t i = 0; i < pipeline->outputs.size(); ++i) {
        if (pipeline->stage(i).name() != output.stage()) continue;
        pipeline->outputs[i] = output;
        if (output.fingerprint().empty()) ForgetFingerprint(i, pipeline);
        pipeline->job_ids[i] = output.job_id();
        pipeline->stages->RoundSucceeded({i, output.rounds()},
                                         ConditionHolds(pipeline->stage(i), output), time);
      }
    } else {
      return DataLossError("a record of an unknown kind");
    }
  }
  return absl::OkStatus();
}

// Its job may have been none, or be forgotten by now: the record alone says that the stage failed.
void PipelineDriver::ReplayDoom(Pipeline* pipeline, const pb::PipelineDoomed& doomed,
                                absl::Time time) const {
  for (const PipelineStages::Round& round : pipeline->stages->running()) {
    if (pipeline->stage(round.stage).name() != doomed.stage()) continue;
    pipeline->stages->RoundFailed(round, doomed.reason(), time);
    const std::string job = jobs_->FindRequest(pipeline->jobs_client_id, StageRequestId(round));
    if (!job.empty()) pipeline->job_ids[round.stage] = job;
  }
  // It was being published.
  const bool is_wish = pipeline->stages->ended() && doomed.state() == pb::JOB_STATE_KILLED;
  if (is_wish && !pipeline->kill_wish) pipeline->kill_wish = WishToKill{doomed.reason()};
  pipeline->stages->Doom(doomed.reason(), time);
}

// Gets the job of the round, which may be there already, and hears of its end.
void PipelineDriver::RunRound(const StageRound& round) {
  const std::optional<pb::SubmitRequest> request = BeginSubmission(round);
  if (!request) return;
  const absl::Status made = MakeMissingDirectory(round.pipeline);
  absl::StatusOr<pb::SubmitResponse> job = made.ok() ? jobs_->Submit(*request) : made;
  if (job.ok()) {
    const absl::Status compared = CompareInputs(round);
    if (!compared.ok()) job = compared;
  }
  if (EndSubmission(round, job)) {
    LogWarning("stage_submit_retry",
               {{"key", round.pipeline.ToString()}, {"status", job.status()}});
    if (absl::IsResourceExhausted(job.status())) {
      rounds_.AddLater(round, options_.full_retry);
    } else if (rounds_.WaitToRetry(options_.retry)) {
      rounds_.Add(round);
    }
    return;
  }
  // It may have ended before anybody knew whose it is.
  if (job.ok()) HearOfEnd(job->job_id());
}

// Nothing when the round is not to be run any more: of a doomed pipeline StopRound sees to it.
std::optional<pb::SubmitRequest> PipelineDriver::BeginSubmission(const StageRound& round) {
  MutexLock lock(&mutex_);
  Pipeline* pipeline = table_.Find(round.pipeline);
  if (pipeline == nullptr || pipeline->ended() || pipeline->stages->doomed() ||
      !pipeline->stages->IsRunning(round.round)) {
    return std::nullopt;
  }
  absl::StatusOr<pb::JobSpec> spec = MakeStageJob(*pipeline, round.round);
  if (!spec.ok()) {
    FailRound(pipeline, round.round, Message(spec.status()));
    Advance(pipeline);
    return std::nullopt;
  }
  pb::SubmitRequest request;
  request.mutable_header()->set_client_id(pipeline->jobs_client_id);
  request.mutable_header()->set_request_id(StageRequestId(round.round));
  *request.mutable_spec() = *std::move(spec);
  rounds_being_submitted_.insert(round);
  return request;
}

// It cannot end meanwhile, and so is not cleaned up before.
absl::Status PipelineDriver::MakeMissingDirectory(JobKey key) {
  std::string id;
  {
    MutexLock lock(&mutex_);
    const Pipeline* pipeline = table_.Find(key);
    if (pipeline->has_directory) return absl::OkStatus();
    id = pipeline->id;
  }
  RETURN_IF_ERROR(Annotate(MakeAnnouncedDirectory(kPipelinesDir, id, files_),
                           "make the directory of the pipeline"));
  MutexLock lock(&mutex_);
  table_.Find(key)->has_directory = true;
  return absl::OkStatus();
}

// After its job has listed them: inputs that are now as they were when the pipeline was accepted
// were so in between. Else the output is nothing that others could ask for. An error: nobody can
// say now.
absl::Status PipelineDriver::CompareInputs(const StageRound& round) {
  pb::PipelineStage stage;
  std::string accepted;
  {
    MutexLock lock(&mutex_);
    const Pipeline* pipeline = table_.Find(round.pipeline);
    stage = pipeline->stage(round.round.stage);
    accepted = pipeline->input_digests[round.round.stage];
  }
  if (accepted.empty() || planner_ == nullptr) return absl::OkStatus();
  const absl::StatusOr<bool> same = planner_->ReadsTheSame(stage, accepted);
  if (IsRetryable(same.status())) return same.status();
  if (same.ok() && *same) return absl::OkStatus();
  MutexLock lock(&mutex_);
  Pipeline* pipeline = table_.Find(round.pipeline);
  LogInfo("stage_inputs_changed", {{"pipeline", pipeline->id}, {"stage", stage.name()}});
  ForgetFingerprint(round.round.stage, pipeline);
  return absl::OkStatus();
}

// Whether it is to be tried again.
bool PipelineDriver::EndSubmission(const StageRound& round,
                                   const absl::StatusOr<pb::SubmitResponse>& job) {
  MutexLock lock(&mutex_);
  rounds_being_submitted_.erase(round);
  // It has not ended: this round of it runs until somebody has said what has become of its job.
  Pipeline* pipeline = table_.Find(round.pipeline);
  const bool retry = IsRetryable(job.status());
  if (!job.ok() && !retry) {
    FailRound(pipeline, round.round, Message(job.status()));
    Advance(pipeline);
    return false;
  }
  if (job.ok()) {
    pipeline->job_ids[round.round.stage] = job->job_id();
    stage_jobs_[job->job_id()] = round;
    jobs_->PipelineChanged(pipeline->id);
  }
  const bool doomed = pipeline->stages->doomed();
  if (doomed) ends_.Add({End::kStop, round.pipeline, round.round});
  return retry && !doomed;
}

void PipelineDriver::StopRound(const StageRound& round) {
  std::string job_id;
  {
    MutexLock lock(&mutex_);
    // EndSubmission comes back to one whose job is being asked for.
    if (rounds_being_submitted_.contains(round)) return;
    Pipeline* pipeline = table_.Find(round.pipeline);
    if (pipeline == nullptr || pipeline->ended() || !pipeline->stages->IsRunning(round.round)) {
      return;
    }
    job_id = JobOf(*pipeline, round.round);
    if (job_id.empty()) {
      pipeline->stages->RoundStopped(round.round, jobs_->Now());
      return Advance(pipeline);
    }
    pipeline->job_ids[round.round.stage] = job_id;
    stage_jobs_[job_id] = round;
    jobs_->PipelineChanged(pipeline->id);
  }
  // One that has ended says so. One that publishes is tried once before it is given up: what it has
  // made is kept for those that go on from this pipeline.
  jobs_->StopJob(job_id, "its pipeline is stopped").IgnoreError();
  HearOfEnd(job_id);
}

// Empty when there is none; also of one that only an earlier coordinator has known of.
std::string PipelineDriver::JobOf(const Pipeline& pipeline,
                                  const PipelineStages::Round& round) const {
  for (const auto& [id, known] : stage_jobs_) {
    if (known == StageRound{pipeline.key, round}) return id;
  }
  return jobs_->FindRequest(pipeline.jobs_client_id, StageRequestId(round));
}

void PipelineDriver::HearOfEnd(const std::string& job_id) {
  const absl::StatusOr<pb::JobStatus> job = jobs_->GetJob(job_id);
  if (job.ok() && IsOver(*job)) JobEnded(*job);
}

void PipelineDriver::JobEnded(const pb::JobStatus& job) {
  MutexLock lock(&mutex_);
  const auto it = stage_jobs_.find(job.job_id());
  if (it == stage_jobs_.end()) return;
  const StageRound known = it->second;
  stage_jobs_.erase(it);
  Pipeline* pipeline = table_.Find(known.pipeline);
  if (pipeline == nullptr || pipeline->ended()) return;
  RoundEnded(pipeline, known.round, job);
  Advance(pipeline);
}

void PipelineDriver::RoundEnded(Pipeline* pipeline, const PipelineStages::Round& round,
                                const pb::JobStatus& job) {
  const absl::Time now = jobs_->Now();
  const pb::PipelineStage& stage = pipeline->stage(round.stage);
  if (job.state() == pb::JOB_STATE_SUCCEEDED) {
    pb::JournalRecord record;
    pb::StageOutput* output = record.mutable_stage_round_ended()->mutable_output();
    *output = MakeStageOutput(*pipeline, round, job);
    KeepCounters(pipeline->spec, stage, pipeline->outputs[round.stage].counters(),
                 output->mutable_counters());
    const absl::Status counted = CheckRoundCounter(stage, output->counters());
    if (!counted.ok()) {
      leftovers_.Add({Leftover::kOutput, pipeline->key, round});
      // What is stopped anyway ends as that. A success would be the stage's last round, for all
      // that go on from here.
      if (pipeline->stages->doomed()) return pipeline->stages->RoundStopped(round, now);
      return FailRound(pipeline, round, Message(counted));
    }
    // The stage has gone on from a round of an earlier pipeline: that one is read no more.
    const auto owner = OwnerOf(pipeline->outputs[round.stage]);
    if (owner && *owner != pipeline->id) table_.Unpin(*owner);
    pipeline->outputs[round.stage] = *output;
    const bool holds = ConditionHolds(stage, *output);
    Write(pipeline->key, std::move(record));
    return pipeline->stages->RoundSucceeded(round, holds, now);
  }
  if (job.state() == pb::JOB_STATE_KILLED && pipeline->stages->doomed()) {
    return pipeline->stages->RoundStopped(round, now);
  }
  FailRound(pipeline, round, fmt::format("{}: {}", job.job_id(), job.reason()));
}

// The first failure is journalled before others are stopped for it: a successor hears of the ends
// in any order, and one that was stopped is not the cause.
void PipelineDriver::FailRound(Pipeline* pipeline, const PipelineStages::Round& round,
                               std::string_view why) {
  if (!pipeline->stages->IsRunning(round)) return;
  const std::string& stage = pipeline->stage(round.stage).name();
  const std::string reason =
      CleanLine(fmt::format("stage {}: {}", stage, why), kMaxPipelineReasonBytes);
  if (!pipeline->stages->doomed()) {
    pb::JournalRecord record;
    record.mutable_pipeline_doomed()->set_state(pb::JOB_STATE_FAILED);
    record.mutable_pipeline_doomed()->set_reason(reason);
    record.mutable_pipeline_doomed()->set_stage(stage);
    Write(pipeline->key, std::move(record));
  }
  pipeline->stages->RoundFailed(round, reason, jobs_->Now());
}

// What follows from an event.
void PipelineDriver::Advance(Pipeline* pipeline) {
  const PipelineStages::Decisions decisions = pipeline->stages->TakeDecisions();
  const JobKey key = pipeline->key;
  for (const PipelineStages::Round& round : decisions.run) rounds_.Add({key, round});
  for (const PipelineStages::Round& round : decisions.stop) ends_.Add({End::kStop, key, round});
  for (const PipelineStages::Round& round : decisions.drop) {
    leftovers_.Add({Leftover::kOutput, key, round});
  }
  if (decisions.end) ends_.Add({.kind = End::kFinish, .key = key});
  jobs_->PipelineChanged(pipeline->id);
}

void PipelineDriver::Write(JobKey key, pb::JournalRecord record) {
  record.set_time_ms(ToMillis(jobs_->Now()));
  MustWrite(journal_->Append({{key, std::move(record)}}, JobJournal::Sync::kProcess));
}

absl::Status PipelineDriver::Kill(std::string_view id, std::string_view reason) {
  MutexLock lock(&mutex_);
  Pipeline* pipeline = table_.Find(id);
  if (pipeline == nullptr) return NoSuchPipeline(id);
  if (pipeline->ended()) {
    if (pipeline->final_status->state() == pb::JOB_STATE_KILLED) return absl::OkStatus();
    return FailedPreconditionError("{}: has ended already ({})", id,
                                   StateName(pipeline->final_status->state()));
  }
  if (pipeline->stages->doomed() || pipeline->kill_wish) return absl::OkStatus();
  if (pipeline->settled) {
    return FailedPreconditionError("{}: is at its end already, nothing to kill", id);
  }
  std::string written = WriteKilled(pipeline->key, reason);
  if (pipeline->stages->ended()) {
    // What it publishes may have appeared: only who publishes it can tell.
    pipeline->kill_wish = WishToKill{std::move(written)};
  } else {
    pipeline->stages->Doom(std::move(written), jobs_->Now());
  }
  Advance(pipeline);
  return absl::OkStatus();
}

// What the record says as the reason.
std::string PipelineDriver::WriteKilled(JobKey key, std::string_view reason) {
  pb::JournalRecord record;
  record.mutable_pipeline_doomed()->set_state(pb::JOB_STATE_KILLED);
  record.mutable_pipeline_doomed()->set_reason(CleanLine(reason, kMaxPipelineReasonBytes));
  Write(key, record);
  return record.pipeline_doomed().reason();
}

absl::StatusOr<pb::JobStatus> PipelineDriver::Get(std::string_view id) const {
  MutexLock lock(&mutex_);
  const Pipeline* pipeline = table_.Find(id);
  if (pipeline == nullptr) return NoSuchPipeline(id);
  return MakePipelineStatus(*pipeline);
}

absl::Status PipelineDriver::CheckIsNoPipeline(std::string_view id) const {
  if (!IsPipelineId(id)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const pb::JobStatus pipeline, Get(id));
  std::string jobs;
  for (const pb::JobStatus::Stage& stage : pipeline.stages()) {
    const bool own = stage.state() != pb::JobStatus::Stage::STATE_REUSED;
    if (own && !stage.job_id().empty()) jobs += (jobs.empty() ? "" : ", ") + stage.job_id();
  }
  if (jobs.empty()) return NotFoundError("{}: is a pipeline, and has no jobs of its own", id);
  return NotFoundError("{}: is a pipeline; its jobs are {}", id, jobs);
}

std::vector<pb::JobStatus> PipelineDriver::List(const Wanted& wanted) const {
  std::vector<pb::JobStatus> list;
  MutexLock lock(&mutex_);
  const auto& all = table_.all();
  for (auto it = all.rbegin(); it != all.rend() && list.size() < wanted.most; ++it) {
    if (wanted.only_ended && !it->second->ended()) continue;
    list.push_back(MakePipelineStatus(*it->second));
    for (pb::JobStatus::Stage& stage : *list.back().mutable_stages()) stage.clear_counters();
  }
  return list;
}

std::string PipelineDriver::LastId() const {
  MutexLock lock(&mutex_);
  return table_.LastId();
}

void PipelineDriver::AddPluginsInUse(StringSet* paths) const {
  MutexLock lock(&mutex_);
  for (const auto& [key, pipeline] : table_.all()) {
    // `mr rerun` brings nothing along. Of one that has not succeeded all may have to run again,
    // also where it has kept nothing.
    if (pipeline->succeeded() && !pipeline->kept) continue;
    for (const pb::PipelineStage& stage : pipeline->spec.stages()) {
      paths->insert(stage.job().plugin().path());
      for (const auto& side : stage.job().files()) paths->insert(side.file().path());
    }
  }
}

}  // namespace quern::mr
