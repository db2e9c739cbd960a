// The part of PipelineDriver about ends: publishing, the last record, cleaning up, forgetting.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/log.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/journal_writer.h"
#include "mapreduce/coordinator/service/pipeline_driver.h"
#include "mapreduce/plan/pipeline_paths.h"

namespace quern::mr {
namespace {

// What of a stage is to appear at users' paths. What lies there from an earlier run stays.
void AddPublished(const Pipeline& pipeline, size_t i, PipelinePublishPlan* plan) {
  const pb::StageOutput& made = pipeline.outputs[i];
  for (const OutputTarget& target : OutputsOf(pipeline.spec, pipeline.stage(i))) {
    if (target.written.empty()) continue;
    PipelinePublishPlan::Output output;
    output.source = PlaceOf(made, target.name);
    output.job_id = made.job_id();
    output.target = target.path;
    if (target.is_below()) output.below = target.written;
    const bool is_there = output.source == output.target;
    (is_there ? plan->in_place : plan->outputs).push_back(std::move(output));
  }
}

// Takes out what lies in a pipeline's directory. False when nothing is left.
bool KeepPublished(pb::StageOutput* output) {
  if (OwnerOfPath(output->path())) output->clear_path();
  bool any = !output->path().empty();
  for (pb::StageOutput::Named& named : *output->mutable_named()) {
    if (OwnerOfPath(named.path())) named.clear_path();
    any = any || !named.path().empty();
  }
  return any;
}

}  // namespace

class PipelineDriver::PipelinePublication final : public Publication {
 public:
  PipelinePublication(PipelineDriver* driver, JobKey key, EndPlan plan)
      : driver_(driver), key_(key), plan_(std::move(plan)) {}

  LogField Name() const override { return {"pipeline", plan_.pipeline_id}; }
  std::optional<WishToKill> KillWish() override { return driver_->KillWish(key_); }
  absl::Status Publish() override { return PublishPipeline(plan_.publish, driver_->files_); }
  absl::StatusOr<bool> Withdraw(const std::string&) override {
    return WithdrawPipeline(plan_.publish, driver_->files_);
  }
  void Settle() override { driver_->Settle(key_); }
  void End(const Outcome& outcome) override {
    if (outcome.killed) {
      plan_.state = pb::JOB_STATE_KILLED;
      plan_.reason = *outcome.killed;
    }
    driver_->WriteEnd(key_, plan_, outcome.published);
  }

