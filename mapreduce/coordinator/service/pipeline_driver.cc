#include "mapreduce/coordinator/service/pipeline_driver.h"

#include <algorithm>

#include "common/clean_text.h"
#include "common/log.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/job.h"
#include "mapreduce/coordinator/service/journal_writer.h"
#include "mapreduce/engine/state_name.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/plan/pipeline_paths.h"

namespace quern::mr {
namespace {

constexpr int kPipelineThreads = 4;
constexpr size_t kMaxPipelineReasonBytes = 4'000;

// Of the pipeline that these are the records of; empty when none says so.
std::string IdIn(const std::vector<pb::JournalRecord>& records) {
  for (const pb::JournalRecord& record : records) {
    if (record.has_pipeline_submitted()) return record.pipeline_submitted().pipeline_id();
    if (record.has_pipeline_finished()) return record.pipeline_finished().status().job_id();
  }
  return "";
}

}  // namespace

PipelineDriver::PipelineDriver(Jobs* jobs, PipelinePlanner* planner, JobJournal* journal,
                               PublishFiles* files, Options options)
    : jobs_(jobs), planner_(planner), journal_(journal), files_(files), options_(options) {}

void PipelineDriver::Start(const PipelineRecords& records) {
  MutexLock lock(&mutex_);
  for (const auto& [key, of_one] : records) Restore(key, of_one);
  Trim();
  queue_.Start("pipelines", kPipelineThreads, [this](const Work& work) { Run(work); });
}

void PipelineDriver::Restore(JobKey key, const std::vector<pb::JournalRecord>& records) {
  const absl::Status replayed = Replay(key, records);
  if (!replayed.ok()) {
    LogError("journal_pipeline_unreadable", {{"key", key.ToString()}, {"status", replayed}});
    table_.Remove(key);
    queue_.Add({.kind = Work::kForget, .key = key, .pipeline_id = IdIn(records)});
    return;
  }
  Pipeline* pipeline = table_.Find(key);
  if (pipeline->ended()) return;
  HoldEarlier(pipeline->spec, pipeline->outputs, pipeline->id);
  // What was decided may have been done or not: it is done again.
  const bool ended = pipeline->stages->ended();
  pipeline->stages->TakeDecisions();
  for (const PipelineStages::Round& round : pipeline->stages->running()) {
    queue_.Add({.kind = Work::kRun, .key = key, .round = round});
    if (round.round > 2) {
      queue_.Add({.kind = Work::kDropOutput, .key = key, .round = {round.stage, round.round - 2}});
    }
  }
  if (ended) queue_.Add({.kind = Work::kFinish, .key = key});
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
      if (!record.pipeline_finished().cleaned()) queue_.Add({.kind = Work::kClean, .key = key});
    } else if (record.has_pipeline_submitted()) {
      ASSIGN_OR_RETURN(Pipeline made, MakePipeline(key, record.pipeline_submitted(), time));
      pipeline = table_.Add(std::make_unique<Pipeline>(std::move(made)));
      pipeline->stages->Start(time);
    } else if (pipeline == nullptr || pipeline->ended()) {
      return DataLossError("it does not begin with a submission");
    } else if (record.has_pipeline_doomed()) {
      pipeline->stages->Doom(record.pipeline_doomed().reason(), time);
    } else if (record.has_stage_round_ended()) {
      const pb::StageOutput& output = record.stage_round_ended().output();
      for (size_t i = 0; i < pipeline->outputs.size(); ++i) {
        if (pipeline->stage(i).name() != output.stage()) continue;
        pipeline->outputs[i] = output;
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

void PipelineDriver::AddRounds(Work::Kind kind, const Pipeline& pipeline,
                               const std::vector<PipelineStages::Round>& rounds) {
  for (const PipelineStages::Round& round : rounds) {
    queue_.Add({.kind = kind, .key = pipeline.key, .round = round});
  }
}

void PipelineDriver::Run(const Work& work) {
  switch (work.kind) {
    case Work::kRun:
      RunRound(work);
      break;
    case Work::kStop:
      StopRound(work);
      break;
    case Work::kDropOutput:
      DropOutput(work);
      break;
    case Work::kFinish:
      Finish(work);
      break;
    case Work::kClean:
      Clean(work);
      break;
    case Work::kForget:
      Forget(work);
      break;
  }
}

// Gets the job of the round, which may be there already, and hears of its end.
void PipelineDriver::RunRound(const Work& work) {
  absl::StatusOr<std::string> job_id = StageJobOf(work);
  while (!job_id.ok() && IsRetryable(job_id.status())) {
    LogWarning("stage_submit_retry", {{"key", work.key.ToString()}, {"status", job_id.status()}});
    if (!queue_.WaitToRetry(kPipelineRetryInterval)) return;
    job_id = StageJobOf(work);
  }
  bool doomed = false;
  {
    MutexLock lock(&mutex_);
    Pipeline* pipeline = table_.Find(work.key);
    if (pipeline == nullptr || pipeline->ended()) return;
    if (!job_id.ok()) {
      pipeline->stages->RoundFailed(
          work.round,
          CleanLine(fmt::format("stage {}: {}", pipeline->stage(work.round.stage).name(),
                                Message(job_id.status())),
                    kMaxPipelineReasonBytes),
          jobs_->Now());
      return Advance(pipeline);
    }
    if (job_id->empty()) {
      pipeline->stages->RoundStopped(work.round, jobs_->Now());
      return Advance(pipeline);
    }
    doomed = pipeline->stages->doomed();
    pipeline->job_ids[work.round.stage] = *job_id;
    stage_jobs_[*job_id] = {work.key, work.round};
    jobs_->PipelineChanged(pipeline->id);
  }
  // It may have ended before anybody knew whose it is, or the pipeline be doomed since.
  if (doomed) jobs_->Kill(*job_id, "its pipeline is stopped").IgnoreError();
  const absl::StatusOr<pb::JobStatus> job = jobs_->GetJob(*job_id);
  if (job.ok() && IsOver(*job)) JobEnded(*job);
}

// The job of a round, submitted unless it is there; empty when it is not to be any more.
absl::StatusOr<std::string> PipelineDriver::StageJobOf(const Work& work) {
  pb::SubmitRequest request;
  bool doomed = false;
  {
    MutexLock lock(&mutex_);
    Pipeline* pipeline = table_.Find(work.key);
    if (pipeline == nullptr || pipeline->ended()) return std::string();
    request.mutable_header()->set_client_id(pipeline->jobs_client_id);
    request.mutable_header()->set_request_id(StageRequestId(work.round));
    ASSIGN_OR_RETURN(*request.mutable_spec(), MakeStageJob(*pipeline, work.round));
    doomed = pipeline->stages->doomed();
  }
  // Only what an earlier coordinator has started is to be stopped.
  if (doomed) {
    return jobs_->FindRequest(request.header().client_id(), request.header().request_id());
  }
  ASSIGN_OR_RETURN(const pb::SubmitResponse response, jobs_->Submit(request));
  return response.job_id();
}

void PipelineDriver::StopRound(const Work& work) {
  std::string job_id;
  {
    MutexLock lock(&mutex_);
    const Pipeline* pipeline = table_.Find(work.key);
    if (pipeline == nullptr || pipeline->ended()) return;
    for (const auto& [id, job] : stage_jobs_) {
      if (job.pipeline == work.key && job.round == work.round) job_id = id;
    }
  }
  // Not known yet: RunRound sees that it is to stop. One that has ended, or publishes, says so.
  if (!job_id.empty()) jobs_->Kill(job_id, "its pipeline is stopped").IgnoreError();
}

void PipelineDriver::DropOutput(const Work& work) {
  std::vector<std::string> paths;
  {
    MutexLock lock(&mutex_);
    const Pipeline* pipeline = table_.Find(work.key);
    if (pipeline == nullptr) return;
    const pb::PipelineStage& stage = pipeline->stage(work.round.stage);
    paths = {RoundPath(pipeline->id, stage.name(), work.round.round)};
    for (const pb::JobSpec::NamedOutput& output : stage.job().outputs()) {
      if (!IsBesideMain(output)) paths.push_back(StageOutputPath(paths[0], output.name()));
    }
  }
  // What cannot be removed now goes with the whole directory at the end.
  for (const std::string& path : paths) {
    const absl::Status dropped = files_->DeleteTree(path);
    if (!dropped.ok()) LogWarning("output_not_dropped", {{"path", path}, {"status", dropped}});
  }
}

void PipelineDriver::JobEnded(const pb::JobStatus& job) {
  MutexLock lock(&mutex_);
  const auto it = stage_jobs_.find(job.job_id());
  if (it == stage_jobs_.end()) return;
  const StageJob known = it->second;
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
  pipeline->stages->RoundFailed(
      round,
      CleanLine(fmt::format("stage {}: {}: {}", stage.name(), job.job_id(), job.reason()),
                kMaxPipelineReasonBytes),
      now);
}

// What follows from an event.
void PipelineDriver::Advance(Pipeline* pipeline) {
  const PipelineStages::Decisions decisions = pipeline->stages->TakeDecisions();
  AddRounds(Work::kRun, *pipeline, decisions.run);
  AddRounds(Work::kStop, *pipeline, decisions.stop);
  AddRounds(Work::kDropOutput, *pipeline, decisions.drop);
  if (decisions.end) queue_.Add({.kind = Work::kFinish, .key = pipeline->key});
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
    return FailedPreconditionError("{}: has ended already ({})", id,
                                   StateName(pipeline->final_status->state()));
  }
  if (pipeline->stages->ended() && !pipeline->stages->doomed()) {
    return FailedPreconditionError("{}: its output is being published, nothing to kill", id);
  }
  if (pipeline->stages->doomed()) return absl::OkStatus();
  pb::JournalRecord record;
  record.mutable_pipeline_doomed()->set_state(pb::JOB_STATE_KILLED);
  record.mutable_pipeline_doomed()->set_reason(CleanLine(reason, kMaxPipelineReasonBytes));
  Write(pipeline->key, record);
  pipeline->stages->Doom(record.pipeline_doomed().reason(), jobs_->Now());
  Advance(pipeline);
  return absl::OkStatus();
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

std::vector<pb::JobStatus> PipelineDriver::List(size_t most) const {
  std::vector<pb::JobStatus> list;
  MutexLock lock(&mutex_);
  for (auto it = table_.all().rbegin(); it != table_.all().rend() && list.size() < most; ++it) {
    list.push_back(MakePipelineStatus(*it->second));
    for (pb::JobStatus::Stage& stage : *list.back().mutable_stages()) stage.clear_counters();
  }
  return list;
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
