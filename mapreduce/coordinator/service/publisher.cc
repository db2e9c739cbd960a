#include "mapreduce/coordinator/service/publisher.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/parallel.h"
#include "common/storage/file_io.h"
#include "mapreduce/coordinator/service/publish_marks.h"
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

PublishMarks MarksOf(const PublishPlan& plan, PublishFiles* files) {
  return PublishMarks(plan.job_dir, files);
}

// Of all outputs, and of the mark that says so.
PublishFiles::Moves MovesTo(const PublishPlan& plan, std::string_view suffix,
                            std::pair<std::string, std::string> mark) {
  PublishFiles::Moves moves = {std::move(mark)};
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
  const PublishMarks marks = MarksOf(plan, files);
  RETURN_IF_ERROR(marks.Begin());
  if (plan.overwrite) RETURN_IF_ERROR(CheckMayReplace(targets, files));
  return files->RenameAll(MovesTo(plan, "", marks.Appears()), plan.overwrite);
}

// Why outputs cannot appear at their paths, and are put beside.
bool IsPathTaken(const absl::Status& status) {
  return absl::IsAlreadyExists(status) || absl::IsFailedPrecondition(status);
}

// The main output of a job that could not take its path.
std::string PathBeside(const PublishPlan& plan) {
  return fmt::format("{}.{}", plan.outputs[0].path, plan.manifest.job_id);
}

// The job fails, and what is left in its directory goes: its outputs are whole and cost much. Says
// why; a mark says whether they are there.
absl::Status KeepBeside(const PublishPlan& plan, const absl::Status& why, PublishFiles* files) {
  const std::string suffix = "." + plan.manifest.job_id;
  const absl::Status kept =
      files->RenameAll(MovesTo(plan, suffix, MarksOf(plan, files).GoBeside()), /*replace=*/false);
  return IsRetryable(kept) ? kept : why;
}

// The outputs have been put there, by this try or an earlier one.
absl::Status WasKeptBeside(const PublishPlan& plan, const absl::Status& why) {
  if (IsPathTaken(why)) {
    return MakeStatus(why.code(), fmt::format("{}; what the job has made is at {}", Message(why),
                                              PathBeside(plan)));
  }
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
// have all left these places. An empty directory says nothing: a try that comes after the one that
// succeeded makes it anew.
absl::StatusOr<bool> AnyWaits(const PublishPlan& plan, PublishFiles* files) {
  for (const PublishedOutput& output : plan.outputs) {
    std::vector<std::string> dirs = {StagingOf(plan, output)};
    if (&output == &plan.outputs[0]) dirs.push_back(WithdrawnDir(plan));
    for (const auto* list : {&output.files, &output.skipped}) {
      for (const PublishedFile& file : *list) {
        std::vector<std::string> places = {file.source};
        for (const std::string& dir : dirs) {
          places.push_back(fmt::format("{}/{}", dir, file.part.name));
        }
        for (const std::string& place : places) {
          const absl::Status found = files->Stat(place).status();
          if (found.ok()) return true;
          if (!absl::IsNotFound(found)) return found;
        }
      }
    }
  }
  return false;
}

bool AreSame(const std::vector<Manifest::Part>& a, const std::vector<Manifest::Part>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Manifest::Part& one, const Manifest::Part& other) {
                      return one.name == other.name && one.bytes == other.bytes &&
                             one.crc32c == other.crc32c;
                    });
}

// Whether an output of the job lies at a path, file by file. The job's id does not suffice: a
// coordinator that has lost its journal gives it out again.
absl::StatusOr<bool> HoldsOutput(const PublishPlan& plan, const PublishedOutput& output,
                                 const std::string& path, PublishFiles* files) {
  const std::string& maker = plan.manifest.job_id;
  ASSIGN_OR_RETURN(const bool is_made, IsMadeBy(path, maker, Unreadable::kError, files));
  if (!is_made) return false;
  ASSIGN_OR_RETURN(const std::string text,
                   files->ReadFile(fmt::format("{}/{}", path, kManifestName)));
  const std::optional<Manifest> found = ParseManifest(text);
  const Manifest own = MakeManifest(plan.manifest, plan.outputs, output);
  return found && AreSame(found->parts, own.parts) && AreSame(found->skipped, own.skipped);
}

absl::StatusOr<bool> HoldsMainOutput(const PublishPlan& plan, const std::string& path,
                                     PublishFiles* files) {
  return HoldsOutput(plan, plan.outputs[0], path, files);
}

absl::StatusOr<bool> HoldsAllOutputs(const PublishPlan& plan, std::string_view suffix,
                                     PublishFiles* files) {
  for (const PublishedOutput& output : plan.outputs) {
    const std::string path = fmt::format("{}{}", output.path, suffix);
    ASSIGN_OR_RETURN(const bool holds, HoldsOutput(plan, output, path, files));
    if (!holds) return false;
  }
  return true;
}

// Where the main output of the job seems to lie, whoever has made it.
absl::StatusOr<PublishMarks::Fate> FindMainOutput(const PublishPlan& plan, PublishFiles* files) {
  ASSIGN_OR_RETURN(const bool appeared, HoldsMainOutput(plan, plan.outputs[0].path, files));
  if (appeared) return PublishMarks::Fate::kAppeared;
  ASSIGN_OR_RETURN(const bool kept, HoldsMainOutput(plan, PathBeside(plan), files));
  return kept ? PublishMarks::Fate::kBeside : PublishMarks::Fate::kUnmarked;
}

