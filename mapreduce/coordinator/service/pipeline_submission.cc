// The part of PipelineDriver that takes in new pipelines and finds what earlier ones have spared
// them.
#include <algorithm>
#include <utility>

#include "common/log.h"
#include "common/random.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/journal_writer.h"
#include "mapreduce/coordinator/service/new_directory.h"
#include "mapreduce/coordinator/service/pipeline_driver.h"
#include "mapreduce/plan/pipeline_fingerprint.h"
#include "mapreduce/plan/pipeline_paths.h"

namespace quern::mr {
namespace {

std::vector<pb::StageOutput> ReusedBy(const pb::PipelineSubmitted& submitted) {
  std::vector<pb::StageOutput> outputs;
  for (const pb::PipelineSubmitted::Stage& stage : submitted.stages()) {
    outputs.push_back(stage.reused());
  }
  return outputs;
}

pb::SubmitPipelineResponse DescribePipeline(const pb::PipelineSubmitted& submitted,
                                            absl::Time now) {
  pb::SubmitPipelineResponse response;
  const absl::StatusOr<Pipeline> pipeline = MakePipeline(JobKey(), submitted, now);
  if (!pipeline.ok()) return response;
  pb::JobStatus status = MakePipelineStatus(*pipeline);
  response.mutable_stages()->Swap(status.mutable_stages());
  return response;
}

}  // namespace

absl::StatusOr<pb::PipelineSpec> PipelineDriver::SpecToRun(
    const pb::SubmitPipelineRequest& request) {
  if (request.has_spec()) return request.spec();
  MutexLock lock(&mutex_);
  const Pipeline* earlier = table_.Find(request.again());
  if (earlier == nullptr) return NoSuchPipeline(request.again());
  if (!earlier->ended()) {
    return FailedPreconditionError("{}: has not ended. Try: mr watch {}", earlier->id, earlier->id);
  }
  pb::PipelineSpec spec = earlier->spec;
  spec.set_resumes(earlier->id);
  // One that has not come to its end is still to replace what it was. After that, or when another
  // one or a job has published there, it is something else that lies there now.
  const bool still_to_replace =
      !earlier->succeeded() && !table_.HasNewerOutput(*earlier) &&
      !jobs_->HasNewerOutput(earlier->key, earlier->final_status->finished_ms(),
                             PublishTargets(earlier->spec));
  spec.set_overwrite(request.overwrite() || (spec.overwrite() && still_to_replace));
  return spec;
}

absl::StatusOr<pb::SubmitPipelineResponse> PipelineDriver::Submit(
    const pb::SubmitPipelineRequest& request) {
  if (planner_ == nullptr) return FailedPreconditionError("this coordinator runs no pipelines");
  const uint64_t client = request.header().client_id();
  const uint64_t number = request.header().request_id();
  ASSIGN_OR_RETURN(const OpenRequests::Turn turn, open_requests_.Begin(client, number));
  {
    MutexLock lock(&mutex_);
    if (const Pipeline* known = table_.FindRequest(client, number)) {
      pb::SubmitPipelineResponse response;
      response.set_pipeline_id(known->id);
      return response;
    }
  }
  return Accept(request);
}

absl::StatusOr<pb::SubmitPipelineResponse> PipelineDriver::Accept(
    const pb::SubmitPipelineRequest& request) {
  ASSIGN_OR_RETURN(pb::PipelineSpec spec, SpecToRun(request));
  ASSIGN_OR_RETURN(const PlannedPipeline plan, planner_->Plan(std::move(spec)));
  pb::PipelineSubmitted submitted = Choose(plan);
  const absl::Time now = jobs_->Now();
  if (request.dry_run()) {
    MutexLock lock(&mutex_);
    ReleaseEarlier(submitted.spec(), ReusedBy(submitted), "");
    return DescribePipeline(submitted, now);
  }
  const JobKey key = jobs_->ReserveKey();
  submitted.set_client_id(request.header().client_id());
  submitted.set_request_id(request.header().request_id());
  submitted.set_jobs_client_id(RandomId());
  absl::StatusOr<Pipeline> pipeline = MakePipeline(key, submitted, now);
  const absl::Status taken = pipeline.ok() ? TakeId(key, now, &submitted) : pipeline.status();
  if (!taken.ok()) {
    MutexLock lock(&mutex_);
    ReleaseEarlier(submitted.spec(), ReusedBy(submitted), "");
    return taken;
  }
  pipeline->id = submitted.pipeline_id();
  pipeline->has_directory = true;
  LogInfo("pipeline_submitted", {{"pipeline", pipeline->id},
                                 {"name", pipeline->spec.name()},
                                 {"stages", pipeline->stages->size()}});
  pb::SubmitPipelineResponse response;
  response.set_pipeline_id(pipeline->id);
  MutexLock lock(&mutex_);
  Pipeline* added = table_.Add(std::make_unique<Pipeline>(*std::move(pipeline)));
  added->stages->Start(now);
  Advance(added);
  return response;
}

absl::Status PipelineDriver::TakeId(JobKey key, absl::Time now, pb::PipelineSubmitted* submitted) {
  IdSteps steps;
  steps.next = [this, now](const std::vector<std::string>& taken) {
    MutexLock lock(&mutex_);
    for (const std::string& id : taken) table_.NoteId(id);
    return table_.NextId(now);
  };
  steps.announce = [&](const std::string& id) {
    submitted->set_pipeline_id(id);
    Announce(key, now, *submitted);
  };
  steps.withdraw = [&](const absl::Status& why) { Withdraw(key, now, *submitted, why); };
  const absl::Status taken = MakeNewDirectory(kPipelinesDir, steps, files_).status();
  return Annotate(taken, "make the directory of the pipeline");
}

// Durable before it is known to anybody; without the lock, since the disk is waited for.
void PipelineDriver::Announce(JobKey key, absl::Time now, const pb::PipelineSubmitted& submitted) {
  JobJournal::Entry entry{key, {}};
  entry.record.set_time_ms(ToMillis(now));
  *entry.record.mutable_pipeline_submitted() = submitted;
  MustWrite(journal_->Append({entry}, JobJournal::Sync::kDurable));
}

// Without its client and request, which may be repeated and then makes another pipeline: that says
// that it was withdrawn (IsWithdrawn). Forgotten when its directory, which may have been made, is
// gone.
void PipelineDriver::Withdraw(JobKey key, absl::Time now, const pb::PipelineSubmitted& submitted,
                              const absl::Status& why) {
  const std::string& id = submitted.pipeline_id();
  LogWarning("submission_withdrawn", {{"pipeline", id}, {"status", why}});
  if (absl::IsAlreadyExists(why)) return MustWrite(journal_->Remove(key));
  pb::PipelineFinished last;
  *last.mutable_spec() = submitted.spec();
  pb::JobStatus* status = last.mutable_status();
  status->set_job_id(id);
  status->set_name(submitted.spec().name());
  status->set_user(submitted.spec().user());
  status->set_command(submitted.spec().command());
  status->set_output_path(submitted.spec().output_path());
  status->set_state(pb::JOB_STATE_FAILED);
  status->set_reason(fmt::format("make the directory of the pipeline: {}", Message(why)));
  status->set_submitted_ms(ToMillis(now));
  status->set_finished_ms(ToMillis(jobs_->Now()));
  WriteLast(key, last);
  leftovers_.Add({.kind = Leftover::kForgotten, .key = key, .pipeline_id = id});
}

// Takes for each stage the best that is there of an earlier run, and holds whoever keeps it.
pb::PipelineSubmitted PipelineDriver::Choose(const PlannedPipeline& plan) {
  const std::vector<std::string> fingerprints =
      FingerprintStages(plan.spec, plan.graph, plan.input_digests);
  const Candidates candidates = HoldCandidates(plan.spec, fingerprints);
  std::vector<ReusableStage> stages = DescribeOutputs(plan.spec, plan.graph);
  std::vector<std::vector<pb::StageOutput>> finished(stages.size());  // one for each offer
  // What a stage with rounds can go on from.
  std::vector<pb::StageOutput> unfinished(stages.size());
  for (size_t i = 0; i < stages.size(); ++i) {
    const pb::PipelineStage& stage = plan.spec.stages(static_cast<int>(i));
    const auto outputs = OutputsOf(plan.spec, stage);
    for (pb::StageOutput candidate : candidates.of_stages[i]) {
      const std::vector<bool> usable = FindUsable(outputs, candidate, candidates.claimed);
      const bool all = std::find(usable.begin(), usable.end(), false) == usable.end();
      if (candidate.done()) {
        stages[i].offers.push_back(usable);
        finished[i].push_back(std::move(candidate));
      } else if (all && candidate.rounds() > unfinished[i].rounds()) {
        unfinished[i] = std::move(candidate);
      }
    }
  }
  const std::vector<StageChoice> choices = ChooseStages(stages);
  pb::PipelineSubmitted submitted;
  *submitted.mutable_spec() = plan.spec;
  for (size_t i = 0; i < stages.size(); ++i) {
    pb::PipelineSubmitted::Stage* stage = submitted.add_stages();
    stage->set_fingerprint(fingerprints[i]);
    stage->set_input_digest(plan.input_digests[i]);
    stage->set_not_needed(choices[i].state == StageState::kNotNeeded);
    if (choices[i].state == StageState::kReused) {
      *stage->mutable_reused() = finished[i][choices[i].offer];
    } else if (choices[i].state == StageState::kWaiting && !unfinished[i].job_id().empty()) {
      *stage->mutable_reused() = unfinished[i];
    }
  }
  MutexLock lock(&mutex_);
  ReleaseCandidates(candidates);
  HoldEarlier(submitted.spec(), ReusedBy(submitted), "");
  return submitted;
}

PipelineDriver::Candidates PipelineDriver::HoldCandidates(
    const pb::PipelineSpec& spec, const std::vector<std::string>& fingerprints) {
  Candidates candidates;
  MutexLock lock(&mutex_);
  for (size_t i = 0; i < fingerprints.size(); ++i) {
    candidates.of_stages.push_back(
        table_.FindOutputs(fingerprints[i], spec.stages(static_cast<int>(i))));
    for (const pb::StageOutput& output : candidates.of_stages.back()) {
      const auto owner = OwnerOf(output);
      if (owner && !table_.IsPinned(*owner)) candidates.claimed.insert(*owner);
    }
  }
  for (const auto& of_stage : candidates.of_stages) {
    for (const pb::StageOutput& output : of_stage) {
      if (const auto owner = OwnerOf(output)) table_.Pin(*owner);
    }
  }
  for (const std::string& owner : candidates.claimed) table_.Claim(owner);
  return candidates;
}

void PipelineDriver::ReleaseCandidates(const Candidates& candidates) {
  for (const auto& of_stage : candidates.of_stages) {
    for (const pb::StageOutput& output : of_stage) {
      if (const auto owner = OwnerOf(output)) table_.Unpin(*owner);
    }
  }
  for (const std::string& owner : candidates.claimed) table_.Unclaim(owner);
}

// Which outputs of a candidate are surely there and where they can be used: those that are wanted
// at a user's path at that very path, or where they can be moved from; the others between stages.
// Nothing goes on from what is at a user's path.
std::vector<bool> PipelineDriver::FindUsable(const std::vector<OutputTarget>& outputs,
                                             const pb::StageOutput& candidate,
                                             const std::set<std::string>& claimed) {
  std::vector<bool> usable;
  for (const OutputTarget& output : outputs) {
    const std::string place = PlaceOf(candidate, output.name);
    const auto owner = OwnerOfPath(place);
    const bool is_published = !output.written.empty();
    const bool where_wanted = owner ? !is_published || !candidate.done() || claimed.contains(*owner)
                                    : is_published && candidate.done() && place == output.path;
    const bool worth_looking = where_wanted && !place.empty();
    const absl::StatusOr<bool> whole =
        worth_looking ? IsWhole(place, candidate.job_id(), files_) : false;
    usable.push_back(whole.ok() && *whole);
  }
  return usable;
}

void PipelineDriver::HoldEarlier(const pb::PipelineSpec& spec,
                                 const std::vector<pb::StageOutput>& outputs, std::string_view id) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto owner = OwnerOf(outputs[i]);
    if (!owner || *owner == id) continue;
    table_.Pin(*owner);
    if (IsTaken(spec, spec.stages(static_cast<int>(i)), outputs[i])) table_.Claim(*owner);
  }
}

void PipelineDriver::ReleaseEarlier(const pb::PipelineSpec& spec,
                                    const std::vector<pb::StageOutput>& outputs,
                                    std::string_view id) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto owner = OwnerOf(outputs[i]);
    if (!owner || *owner == id) continue;
    table_.Unpin(*owner);
    if (IsTaken(spec, spec.stages(static_cast<int>(i)), outputs[i])) table_.Unclaim(*owner);
  }
}

}  // namespace quern::mr
