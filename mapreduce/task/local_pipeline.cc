#include "mapreduce/task/local_pipeline.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/manifest.h"
#include "mapreduce/plan/input_files.h"
#include "mapreduce/plan/overwrite_rules.h"
#include "mapreduce/plan/pipeline_paths.h"
#include "mapreduce/plan/status_json.h"
#include "mapreduce/task/local_job.h"
#include "mapreduce/task/task_storage.h"

namespace quern::mr {
namespace {

// The same pipeline as the rules know it, which are about paths of a cluster.
pb::PipelineSpec WithoutSchemes(pb::PipelineSpec spec) {
  const auto strip = [](std::string* path) {
    if (IsLocalPath(*path)) path->erase(0, kLocalScheme.size());
  };
  strip(spec.mutable_output_path());
  for (pb::PipelineStage& stage : *spec.mutable_stages()) {
    strip(stage.mutable_job()->mutable_output()->mutable_path());
    for (pb::JobSpec::NamedOutput& named : *stage.mutable_job()->mutable_outputs()) {
      strip(named.mutable_output()->mutable_path());
    }
  }
  return spec;
}

// Of the file system where `path` is or would be; nothing when nobody can tell.
std::optional<dev_t> DeviceOf(std::string path) {
  path.erase(0, kLocalScheme.size());
  struct stat status {};
  while (path.size() > 1) {
    path = ParentDir(path);
    if (stat(path.c_str(), &status) == 0) return status.st_dev;
  }
  return std::nullopt;
}

// They are made in one place and appear by renames.
absl::Status CheckOneFileSystem(const std::set<std::string>& targets) {
  const std::string& first = *targets.begin();
  if (!IsLocalPath(first)) return absl::OkStatus();
  for (const std::string& target : targets) {
    if (DeviceOf(target) == DeviceOf(first)) continue;
    return InvalidArgumentError(
        "output: {} and {}: are on two file systems of this machine, but the outputs of one run "
        "appear together. Try: a path on the file system of the other, and cp -r afterwards",
        first, target);
  }
  return absl::OkStatus();
}

}  // namespace

LocalPipeline::LocalPipeline(pb::PipelineSpec spec, LocalPipelineOptions options)
    : spec_(std::move(spec)),
      options_(std::move(options)),
      storage_(MakeTaskStorage(options_.dfs)) {}

LocalPipeline::~LocalPipeline() {
  if (!work_dir_.empty()) storage_->RemoveTree(work_dir_).IgnoreError();
}

absl::Status LocalPipeline::Prepare() {
  ASSIGN_OR_RETURN(const PipelineGraph graph, CheckNewPipelineSpec(WithoutSchemes(spec_)));
  std::vector<bool> placed(graph.stages.size());
  while (order_.size() < placed.size()) {  // there are no circles
    for (size_t i = 0; i < placed.size(); ++i) {
      const std::vector<size_t>& reads = graph.stages[i].reads;
      if (placed[i] ||
          !std::all_of(reads.begin(), reads.end(), [&](size_t r) { return placed[r]; }))
        continue;
      placed[i] = true;
      order_.push_back(i);
    }
  }
  const std::set<std::string> targets = PublishTargets(spec_);
  for (const std::string& target : targets) {
    if (IsLocalPath(target) != IsLocalPath(*targets.begin())) {
      return InvalidArgumentError(
          "output: {} and {}: of one run they lie all in the cluster or all on this machine",
          *targets.begin(), target);
    }
  }
  RETURN_IF_ERROR(CheckOneFileSystem(targets));
  RETURN_IF_ERROR(CheckFiles(targets));
  work_dir_ = HiddenBeside(*targets.begin());
  options_.leftovers->Note(work_dir_);
  return absl::OkStatus();
}

absl::Status LocalPipeline::CheckFiles(const std::set<std::string>& targets) {
  const auto dfs = client::FileSystem::Create(options_.dfs);
  std::vector<SplitInput> inputs;
  for (const pb::PipelineStage& stage : spec_.stages()) {
    absl::StatusOr<std::vector<SplitInput>> read = FindStageInputs(dfs.get(), stage);
    if (!read.ok()) return Annotate(read.status(), fmt::format("stage {}", stage.name()));
    std::move(read->begin(), read->end(), std::back_inserter(inputs));
  }
  for (const std::string& target : targets) {
    ASSIGN_OR_RETURN(const bool replaces, CheckOutputPath(dfs.get(), target, spec_.overwrite()));
    if (!replaces) continue;
    RETURN_IF_ERROR(CheckNoInputBelow(target, inputs));
    for (const pb::PipelineStage& stage : spec_.stages()) {
      RETURN_IF_ERROR(CheckNoSideFileBelow(target, stage.job()));
    }
  }
  return absl::OkStatus();
}

absl::Status LocalPipeline::Run() {
  for (const size_t i : order_) {
    const pb::PipelineStage& stage = spec_.stages(static_cast<int>(i));
    const absl::Status ran = RunStage(stage);
    if (ran.ok()) continue;
    failed_ = stage.name();
    return Annotate(ran, fmt::format("stage {}", stage.name()));
  }
  RETURN_IF_ERROR(Publish());
  published_ = true;
  return absl::OkStatus();
}

void LocalPipeline::Describe(pb::JobStatus* status) const {
  status->set_output_path(spec_.output_path());
  for (const pb::PipelineStage& spec : spec_.stages()) {
    const std::string place = PublishedPath(spec_, spec.job().output().path());
    if (status->output_path().empty()) status->set_output_path(place);
    pb::JobStatus::Stage* const stage = status->add_stages();
    stage->set_name(spec.name());
    stage->set_max_rounds(spec.has_repeat() ? spec.repeat().max() : 1);
    stage->set_state(pb::JobStatus::Stage::STATE_WAITING);
    if (spec.job().has_counter_meanings()) {
      *stage->mutable_counter_meanings() = spec.job().counter_meanings();
    }
    if (const auto output = outputs_.find(spec.name()); output != outputs_.end()) {
      stage->set_state(pb::JobStatus::Stage::STATE_DONE);
      stage->set_rounds(output->second.rounds());
      *stage->mutable_counters() = output->second.counters();
    }
    if (spec.name() == failed_) stage->set_state(pb::JobStatus::Stage::STATE_FAILED);
    if (published_) stage->set_output_path(place);  // what lay between the stages has gone
  }
}

absl::Status LocalPipeline::RunStage(const pb::PipelineStage& stage) {
  const pb::PipelineStage::Repeat& repeat = stage.repeat();
  const uint32_t most = stage.has_repeat() ? repeat.max() : 1;
  uint32_t settled = 0;
  for (uint32_t round = 1; round <= most; ++round) {
    ASSIGN_OR_RETURN(pb::StageOutput output, RunRound(stage, round));
    if (const auto before = outputs_.find(stage.name()); before != outputs_.end()) {
      KeepCounters(spec_, stage, before->second.counters(), output.mutable_counters());
    }
    RETURN_IF_ERROR(CheckRoundCounter(stage, output.counters()));
    settled = RoundHolds(stage, output.counters()) ? settled + 1 : 0;
    if (!options_.json) SayRoundDone(stage, round, output.counters());
    outputs_[stage.name()] = std::move(output);
    if (settled > 0 && settled >= std::max<uint32_t>(1, repeat.in_a_row())) return absl::OkStatus();
  }
  if (!stage.has_repeat() || !repeat.fail_at_max()) return absl::OkStatus();
  return FailedPreconditionError(
      "repeat: '{}' did not hold after {} rounds. Try: --set {}.repeat.max=N, a larger one",
      repeat.until(), most, stage.name());
}

void LocalPipeline::SayRoundDone(const pb::PipelineStage& stage, uint32_t round,
                                 const Counters& counters) const {
  const pb::JobSpec::CounterMeanings& meanings = stage.job().counter_meanings();
  const std::string said = CleanLine(
      options_.quiet ? WarningText(counters, meanings) : SetAsideText(counters, meanings), 1000);
  if (options_.quiet && said.empty()) return;
  const std::string done = stage.has_repeat() ? fmt::format("round {} done", round) : "done";
  Err().Format("{}: {}: {}{}\n", spec_.name(), stage.name(), done,
               said.empty() ? "" : fmt::format(", {}", said));
}

absl::StatusOr<pb::StageOutput> LocalPipeline::RunRound(const pb::PipelineStage& stage,
                                                        uint32_t round) {
  const std::string path = fmt::format("{}/{}/{:04}", work_dir_, stage.name(), round);
  ASSIGN_OR_RETURN(pb::JobSpec spec, MakeRoundJob(spec_, stage, round, outputs_, path));
  LocalJob job(std::move(spec), options_.threads, options_.dfs, options_.leftovers);
  job.SetLentMemory(options_.lent_memory);
  job.SetHeld(options_.held);
  job.SetQuiet(options_.quiet || options_.json);
  RETURN_IF_ERROR(job.Prepare());
  RETURN_IF_ERROR(job.Run());
  pb::StageOutput output;
  output.set_stage(stage.name());
  output.set_rounds(round);
  output.set_path(path);
  for (const pb::Counter& counter : job.counters()) *output.add_counters() = counter;
  return output;
}

// What lies at or below OUT is put together first, and appears as one.
absl::Status LocalPipeline::Publish() {
  const std::string together = work_dir_ + "/.out";  // as no stage can be called
  Storage::Moves moves;
  Storage::Moves below;
  for (const pb::PipelineStage& stage : spec_.stages()) {
    const auto publish = [&](const std::string& written, const std::string& name) {
      if (written.empty()) return;
      (IsAbsolutePath(written) ? moves : below)
          .emplace_back(StageOutputPath(outputs_.at(stage.name()).path(), name), written);
    };
    publish(stage.job().output().path(), "");
    for (const pb::JobSpec::NamedOutput& named : stage.job().outputs()) {
      if (!IsBesideMain(named)) publish(named.output().path(), named.name());
    }
  }
  if (!below.empty()) {
    RETURN_IF_ERROR(PutTogether(std::move(below), together));
    moves.emplace_back(together, spec_.output_path());
  }
  // Again: somebody may have put something there since Prepare.
  const auto dfs = client::FileSystem::Create(options_.dfs);
  for (const auto& [from, to] : moves) {
    RETURN_IF_ERROR(CheckOutputPath(dfs.get(), to, spec_.overwrite()).status());
  }
  return storage_->RenameAll(moves, spec_.overwrite());
}

absl::Status LocalPipeline::PutTogether(Storage::Moves moves, const std::string& directory) {
  // What lies in OUT itself has the others beside its files.
  const auto top = std::partition(moves.begin(), moves.end(),
                                  [](const auto& move) { return move.second == "."; });
  Manifest manifest;
  manifest.job_id = "pipeline-local";
  manifest.job_name = spec_.name();
  std::string text = FormatManifest(manifest);
  const std::string manifest_path = fmt::format("{}/{}", directory, kManifestName);
  if (top != moves.begin()) {
    RETURN_IF_ERROR(storage_->Rename(moves[0].first, directory, /*replace=*/false));
    ASSIGN_OR_RETURN(text, ReadFile(manifest_path));
  }
  std::set<std::string> directories;
  for (auto move = top; move != moves.end(); ++move) {
    RETURN_IF_ERROR(storage_->Rename(move->first, fmt::format("{}/{}", directory, move->second),
                                     /*replace=*/false));
    directories.insert(move->second.substr(0, move->second.find('/')));
  }
  ASSIGN_OR_RETURN(text, WithDirectories(text, directories));
  RETURN_IF_ERROR(WriteFile(manifest_path, text));
  return WriteFile(fmt::format("{}/{}", directory, kSuccessName), "");
}

absl::StatusOr<std::string> LocalPipeline::ReadFile(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, storage_->Open(path));
  const auto stream = file->Stream(0, file->length());
  std::string bytes;
  while (true) {
    ASSIGN_OR_RETURN(const std::string_view block, stream->Next());
    if (block.empty()) return bytes;
    bytes += block;
  }
}

absl::Status LocalPipeline::WriteFile(const std::string& path, const std::string& contents) {
  ASSIGN_OR_RETURN(const auto file, storage_->Create(path, {}));
  if (!contents.empty()) RETURN_IF_ERROR(file->Append(contents));
  return file->Close();
}

}  // namespace quern::mr
