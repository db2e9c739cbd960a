// The part of PipelineDriver that takes in new pipelines and finds what earlier ones have spared
// them.
#include <algorithm>
#include <utility>

#include "common/log.h"
#include "common/random.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/journal_writer.h"
#include "mapreduce/coordinator/service/pipeline_driver.h"
#include "mapreduce/plan/pipeline_fingerprint.h"
#include "mapreduce/plan/pipeline_paths.h"

namespace quern::mr {
namespace {

// It publishes something below the pipeline's own output path.
bool IsRelative(const pb::JobSpec& job) {
  const auto is_relative = [](const std::string& path) {
    return !path.empty() && !path.starts_with('/');
  };
  return is_relative(job.output().path()) ||
         std::any_of(job.outputs().begin(), job.outputs().end(), [&](const auto& output) {
           return !IsBesideMain(output) && is_relative(output.output().path());
         });
}

// It publishes a named output and not the main one, of which then nothing tells whether it is
// still there.
bool PublishesOnlyNamed(const pb::JobSpec& job) {
  return job.output().path().empty() &&
         std::any_of(job.outputs().begin(), job.outputs().end(), [](const auto& output) {
           return !IsBesideMain(output) && !output.output().path().empty();
         });
}

// What lies below the pipeline's own output path appears together, or is not made at all.
void KeepTogether(const pb::PipelineSpec& spec, std::vector<bool>* available) {
  bool all = true;
  for (size_t i = 0; i < available->size(); ++i) {
    const pb::JobSpec& job = spec.stages(static_cast<int>(i)).job();
    if (PublishesOnlyNamed(job)) (*available)[i] = false;
    if (IsRelative(job)) all = all && (*available)[i];
  }
  for (size_t i = 0; i < available->size(); ++i) {
    if (IsRelative(spec.stages(static_cast<int>(i)).job())) (*available)[i] = all;
  }
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
    const pb::SubmitPipelineRequest& request) const {
  if (request.has_spec()) return request.spec();
  MutexLock lock(&mutex_);
  const Pipeline* earlier = table_.Find(request.again());
  if (earlier == nullptr) return NoSuchPipeline(request.again());
  if (!earlier->ended()) {
    return FailedPreconditionError("{}: has not ended. Try: mr watch {}", earlier->id, earlier->id);
  }
  pb::PipelineSpec spec = earlier->spec;
  spec.set_resumes(earlier->id);
  spec.set_overwrite(request.overwrite());
  return spec;
}

absl::StatusOr<pb::SubmitPipelineResponse> PipelineDriver::Submit(
    const pb::SubmitPipelineRequest& request) {
  if (planner_ == nullptr) return FailedPreconditionError("this coordinator runs no pipelines");
  const std::pair key(request.header().client_id(), request.header().request_id());
  {
    MutexLock lock(&mutex_);
    if (const Pipeline* known = table_.FindRequest(key.first, key.second)) {
      pb::SubmitPipelineResponse response;
      response.set_pipeline_id(known->id);
      return response;
    }
    // Planning takes its time, and a client that waits for it may ask again.
    if (key.first != 0 && !submitting_.insert(key).second) {
      return UnavailableError("the same request is being accepted now. Try: again");
    }
  }
  absl::StatusOr<pb::SubmitPipelineResponse> response = Accept(request);
  MutexLock lock(&mutex_);
  submitting_.erase(key);
  return response;
}

absl::StatusOr<pb::SubmitPipelineResponse> PipelineDriver::Accept(
    const pb::SubmitPipelineRequest& request) {
  ASSIGN_OR_RETURN(pb::PipelineSpec spec, SpecToRun(request));
  ASSIGN_OR_RETURN(const PlannedPipeline plan, planner_->Plan(std::move(spec)));
  pb::PipelineSubmitted submitted = Choose(plan);
  const absl::Time now = jobs_->Now();
  if (request.dry_run()) {
    MutexLock lock(&mutex_);
    UnpinAll(submitted);
    return DescribePipeline(submitted, now);
  }
  const JobKey key = jobs_->ReserveKey();
  {
    MutexLock lock(&mutex_);
    submitted.set_pipeline_id(table_.NextId(now));
  }
  submitted.set_client_id(request.header().client_id());
  submitted.set_request_id(request.header().request_id());
  submitted.set_jobs_client_id(RandomId());
  absl::StatusOr<Pipeline> pipeline = MakePipeline(key, submitted, now);
  absl::Status ready = pipeline.status();
  if (ready.ok()) ready = files_->Mkdirs(PipelineDir(submitted.pipeline_id()));
  if (!ready.ok()) {
    MutexLock lock(&mutex_);
    UnpinAll(submitted);
    return Annotate(ready, "make the directory of the pipeline");
  }
  // Durable before it is known to anybody; without the lock, since the disk is waited for.
  JobJournal::Entry entry{key, {}};
  entry.record.set_time_ms(ToMillis(now));
  *entry.record.mutable_pipeline_submitted() = submitted;
  MustWrite(journal_->Append({entry}, JobJournal::Sync::kDurable));
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

// Takes for each stage the best that is there of an earlier run, and pins whoever keeps it.
pb::PipelineSubmitted PipelineDriver::Choose(const PlannedPipeline& plan) {
  const size_t stages = plan.graph.stages.size();
  const std::vector<std::string> fingerprints =
      FingerprintStages(plan.spec, plan.graph, plan.input_digests);
  std::vector<pb::StageOutput> found(stages);
  std::vector<bool> published(stages);
  std::vector<bool> available(stages);
  for (size_t i = 0; i < stages; ++i) {
    const pb::PipelineStage& stage = plan.spec.stages(static_cast<int>(i));
    published[i] = plan.graph.stages[i].is_published;
    const std::string target = PublishedPath(plan.spec, stage.job().output().path());
    if (auto output = FindReusable(fingerprints[i], target)) {
      available[i] = output->done();
      found[i] = *std::move(output);
    }
  }
  KeepTogether(plan.spec, &available);
  const std::vector<StageState> states =
      ChooseStages(MakeStageRules(plan.spec, plan.graph), published, available);
  pb::PipelineSubmitted submitted;
  *submitted.mutable_spec() = plan.spec;
  MutexLock lock(&mutex_);
  for (size_t i = 0; i < stages; ++i) {
    pb::PipelineSubmitted::Stage* stage = submitted.add_stages();
    stage->set_fingerprint(fingerprints[i]);
    stage->set_not_needed(states[i] == StageState::kNotNeeded);
    const bool partly = states[i] == StageState::kWaiting && !found[i].done();
    if (states[i] == StageState::kReused || partly) {
      *stage->mutable_reused() = std::move(found[i]);
    } else if (const auto owner = OwnerOf(found[i])) {
      table_.Unpin(*owner);
    }
  }
  return submitted;
}

// An output with this fingerprint that is still there: at `target` if it is to be published and has
// come to its end, else in the directory of an earlier pipeline, which is then pinned.
std::optional<pb::StageOutput> PipelineDriver::FindReusable(std::string_view fingerprint,
                                                            const std::string& target) {
  std::vector<PipelineTable::Candidate> candidates;
  {
    MutexLock lock(&mutex_);
    candidates = table_.FindOutputs(fingerprint);
    for (const PipelineTable::Candidate& candidate : candidates) {
      if (const auto owner = OwnerOf(candidate.output)) table_.Pin(*owner);
    }
  }
  std::optional<pb::StageOutput> chosen;
  for (const PipelineTable::Candidate& candidate : candidates) {
    const auto owner = OwnerOf(candidate.output);
    const bool where_wanted = target.empty() || !candidate.output.done()
                                  ? owner.has_value()
                                  : candidate.output.path() == target;
    if (!chosen && where_wanted) {
      const absl::StatusOr<std::string> maker = MakerOf(candidate.output.path(), files_);
      if (maker.ok() && *maker == candidate.output.job_id()) {
        chosen = candidate.output;
        continue;
      }
    }
    if (!owner) continue;
    MutexLock lock(&mutex_);
    table_.Unpin(*owner);
  }
  return chosen;
}

void PipelineDriver::UnpinAll(const pb::PipelineSubmitted& submitted) {
  for (const pb::PipelineSubmitted::Stage& stage : submitted.stages()) {
    if (const auto owner = OwnerOf(stage.reused())) table_.Unpin(*owner);
  }
}

}  // namespace quern::mr
