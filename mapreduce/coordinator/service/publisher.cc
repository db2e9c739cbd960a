#include "mapreduce/coordinator/service/publisher.h"

#include <nlohmann/json.hpp>

#include "common/storage/file_io.h"
#include "mapreduce/plan/parallel.h"

namespace quern::mr {
namespace {

// True when the output in place is this job's: an earlier try came to the end.
bool IsPublished(const PublishPlan& plan, PublishFiles* files) {
  const absl::StatusOr<std::string> text =
      files->ReadFile(fmt::format("{}/{}", plan.output_path, kManifestName));
  if (!text.ok()) return false;
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.value("job_id", "") == plan.manifest.job_id;
}

absl::Status MovePart(const PublishPlan::Part& part, const std::string& staging,
                      PublishFiles* files) {
  const std::string target = fmt::format("{}/{}", staging, part.part.name);
  const absl::Status moved = files->Rename(part.source, target, /*replace=*/false);
  // Moved by an earlier try.
  if (moved.code() == absl::StatusCode::kNotFound && files->Stat(target).ok()) {
    return absl::OkStatus();
  }
  return Annotate(moved, fmt::format("move {} into place", part.part.name));
}

absl::Status FillStaging(const PublishPlan& plan, const std::string& staging, PublishFiles* files) {
  RETURN_IF_ERROR(files->Mkdirs(staging));
  Manifest manifest = plan.manifest;
  for (const PublishPlan::Part& part : plan.parts) manifest.parts.push_back(part.part);
  const size_t parts = plan.parts.size();
  return ParallelFor(parts + 3, [&](size_t i) {
    if (i == parts) {
      return files->WriteFile(fmt::format("{}/{}", staging, kManifestName),
                              FormatManifest(manifest));
    }
    if (i == parts + 1) return files->WriteFile(fmt::format("{}/{}", staging, kSuccessName), "");
    if (i == parts + 2) {
      RETURN_IF_ERROR(files->SetOwner(staging, plan.user));
      return files->Mkdirs(ParentDir(plan.output_path));
    }
    return MovePart(plan.parts[i], staging, files);
  });
}

}  // namespace

absl::Status Publish(const PublishPlan& plan, PublishFiles* files) {
  const std::string staging = plan.job_dir + "/output";
  absl::Status status = FillStaging(plan, staging, files);
  if (status.ok()) status = files->Rename(staging, plan.output_path, plan.overwrite);
  if (status.ok()) return status;
  const bool may_be_done = status.code() == absl::StatusCode::kNotFound ||
                           status.code() == absl::StatusCode::kAlreadyExists;
  if (may_be_done && IsPublished(plan, files)) return absl::OkStatus();
  return status;
}

}  // namespace quern::mr
