#include "mapreduce/coordinator/service/publisher.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/parallel.h"
#include "common/storage/file_io.h"

namespace quern::mr {
namespace {

absl::Status MoveFile(const PublishedFile& file, const std::string& staging, PublishFiles* files) {
  const std::string target = fmt::format("{}/{}", staging, file.part.name);
  const absl::Status moved = files->Rename(file.source, target, /*replace=*/false);
  if (moved.code() == absl::StatusCode::kNotFound) {
    const absl::Status found = files->Stat(target);
    // Moved by an earlier try, or nobody can say.
    if (found.ok() || IsRetryable(found)) return found;
  }
  return Annotate(moved, fmt::format("move {} into place", file.part.name));
}

absl::Status FillStaging(const PublishPlan& plan, const PublishedOutput& output,
                         const std::string& staging, PublishFiles* files) {
  RETURN_IF_ERROR(files->Mkdirs(staging));
  if (!output.skipped.empty()) {
    RETURN_IF_ERROR(files->Mkdirs(fmt::format("{}/{}", staging, kSkippedName)));
  }
  std::vector<const PublishedFile*> moved;
  for (const auto* list : {&output.files, &output.skipped}) {
    for (const PublishedFile& file : *list) moved.push_back(&file);
  }
  const std::string manifest = FormatManifest(MakeManifest(plan.manifest, plan.outputs, output));
  const size_t count = moved.size();
  return ParallelFor(count + 3, [&](size_t i) {
    if (i == count) return files->WriteFile(fmt::format("{}/{}", staging, kManifestName), manifest);
    if (i == count + 1) return files->WriteFile(fmt::format("{}/{}", staging, kSuccessName), "");
    if (i == count + 2) {
      RETURN_IF_ERROR(files->SetOwner(staging, plan.user));
      return files->Mkdirs(ParentDir(output.path));
    }
    return MoveFile(*moved[i], staging, files);
  });
}

absl::Status FillAndRename(const PublishPlan& plan, PublishFiles* files) {
  PublishFiles::Moves moves;
  for (const PublishedOutput& output : plan.outputs) {
    const std::string staging =
        fmt::format("{}/output{}{}", plan.job_dir, output.name.empty() ? "" : "-", output.name);
    RETURN_IF_ERROR(FillStaging(plan, output, staging, files));
    moves.emplace_back(staging, output.path);
  }
  return files->RenameAll(moves, plan.overwrite);
}

// By their paths below `dir`. Adds to what is there.
absl::Status ListBelow(const std::string& dir, const std::string& below, PublishFiles* files,
                       std::map<std::string, PublishFiles::Entry>* found) {
  ASSIGN_OR_RETURN(const std::vector<PublishFiles::Entry> entries,
                   files->List(fmt::format("{}{}{}", dir, below.empty() ? "" : "/", below)));
  for (const PublishFiles::Entry& entry : entries) {
    found->emplace(fmt::format("{}{}{}", below, below.empty() ? "" : "/", entry.name()), entry);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> LooksWhole(const std::string& path, std::string_view maker,
                                PublishFiles* files) {
  ASSIGN_OR_RETURN(const std::string text,
                   files->ReadFile(fmt::format("{}/{}", path, kManifestName)));
  const std::optional<Manifest> manifest = ParseManifest(text);
  if (!manifest || manifest->job_id != maker) return false;
  std::map<std::string, PublishFiles::Entry> found;
  RETURN_IF_ERROR(ListBelow(path, "", files, &found));
  if (!manifest->skipped.empty()) RETURN_IF_ERROR(ListBelow(path, kSkippedName, files, &found));
  const absl::Time written = found[kManifestName].mtime;
  for (const auto* parts : {&manifest->parts, &manifest->skipped}) {
    for (const Manifest::Part& part : *parts) {
      const auto it = found.find(part.name);
      if (it == found.end() || it->second.is_directory || it->second.length != part.bytes ||
          it->second.mtime > written) {
        return false;
      }
      found.erase(it);
    }
  }
  if (found.erase(kSuccessName) == 0) return false;
  found.erase(kManifestName);
  if (!manifest->skipped.empty()) found.erase(kSkippedName);
  // Of others, which have manifests of their own.
  for (const std::string& directory : manifest->directories) found.erase(directory);
  return found.empty();
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

absl::StatusOr<bool> IsMadeBy(const std::string& path, std::string_view maker,
                              PublishFiles* files) {
  const absl::StatusOr<std::string> found = MakerOf(path, files);
  if (IsRetryable(found.status())) return found.status();
  return found.ok() && *found == maker;
}

absl::StatusOr<bool> IsWhole(const std::string& path, std::string_view maker, PublishFiles* files) {
  const absl::StatusOr<bool> whole = LooksWhole(path, maker, files);
  if (IsRetryable(whole.status())) return whole.status();
  return whole.ok() && *whole;
}

absl::Status Publish(const PublishPlan& plan, PublishFiles* files) {
  const absl::Status status = FillAndRename(plan, files);
  const bool may_be_done = status.code() == absl::StatusCode::kNotFound ||
                           status.code() == absl::StatusCode::kAlreadyExists;
  if (!may_be_done) return status;
  // When the output in place is this job's, an earlier try came to the end; the other outputs came
  // there by the same change.
  ASSIGN_OR_RETURN(const bool done, IsMadeBy(plan.outputs[0].path, plan.manifest.job_id, files));
  return done ? absl::OkStatus() : status;
}

}  // namespace quern::mr