 private:
  PipelineDriver* const driver_;
  const JobKey key_;
  EndPlan plan_;
};

void PipelineDriver::RunEnd(const End& end) {
  switch (end.kind) {
    case End::kStop:
      StopRound({end.key, end.round});
      break;
    case End::kFinish:
      Finish(end.key);
      break;
  }
}

void PipelineDriver::Finish(JobKey key) {
  std::optional<EndPlan> plan = PlanEnd(key);
  if (!plan) return;
  if (plan->state != pb::JOB_STATE_SUCCEEDED) return WriteEnd(key, *plan, absl::OkStatus());
  publications_.Add(std::make_unique<PipelinePublication>(this, key, *std::move(plan)));
}

std::optional<WishToKill> PipelineDriver::KillWish(JobKey key) {
  MutexLock lock(&mutex_);
  return table_.Find(key)->kill_wish;
}

void PipelineDriver::Settle(JobKey key) {
  MutexLock lock(&mutex_);
  table_.Find(key)->settled = true;
}

void PipelineDriver::WriteEnd(JobKey key, const EndPlan& plan, const absl::Status& published) {
  pb::PipelineFinished last;
  {
    MutexLock lock(&mutex_);
    last = MakeFinished(*table_.Find(key), plan, published);
  }
  WriteLast(key, last);
  LogInfo("pipeline_ended", {{"pipeline", plan.pipeline_id},
                             {"state", pb::JobState_Name(last.status().state())},
                             {"reason", last.status().reason()}});
  MutexLock lock(&mutex_);
  Pipeline* pipeline = table_.Find(key);
  ReleaseEarlier(pipeline->spec, pipeline->outputs, pipeline->id);
  SetEnded(pipeline, last);
  GiveUpEarlier(*pipeline);
  jobs_->PipelineChanged(pipeline->id);
  if (!last.cleaned()) leftovers_.Add({Leftover::kPipeline, key});
  Trim();
}

void PipelineDriver::GiveUpEarlier(const Pipeline& pipeline) {
  if (!pipeline.succeeded() || pipeline.spec.keep()) return;
  for (const std::string& earlier : table_.GoesOnFrom(pipeline)) {
    leftovers_.Add({.kind = Leftover::kGivenUp, .pipeline_id = earlier});
  }
}

std::optional<PipelineDriver::EndPlan> PipelineDriver::PlanEnd(JobKey key) {
  MutexLock lock(&mutex_);
  Pipeline* pipeline = table_.Find(key);
  if (pipeline == nullptr || pipeline->ended()) return std::nullopt;
  EndPlan plan;
  plan.pipeline_id = pipeline->id;
  if (pipeline->stages->failed()) {
    plan.state = pb::JOB_STATE_FAILED;
    return plan;
  }
  if (pipeline->stages->doomed()) {
    plan.state = pb::JOB_STATE_KILLED;
    return plan;
  }
  pipeline->publishing = true;
  plan.publish.pipeline_id = pipeline->id;
  plan.publish.name = pipeline->spec.name();
  plan.publish.user = pipeline->spec.user();
  plan.publish.output_path = pipeline->spec.output_path();
  plan.publish.overwrite = pipeline->spec.overwrite();
  for (size_t i = 0; i < pipeline->stages->size(); ++i) {
    if (pipeline->stages->stage(i).state == StageState::kNotNeeded) continue;
    AddPublished(*pipeline, i, &plan.publish);
  }
  return plan;
}

// What stays of it, and what its users are told.
pb::PipelineFinished PipelineDriver::MakeFinished(const Pipeline& pipeline, const EndPlan& plan,
                                                  const absl::Status& published) const {
  pb::PipelineFinished last;
  const bool succeeded = plan.state == pb::JOB_STATE_SUCCEEDED && published.ok();
  *last.mutable_spec() = pipeline.spec;
  last.set_client_id(pipeline.client_id);
  last.set_request_id(pipeline.request_id);
  pb::JobStatus* status = last.mutable_status();
  *status = MakePipelineStatus(pipeline);
  status->set_state(published.ok() ? plan.state : pb::JOB_STATE_FAILED);
  if (!plan.reason.empty()) status->set_reason(plan.reason);
  if (!published.ok()) status->set_reason(std::string(Message(published)));
  status->set_finished_ms(ToMillis(jobs_->Now()));
  for (size_t i = 0; i < pipeline.outputs.size(); ++i) {
    const PipelineStages::Stage& stage = pipeline.stages->stage(i);
    pb::StageOutput output = pipeline.outputs[i];
    if (output.job_id().empty() || stage.state == StageState::kNotNeeded) continue;
    const bool reused = stage.state == StageState::kReused;
    output.set_done(reused || stage.state == StageState::kDone);
    if (!reused) output.set_rounds(stage.rounds);
    if (!reused) output.set_settled(stage.settled);
    bool any = false;
    for (const OutputTarget& target : OutputsOf(pipeline.spec, pipeline.stage(i))) {
      std::string place = PlaceOf(pipeline.outputs[i], target.name);
      if (succeeded && !target.written.empty()) place = target.path;
      const auto owner = OwnerOfPath(place);
      // What another pipeline has kept stands in its own record.
      if (owner && (*owner != pipeline.id || (succeeded && !pipeline.spec.keep()))) place.clear();
      if (owner && !place.empty()) last.set_kept(true);
      any = any || !place.empty();
      SetPlace(target.name, place, &output);
    }
    const OutputTarget main = OutputsOf(pipeline.spec, pipeline.stage(i))[0];
    if (succeeded && !main.path.empty()) {
      status->mutable_stages(static_cast<int>(i))->set_output_path(main.path);
    }
    if (any) *last.add_outputs() = std::move(output);
  }
  last.set_cleaned(last.kept());
  return last;
}

void PipelineDriver::SetEnded(Pipeline* pipeline, const pb::PipelineFinished& last) {
  pipeline->final_status = last.status();
  pipeline->spec = last.spec();
  pipeline->client_id = last.client_id();
  pipeline->request_id = last.request_id();
  pipeline->kept_outputs.assign(last.outputs().begin(), last.outputs().end());
  pipeline->kept = last.kept();
  pipeline->stages.reset();
}

pb::PipelineFinished PipelineDriver::LastRecord(const Pipeline& pipeline) const {
  pb::PipelineFinished last;
  *last.mutable_status() = *pipeline.final_status;
  *last.mutable_spec() = pipeline.spec;
  last.set_client_id(pipeline.client_id);
  last.set_request_id(pipeline.request_id);
  last.mutable_outputs()->Add(pipeline.kept_outputs.begin(), pipeline.kept_outputs.end());
  last.set_kept(pipeline.kept);
  return last;
}

void PipelineDriver::WriteLast(JobKey key, const pb::PipelineFinished& last) {
  pb::JournalRecord record;
  record.set_time_ms(last.status().finished_ms());
  *record.mutable_pipeline_finished() = last;
  MustWrite(journal_->Finish(key, record));
}

void PipelineDriver::CleanUp(const Leftover& leftover) {
  // Of other errors nothing changes before the next start, which tries again.
  const bool again = IsRetryable(Remove(leftover)) && leftovers_.WaitToRetry(options_.clean_retry);
  if (again) leftovers_.Add(leftover);
}

absl::Status PipelineDriver::Remove(const Leftover& leftover) {
  switch (leftover.kind) {
    case Leftover::kOutput:
      DropOutput(leftover);
      break;
    case Leftover::kPipeline:
      return Clean(leftover.key);
    case Leftover::kForgotten:
      return Forget(leftover);
    case Leftover::kGivenUp: {
      // Another pipeline may read it still; then it stays until the next start.
      const absl::StatusOr<JobKey> key = GiveUpKept(leftover.pipeline_id);
      return key.ok() ? Clean(*key) : absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

void PipelineDriver::DropOutput(const Leftover& leftover) {
  std::vector<std::string> paths;
  {
    MutexLock lock(&mutex_);
    const Pipeline* pipeline = table_.Find(leftover.key);
    if (pipeline == nullptr) return;
    const pb::PipelineStage& stage = pipeline->stage(leftover.round.stage);
    paths = {RoundPath(pipeline->id, stage.name(), leftover.round.round)};
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

absl::Status PipelineDriver::Clean(JobKey key) {
  pb::PipelineFinished last;
  {
    MutexLock lock(&mutex_);
    const Pipeline* pipeline = table_.Find(key);
    if (pipeline == nullptr || !pipeline->ended()) return absl::OkStatus();
    last = LastRecord(*pipeline);
  }
  const absl::Status cleaned = files_->DeleteTree(PipelineDir(last.status().job_id()));
  if (!cleaned.ok()) {
    LogWarning("pipeline_not_cleaned", {{"pipeline", last.status().job_id()}, {"status", cleaned}});
    return cleaned;
  }
  last.set_cleaned(true);
  WriteLast(key, last);
  return absl::OkStatus();
}

absl::Status PipelineDriver::Drop(std::string_view id) {
  ASSIGN_OR_RETURN(const JobKey key, GiveUpKept(id));
  // Now, if that can be.
  if (IsRetryable(Clean(key))) leftovers_.Add({Leftover::kPipeline, key});
  return absl::OkStatus();
}

absl::StatusOr<JobKey> PipelineDriver::GiveUpKept(std::string_view id) {
  JobKey key;
  pb::PipelineFinished last;
  {
    MutexLock lock(&mutex_);
    Pipeline* pipeline = table_.Find(id);
    if (pipeline == nullptr) return NoSuchPipeline(id);
    if (!pipeline->ended()) {
      return FailedPreconditionError("{}: has not ended. Try: mr kill {}", id, id);
    }
    if (table_.IsPinned(id)) {
      return FailedPreconditionError("{}: another pipeline reads what it has kept. Try: later", id);
    }
    std::erase_if(pipeline->kept_outputs,
                  [](pb::StageOutput& output) { return !KeepPublished(&output); });
    pipeline->kept = false;
    key = pipeline->key;
    last = LastRecord(*pipeline);
  }
  WriteLast(key, last);
  return key;
}

void PipelineDriver::Trim() {
  for (const JobKey key : table_.TooMany(options_.max_ended)) {
    leftovers_.Add({.kind = Leftover::kForgotten, .key = key, .pipeline_id = table_.Find(key)->id});
    table_.Remove(key);
  }
}

absl::Status PipelineDriver::Forget(const Leftover& leftover) {
  if (!leftover.pipeline_id.empty()) {
    const absl::Status cleaned = files_->DeleteTree(PipelineDir(leftover.pipeline_id));
    if (!cleaned.ok()) {
      LogWarning("pipeline_not_cleaned", {{"pipeline", leftover.pipeline_id}, {"status", cleaned}});
      return cleaned;
    }
  }
  MustWrite(journal_->Remove(leftover.key));
  return absl::OkStatus();
}

}  // namespace quern::mr