// What a coordinator of an earlier version has done, which left no marks. The places of all files,
// which may be many, are looked at only where something seems to be there.
absl::StatusOr<PublishMarks::Fate> FindUnmarked(const PublishPlan& plan, PublishFiles* files) {
  const absl::StatusOr<PublishMarks::Fate> found = FindMainOutput(plan, files);
  if (IsRetryable(found.status())) return found;
  if (found.ok() && *found == PublishMarks::Fate::kUnmarked) return found;
  ASSIGN_OR_RETURN(const bool waits, AnyWaits(plan, files));
  if (waits) return PublishMarks::Fate::kUnmarked;
  return found;
}

// Of a job that fails. What it has made stays where it is: where this cannot be done now,
// everything is tried again, to the same end.
absl::StatusOr<PublishMarks::Fate> GiveUp(const PublishPlan& plan, PublishFiles* files) {
  ASSIGN_OR_RETURN(const PublishMarks::Fate fate, MarksOf(plan, files).Withdraw());
  if (fate == PublishMarks::Fate::kUnmarked) return FindUnmarked(plan, files);
  return fate;
}

bool HasFiles(const PublishPlan& plan) {
  return std::any_of(plan.outputs.begin(), plan.outputs.end(), [](const PublishedOutput& output) {
    return !output.files.empty() || !output.skipped.empty();
  });
}

// As FindUnmarked, of a job without any file. Older outputs of its id that are as empty are as good
// as its own, but then all of them have to be.
absl::StatusOr<PublishMarks::Fate> FindUnmarkedEmpty(const PublishPlan& plan, PublishFiles* files) {
  ASSIGN_OR_RETURN(const bool appeared, HoldsAllOutputs(plan, "", files));
  if (appeared) return PublishMarks::Fate::kAppeared;
  ASSIGN_OR_RETURN(const bool kept, HoldsAllOutputs(plan, "." + plan.manifest.job_id, files));
  return kept ? PublishMarks::Fate::kBeside : PublishMarks::Fate::kUnmarked;
}

// What has to be known before a try. Where files were to be moved, the try itself finds that they
// are gone; one without any would find only that its own paths are taken.
absl::StatusOr<PublishMarks::Fate> FindBefore(const PublishPlan& plan, PublishFiles* files) {
  const PublishMarks marks = MarksOf(plan, files);
  if (HasFiles(plan)) {
    ASSIGN_OR_RETURN(const bool appeared, marks.HaveAppeared());
    return appeared ? PublishMarks::Fate::kAppeared : PublishMarks::Fate::kOpen;
  }
  ASSIGN_OR_RETURN(const PublishMarks::Fate fate, marks.Find());
  if (fate != PublishMarks::Fate::kUnmarked) return fate;
  const absl::StatusOr<PublishMarks::Fate> found = FindUnmarkedEmpty(plan, files);
  // Of what can never be read the try says more: the path is taken.
  if (!found.ok() && !IsRetryable(found.status())) return fate;
  return found;
}

absl::Status TryOnce(const PublishPlan& plan, PublishFiles* files) {
  RETURN_IF_ERROR(FillAll(plan, files));
  const absl::Status appeared = Appear(plan, files);
  if (!IsPathTaken(appeared)) return appeared;
  // A change of an earlier try may have been made meanwhile: then it has taken the paths itself.
  ASSIGN_OR_RETURN(const PublishMarks::Fate fate, MarksOf(plan, files).Find());
  if (fate == PublishMarks::Fate::kAppeared) return absl::OkStatus();
  if (fate == PublishMarks::Fate::kBeside) return appeared;
  return KeepBeside(plan, appeared, files);
}

// The change of an earlier version moves no mark, but needs the directory of the main output. That
// is moved, which works on a full file system, too.
absl::Status TakeStagingAway(const PublishPlan& plan, PublishFiles* files) {
  const std::string staging = StagingOf(plan, plan.outputs[0]);
  const absl::Status moved = files->Rename(staging, WithdrawnDir(plan), /*replace=*/false);
  if (absl::IsAlreadyExists(moved)) return files->DeleteTree(staging);
  return absl::IsNotFound(moved) ? absl::OkStatus() : moved;
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
  ASSIGN_OR_RETURN(const PublishMarks::Fate before, FindBefore(plan, files));
  if (before == PublishMarks::Fate::kAppeared) return absl::OkStatus();
  if (before == PublishMarks::Fate::kBeside) return WasKeptBeside(plan, absl::OkStatus());
  const absl::Status tried = TryOnce(plan, files);
  if (tried.ok() || IsRetryable(tried)) return tried;
  // The change of an earlier try may have been made, or still be on its way: then it fails.
  const absl::StatusOr<PublishMarks::Fate> fate = GiveUp(plan, files);
  if (IsRetryable(fate.status())) return fate.status();
  if (!fate.ok()) return tried;
  if (*fate == PublishMarks::Fate::kAppeared) return absl::OkStatus();
  return *fate == PublishMarks::Fate::kBeside ? WasKeptBeside(plan, tried) : tried;
}

absl::StatusOr<bool> Withdraw(const PublishPlan& plan, PublishFiles* files) {
  ASSIGN_OR_RETURN(PublishMarks::Fate fate, MarksOf(plan, files).Withdraw());
  if (fate == PublishMarks::Fate::kUnmarked) {
    RETURN_IF_ERROR(TakeStagingAway(plan, files));
    ASSIGN_OR_RETURN(fate, FindUnmarked(plan, files));
  }
  if (fate == PublishMarks::Fate::kBeside) return WasKeptBeside(plan, absl::OkStatus());
  return fate != PublishMarks::Fate::kAppeared;
}

}  // namespace quern::mr
