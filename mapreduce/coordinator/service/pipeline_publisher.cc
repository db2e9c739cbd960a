#include "mapreduce/coordinator/service/pipeline_publisher.h"

#include <algorithm>
#include <set>

#include "common/storage/file_io.h"
#include "mapreduce/engine/manifest.h"
#include "mapreduce/plan/pipeline_paths.h"

namespace quern::mr {
namespace {

// What an earlier run had at the output path and this one has not.
std::string RetiredDir(const PipelinePublishPlan& plan) {
  return fmt::format("{}/retired", PipelineDir(plan.pipeline_id));
}

// Moves an output into the directory that is going to appear, unless an earlier try has.
absl::Status MoveOnce(const PipelinePublishPlan::Output& output, const std::string& target,
                      PublishFiles* files) {
  RETURN_IF_ERROR(files->Mkdirs(ParentDir(target)));
  const absl::Status moved = files->Rename(output.source, target, /*replace=*/false);
  if (moved.code() == absl::StatusCode::kNotFound) {
    ASSIGN_OR_RETURN(const bool done, IsMadeBy(target, output.job_id, files));
    if (done) return absl::OkStatus();
  }
  return Annotate(moved, fmt::format("publish {}", output.target));
}

// Everything that lies below the pipeline's own output path.
absl::Status FillDirectory(const PipelinePublishPlan& plan, const std::string& staging,
                           PublishFiles* files) {
  RETURN_IF_ERROR(files->Mkdirs(staging));
  Manifest manifest;
  manifest.job_id = plan.pipeline_id;
  manifest.job_name = plan.name;
  std::set<std::string> names;
  for (const PipelinePublishPlan::Output& output : plan.in_place) {
    if (!output.below.empty()) names.insert(output.below.substr(0, output.below.find('/')));
  }
  for (const PipelinePublishPlan::Output& output : plan.outputs) {
    if (output.below.empty()) continue;
    RETURN_IF_ERROR(MoveOnce(output, fmt::format("{}/{}", staging, output.below), files));
    names.insert(output.below.substr(0, output.below.find('/')));
  }
  for (const std::string& name : names) manifest.parts.emplace_back().name = name;
  RETURN_IF_ERROR(
      files->WriteFile(fmt::format("{}/{}", staging, kManifestName), FormatManifest(manifest)));
  RETURN_IF_ERROR(files->WriteFile(fmt::format("{}/{}", staging, kSuccessName), ""));
  return files->SetOwner(staging, plan.user);
}

// Before anything is moved, so that a pipeline that fails of it keeps what it has made. A target
// that is taken after this is seen by the change itself.
absl::Status CheckTargetsAreFree(const std::vector<std::string>& targets, PublishFiles* files) {
  for (const std::string& target : targets) {
    const absl::Status found = files->Stat(target);
    if (found.code() == absl::StatusCode::kNotFound) continue;
    RETURN_IF_ERROR(found);
    return AlreadyExistsError("publish: {}: exists already", target);
  }
  return absl::OkStatus();
}

// What is below the pipeline's output path and stays there.
std::vector<std::string> Staying(const PipelinePublishPlan& plan) {
  std::vector<std::string> staying;
  for (const PipelinePublishPlan::Output& output : plan.in_place) {
    if (!output.below.empty()) staying.push_back(output.below);
  }
  return staying;
}

// It contains something that stays: its content is changed, not itself.
bool HoldsStaying(const std::string& path, const std::vector<std::string>& staying) {
  return std::any_of(staying.begin(), staying.end(),
                     [&](const std::string& one) { return one.starts_with(path + "/"); });
}

// "rejected/filter": itself where rejected/extract stays, else "rejected".
std::string Replaced(const std::string& below, const std::vector<std::string>& staying) {
  size_t end = below.find('/');
  while (end != std::string::npos && HoldsStaying(below.substr(0, end), staying)) {
    end = below.find('/', end + 1);
  }
  return below.substr(0, end);
}

// Moves what is new into the directory that is there, and what is of no use any more out of it.
absl::Status MoveBeside(const PipelinePublishPlan& plan, const std::string& staging,
                        PublishFiles* files, PublishFiles::Moves* moves) {
  const std::vector<std::string> staying = Staying(plan);
  std::set<std::string> replaced = {kManifestName, kSuccessName};
  std::set<std::string> directories = {""};
  for (const PipelinePublishPlan::Output& output : plan.outputs) {
    if (!output.below.empty()) replaced.insert(Replaced(output.below, staying));
  }
  for (const std::string& path : replaced) {
    moves->emplace_back(fmt::format("{}/{}", staging, path),
                        fmt::format("{}/{}", plan.output_path, path));
  }
  for (const std::string& one : staying) {
    for (size_t end = one.find('/'); end != std::string::npos; end = one.find('/', end + 1)) {
      directories.insert(one.substr(0, end));
    }
  }
  const std::string retired = RetiredDir(plan);
  RETURN_IF_ERROR(files->Mkdirs(retired));
  size_t number = 0;
  for (const std::string& directory : directories) {
    const std::string full =
        directory.empty() ? plan.output_path : fmt::format("{}/{}", plan.output_path, directory);
    ASSIGN_OR_RETURN(const std::vector<PublishFiles::Entry> entries, files->List(full));
    for (const PublishFiles::Entry& entry : entries) {
      const std::string name = entry.path.substr(entry.path.rfind('/') + 1);
      const std::string below = directory.empty() ? name : fmt::format("{}/{}", directory, name);
      const bool stays = HoldsStaying(below, staying) ||
                         std::find(staying.begin(), staying.end(), below) != staying.end();
      if (stays || replaced.contains(below)) continue;
      moves->emplace_back(entry.path, fmt::format("{}/{}", retired, number++));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckInPlace(const PipelinePublishPlan& plan, PublishFiles* files) {
  for (const PipelinePublishPlan::Output& output : plan.in_place) {
    const absl::StatusOr<std::string> maker = MakerOf(output.target, files);
    if (maker.ok() && *maker == output.job_id) continue;
    if (IsRetryable(maker.status())) return maker.status();
    return FailedPreconditionError(
        "publish: {}: was to be used again and has been changed since. Try: mr rerun {} --resume",
        output.target, plan.pipeline_id);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> IsPublished(const PipelinePublishPlan& plan, PublishFiles* files) {
  for (const PipelinePublishPlan::Output& output : plan.outputs) {
    ASSIGN_OR_RETURN(const bool there, IsMadeBy(output.target, output.job_id, files));
    if (!there) return false;
  }
  return true;
}

}  // namespace

absl::Status PublishPipeline(const PipelinePublishPlan& plan, PublishFiles* files) {
  if (plan.outputs.empty()) return CheckInPlace(plan, files);
  ASSIGN_OR_RETURN(const bool done, IsPublished(plan, files));
  if (done) return absl::OkStatus();
  const std::string staging = fmt::format("{}/output", PipelineDir(plan.pipeline_id));
  PublishFiles::Moves moves;
  bool has_directory = false;
  for (const PipelinePublishPlan::Output& output : plan.outputs) {
    has_directory = has_directory || !output.below.empty();
    if (output.below.empty()) moves.emplace_back(output.source, output.target);
  }
  std::vector<std::string> targets;
  for (const auto& [from, to] : moves) targets.push_back(to);
  if (has_directory) targets.push_back(plan.output_path);
  if (!plan.overwrite) RETURN_IF_ERROR(CheckTargetsAreFree(targets, files));
  RETURN_IF_ERROR(CheckInPlace(plan, files));
  if (has_directory) {
    RETURN_IF_ERROR(FillDirectory(plan, staging, files));
    if (Staying(plan).empty()) {
      moves.emplace_back(staging, plan.output_path);
    } else {
      RETURN_IF_ERROR(MoveBeside(plan, staging, files, &moves));
    }
  }
  for (const auto& [from, to] : moves) RETURN_IF_ERROR(files->Mkdirs(ParentDir(to)));
  RETURN_IF_ERROR(Annotate(files->RenameAll(moves, plan.overwrite), "publish"));
  // What cannot be removed now goes with the pipeline's directory.
  if (!Staying(plan).empty()) files->DeleteTree(RetiredDir(plan)).IgnoreError();
  return absl::OkStatus();
}

}  // namespace quern::mr
