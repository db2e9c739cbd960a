#include "mapreduce/coordinator/service/pipeline_publisher.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "common/storage/file_io.h"
#include "mapreduce/engine/manifest.h"
#include "mapreduce/plan/pipeline_paths.h"

namespace quern::mr {
namespace {

bool IsBy(const std::string& path, std::string_view maker, PublishFiles* files) {
  const absl::StatusOr<std::string> found = MakerOf(path, files);
  return found.ok() && *found == maker;
}

// Moves an output into the directory that is going to appear, unless an earlier try has.
absl::Status MoveOnce(const PipelinePublishPlan::Output& output, const std::string& target,
                      PublishFiles* files) {
  RETURN_IF_ERROR(files->Mkdirs(ParentDir(target)));
  const absl::Status moved = files->Rename(output.source, target, /*replace=*/false);
  const bool may_be_done = moved.code() == absl::StatusCode::kNotFound;
  if (may_be_done && IsBy(target, output.job_id, files)) return absl::OkStatus();
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

bool IsPublished(const PipelinePublishPlan& plan, PublishFiles* files) {
  return std::all_of(plan.outputs.begin(), plan.outputs.end(),
                     [&](const auto& output) { return IsBy(output.target, output.job_id, files); });
}

}  // namespace

absl::StatusOr<std::string> MakerOf(const std::string& path, PublishFiles* files) {
  ASSIGN_OR_RETURN(const std::string text,
                   files->ReadFile(fmt::format("{}/{}", path, kManifestName)));
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("job_id") || !json["job_id"].is_string()) {
    return NotFoundError("{}: its manifest names no job", path);
  }
  return json["job_id"].get<std::string>();
}

absl::Status PublishPipeline(const PipelinePublishPlan& plan, PublishFiles* files) {
  if (plan.outputs.empty() || IsPublished(plan, files)) return absl::OkStatus();
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
  if (has_directory) {
    RETURN_IF_ERROR(FillDirectory(plan, staging, files));
    moves.emplace_back(staging, plan.output_path);
  }
  for (const auto& [from, to] : moves) RETURN_IF_ERROR(files->Mkdirs(ParentDir(to)));
  return Annotate(files->RenameAll(moves, plan.overwrite), "publish");
}

}  // namespace quern::mr
