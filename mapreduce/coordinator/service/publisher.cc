#include "mapreduce/coordinator/service/publisher.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/parallel.h"
#include "common/storage/file_io.h"
#include "mapreduce/plan/overwrite_rules.h"

namespace quern::mr {
namespace {

absl::Status MoveFile(const PublishedFile& file, const std::string& staging, PublishFiles* files) {
  const std::string target = fmt::format("{}/{}", staging, file.part.name);
  const absl::Status moved = files->Rename(file.source, target, /*replace=*/false);
  if (moved.code() == absl::StatusCode::kNotFound) {
    const absl::Status found = files->Stat(target).status();
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

std::string StagingOf(const PublishPlan& plan, const PublishedOutput& output) {
  return fmt::format("{}/output{}{}", plan.job_dir, output.name.empty() ? "" : "-", output.name);
}

PublishFiles::Moves MovesTo(const PublishPlan& plan, std::string_view suffix) {
  PublishFiles::Moves moves;
  for (const PublishedOutput& output : plan.outputs) {
    moves.emplace_back(StagingOf(plan, output), fmt::format("{}{}", output.path, suffix));
  }
  return moves;
}

absl::Status FillAll(const PublishPlan& plan, PublishFiles* files) {
  for (const PublishedOutput& output : plan.outputs) {
    RETURN_IF_ERROR(FillStaging(plan, output, StagingOf(plan, output), files));
  }
  return absl::OkStatus();
}

absl::Status Appear(const PublishPlan& plan, PublishFiles* files) {
  std::vector<std::string> targets;
  for (const PublishedOutput& output : plan.outputs) targets.push_back(output.path);
  if (plan.overwrite) RETURN_IF_ERROR(CheckMayReplace(targets, files));
  return files->RenameAll(MovesTo(plan, ""), plan.overwrite);
}

// The main output of a job that could not take its path.
std::string PathBeside(const PublishPlan& plan) {
  return fmt::format("{}.{}", plan.outputs[0].path, plan.manifest.job_id);
}

// The job fails, and what is left in its directory goes: its outputs are whole and cost much.
absl::Status KeepBeside(const PublishPlan& plan, const absl::Status& why, PublishFiles* files) {
  const absl::Status kept =
      files->RenameAll(MovesTo(plan, "." + plan.manifest.job_id), /*replace=*/false);
  if (IsRetryable(kept)) return kept;
  ASSIGN_OR_RETURN(const bool is_there, IsMadeBy(PathBeside(plan), plan.manifest.job_id,
                                                 Unreadable::kSomebodyElses, files));
  if (!is_there) return why;
  return MakeStatus(why.code(), fmt::format("{}; what the job has made is at {}", Message(why),
                                            PathBeside(plan)));
}

// An earlier try has put the outputs there.
absl::Status WasKeptBeside(const PublishPlan& plan) {
  return FailedPreconditionError("output: {}: was taken; what the job has made is at {}",
                                 plan.outputs[0].path, PathBeside(plan));
}

absl::StatusOr<ExistingOutput> LookAtOutput(const std::string& path, PublishFiles* files) {
  ASSIGN_OR_RETURN(const PublishFiles::Entry self, files->Stat(path));
  ExistingOutput existing{.is_directory = self.is_directory};
  if (!self.is_directory) return existing;
  ASSIGN_OR_RETURN(const std::vector<PublishFiles::Entry> entries, files->List(path));
  for (const PublishFiles::Entry& entry : entries) {
    existing.names.push_back(entry.name());
    if (entry.is_directory) {
      existing.directories.insert(entry.name());
    } else if (entry.name() == kManifestName) {
      ASSIGN_OR_RETURN(existing.manifest, files->ReadFile(entry.path));
    }
  }
  return existing;
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

// Where the directory of the main output goes when its job is withdrawn.
std::string WithdrawnDir(const PublishPlan& plan) {
  return fmt::format("{}/withdrawn", plan.job_dir);
}

// Whether a chosen file lies where its task or an earlier try has put it: those that have appeared
// have all left both places. Asked when the main output has been withdrawn. An empty directory says
// nothing: a try that comes after the one that succeeded makes it anew.
absl::StatusOr<bool> AnyWaits(const PublishPlan& plan, PublishFiles* files) {
  for (const PublishedOutput& output : plan.outputs) {
    const bool is_main = &output == &plan.outputs[0];
    const std::string staging = is_main ? WithdrawnDir(plan) : StagingOf(plan, output);
    for (const auto* list : {&output.files, &output.skipped}) {
      for (const PublishedFile& file : *list) {
        for (const std::string& place :
             {fmt::format("{}/{}", staging, file.part.name), file.source}) {
          const absl::Status found = files->Stat(place).status();
          if (found.ok()) return true;
          if (!absl::IsNotFound(found)) return found;
        }
      }
    }
  }
  return false;
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
                              Unreadable unreadable, PublishFiles* files) {
  const absl::StatusOr<std::string> found = MakerOf(path, files);
  if (found.ok()) return *found == maker;
  const absl::Status& why = found.status();
  // FailedPrecondition: a file is in its place.
  const bool is_none = absl::IsNotFound(why) || absl::IsFailedPrecondition(why);
  if (IsRetryable(why) || (unreadable == Unreadable::kError && !is_none)) return why;
  return false;
}

absl::StatusOr<bool> IsWhole(const std::string& path, std::string_view maker, PublishFiles* files) {
  const absl::StatusOr<bool> whole = LooksWhole(path, maker, files);
  if (IsRetryable(whole.status())) return whole.status();
  return whole.ok() && *whole;
}

absl::Status CheckMayReplace(const std::vector<std::string>& paths, PublishFiles* files) {
  const LookAt look = [&](const std::string& path) { return LookAtOutput(path, files); };
  for (const std::string& path : paths) RETURN_IF_ERROR(CheckReplaceable(path, look).status());
  return absl::OkStatus();
}

absl::Status Publish(const PublishPlan& plan, PublishFiles* files) {
  absl::Status status = FillAll(plan, files);
  const bool is_filled = status.ok();
  if (is_filled) status = Appear(plan, files);
  const std::string& maker = plan.manifest.job_id;
  if (absl::IsNotFound(status) || absl::IsAlreadyExists(status)) {
    // When the output in place is this job's, an earlier try came to the end; the other outputs
    // came there by the same change.
    ASSIGN_OR_RETURN(const bool done,
                     IsMadeBy(plan.outputs[0].path, maker, Unreadable::kSomebodyElses, files));
    if (done) return absl::OkStatus();
  }
  if (absl::IsNotFound(status)) {
    ASSIGN_OR_RETURN(const bool kept,
                     IsMadeBy(PathBeside(plan), maker, Unreadable::kSomebodyElses, files));
    if (!kept) return status;
    return WasKeptBeside(plan);
  }
  const bool is_taken = absl::IsAlreadyExists(status) || absl::IsFailedPrecondition(status);
  return is_filled && is_taken ? KeepBeside(plan, status, files) : status;
}

absl::StatusOr<bool> Withdraw(const PublishPlan& plan, PublishFiles* files) {
  // All outputs appear by one change, which needs this one's directory. It is moved, which works on
  // a full file system, too: what lies in it says afterwards that nothing has appeared.
  const std::string staging = StagingOf(plan, plan.outputs[0]);
  const absl::Status moved = files->Rename(staging, WithdrawnDir(plan), /*replace=*/false);
  if (absl::IsAlreadyExists(moved)) {
    RETURN_IF_ERROR(files->DeleteTree(staging));
  } else if (!moved.ok() && !absl::IsNotFound(moved)) {
    return moved;
  }
  ASSIGN_OR_RETURN(const bool waits, AnyWaits(plan, files));
  if (waits) return true;
  const std::string& maker = plan.manifest.job_id;
  ASSIGN_OR_RETURN(const bool appeared,
                   IsMadeBy(plan.outputs[0].path, maker, Unreadable::kError, files));
  if (appeared) return false;
  ASSIGN_OR_RETURN(const bool kept, IsMadeBy(PathBeside(plan), maker, Unreadable::kError, files));
  if (kept) return WasKeptBeside(plan);
  return true;
}

}  // namespace quern::mr
