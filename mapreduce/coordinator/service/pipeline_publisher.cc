#include "mapreduce/coordinator/service/pipeline_publisher.h"

#include <algorithm>
#include <set>

#include "common/storage/file_io.h"
#include "mapreduce/coordinator/service/publish_marks.h"
#include "mapreduce/engine/manifest.h"
#include "mapreduce/plan/pipeline_paths.h"

namespace quern::mr {
namespace {

constexpr char kTop[] = ".";

// The output whose files lie in the output path itself; nullptr when there is none.
const PipelinePublishPlan::Output* FindTop(
    const std::vector<PipelinePublishPlan::Output>& outputs) {
  const auto top = std::find_if(outputs.begin(), outputs.end(),
                                [](const auto& output) { return output.below == kTop; });
  return top == outputs.end() ? nullptr : &*top;
}

// In a subdirectory of the output path.
bool IsInDirectory(const PipelinePublishPlan::Output& output) {
  return !output.below.empty() && output.below != kTop;
}

// Moves an output into the directory that is going to appear, unless an earlier try has.
absl::Status MoveOnce(const PipelinePublishPlan::Output& output, const std::string& target,
                      PublishFiles* files) {
  RETURN_IF_ERROR(files->Mkdirs(ParentDir(target)));
  const absl::Status moved = files->Rename(output.source, target, /*replace=*/false);
  if (moved.code() == absl::StatusCode::kNotFound) {
    ASSIGN_OR_RETURN(const bool done,
                     IsMadeBy(target, output.job_id, Unreadable::kSomebodyElses, files));
    if (done) return absl::OkStatus();
  }
  return Annotate(moved, fmt::format("publish {}", output.target));
}

// The manifest of the output path: that of what lies at its top, or else the pipeline's own.
absl::StatusOr<std::string> MakeManifest(const PipelinePublishPlan& plan,
                                         const std::string& staging, PublishFiles* files) {
  std::set<std::string> names;
  for (const auto* outputs : {&plan.outputs, &plan.in_place}) {
    for (const PipelinePublishPlan::Output& output : *outputs) {
      if (IsInDirectory(output)) names.insert(output.below.substr(0, output.below.find('/')));
    }
  }
  const bool is_new = FindTop(plan.outputs) != nullptr;
  if (is_new || FindTop(plan.in_place) != nullptr) {
    ASSIGN_OR_RETURN(
        const std::string manifest,
        files->ReadFile(fmt::format("{}/{}", is_new ? staging : plan.output_path, kManifestName)));
    return WithDirectories(manifest, names);
  }
  Manifest manifest;
  manifest.job_id = plan.pipeline_id;
  manifest.job_name = plan.name;
  manifest.directories = std::move(names);
  return FormatManifest(manifest);
}

// Everything that is new at or below the pipeline's own output path.
absl::Status FillDirectory(const PipelinePublishPlan& plan, const std::string& staging,
                           PublishFiles* files) {
  const PipelinePublishPlan::Output* const top = FindTop(plan.outputs);
  RETURN_IF_ERROR(top != nullptr ? MoveOnce(*top, staging, files) : files->Mkdirs(staging));
  for (const PipelinePublishPlan::Output& output : plan.outputs) {
    if (!IsInDirectory(output)) continue;
    RETURN_IF_ERROR(MoveOnce(output, fmt::format("{}/{}", staging, output.below), files));
  }
  ASSIGN_OR_RETURN(const std::string manifest, MakeManifest(plan, staging, files));
  RETURN_IF_ERROR(files->WriteFile(fmt::format("{}/{}", staging, kManifestName), manifest));
  RETURN_IF_ERROR(files->WriteFile(fmt::format("{}/{}", staging, kSuccessName), ""));
  return files->SetOwner(staging, plan.user);
}

// Before anything is moved, so that a pipeline that fails of it keeps what it has made. A target
// that is taken after this is seen by the change itself.
absl::Status CheckTargetsAreFree(const std::vector<std::string>& targets, PublishFiles* files) {
  for (const std::string& target : targets) {
    const absl::Status found = files->Stat(target).status();
    if (found.code() == absl::StatusCode::kNotFound) continue;
    RETURN_IF_ERROR(found);
    return AlreadyExistsError("publish: {}: exists already", target);
  }
  return absl::OkStatus();
}

// What is below the pipeline's output path and stays there: directories, and the files at its top.
absl::StatusOr<std::vector<std::string>> FindStaying(const PipelinePublishPlan& plan,
                                                     PublishFiles* files) {
  std::vector<std::string> staying;
  for (const PipelinePublishPlan::Output& output : plan.in_place) {
    if (IsInDirectory(output)) staying.push_back(output.below);
  }
  if (FindTop(plan.in_place) == nullptr) return staying;
  ASSIGN_OR_RETURN(const std::string manifest,
                   files->ReadFile(fmt::format("{}/{}", plan.output_path, kManifestName)));
  if (const auto names = NamesInManifest(manifest)) {
    staying.insert(staying.end(), names->files.begin(), names->files.end());
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

// The paths below the output path at which something new appears beside the files at its top.
std::set<std::string> FindReplaced(const PipelinePublishPlan& plan,
                                   const std::vector<std::string>& staying) {
  std::set<std::string> replaced = {kManifestName, kSuccessName};
  for (const PipelinePublishPlan::Output& output : plan.outputs) {
    if (IsInDirectory(output)) replaced.insert(Replaced(output.below, staying));
  }
  return replaced;
}

// What lies at the output path and neither stays nor is replaced: of stages that this run has not.
absl::StatusOr<std::vector<std::string>> FindUseless(const PipelinePublishPlan& plan,
                                                     const std::set<std::string>& replaced,
                                                     const std::vector<std::string>& staying,
                                                     PublishFiles* files) {
  std::set<std::string> directories = {""};
  for (const std::string& one : staying) {
    for (size_t end = one.find('/'); end != std::string::npos; end = one.find('/', end + 1)) {
      directories.insert(one.substr(0, end));
    }
  }
  std::vector<std::string> useless;
  for (const std::string& directory : directories) {
    const std::string full =
        directory.empty() ? plan.output_path : fmt::format("{}/{}", plan.output_path, directory);
    ASSIGN_OR_RETURN(const std::vector<PublishFiles::Entry> entries, files->List(full));
    for (const PublishFiles::Entry& entry : entries) {
      const std::string name = entry.name();
      const std::string below = directory.empty() ? name : fmt::format("{}/{}", directory, name);
      const bool stays = HoldsStaying(below, staying) ||
                         std::find(staying.begin(), staying.end(), below) != staying.end();
      if (!stays && !replaced.contains(below)) useless.push_back(entry.path);
    }
  }
  return useless;
}

// The files at the top stay, however many there are: what is new moves in between them, and what is
// of no use any more out.
absl::Status MoveBeside(const PipelinePublishPlan& plan, const std::string& staging,
                        const std::vector<std::string>& staying, PublishFiles* files,
                        PublishFiles::Moves* moves) {
  const std::set<std::string> replaced = FindReplaced(plan, staying);
  for (const std::string& path : replaced) {
    moves->emplace_back(fmt::format("{}/{}", staging, path),
                        fmt::format("{}/{}", plan.output_path, path));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> useless,
                   FindUseless(plan, replaced, staying, files));
  const std::string retired = RetiredDir(plan.pipeline_id);
  RETURN_IF_ERROR(files->Mkdirs(retired));
  size_t number = 0;
  for (const std::string& path : useless) {
    moves->emplace_back(path, fmt::format("{}/{}", retired, number++));
  }
  return absl::OkStatus();
}

// Only directories stay: they are carried over into the new one, which takes the place of the old
// one with everything else in it. One change has a limit, and this needs a move for each of them,
// not for each file at the top.
void Swap(const PipelinePublishPlan& plan, const std::string& staging,
          const std::vector<std::string>& staying, PublishFiles::Moves* moves) {
  for (const std::string& path : staying) {
    moves->emplace_back(fmt::format("{}/{}", plan.output_path, path),
                        fmt::format("{}/{}", staging, path));
  }
  moves->emplace_back(staging, plan.output_path);
}

// Undoes FillDirectory, of this try or an earlier one, however far that came: the pipeline fails,
// and what it has made is used again only where its record says that it lies.
absl::Status PutBack(const PipelinePublishPlan& plan, const std::string& staging,
                     PublishFiles* files) {
  std::set<std::string> emptied;
  absl::Status failed;
  for (const PipelinePublishPlan::Output& output : plan.outputs) {
    if (!IsInDirectory(output)) continue;
    const std::string filled = fmt::format("{}/{}", staging, output.below);
    const absl::Status moved = files->Rename(filled, output.source, /*replace=*/false);
    // NotFound: it never came there, or is back.
    if (!moved.ok() && !absl::IsNotFound(moved)) {
      failed.Update(moved);
      continue;
    }
    if (const size_t slash = output.below.find('/'); slash != std::string::npos) {
      emptied.insert(output.below.substr(0, slash));
    }
  }
  // Else what is still in there would go, too.
  RETURN_IF_ERROR(failed);
  for (const std::string& directory : emptied) {
    RETURN_IF_ERROR(files->DeleteTree(fmt::format("{}/{}", staging, directory)));
  }
  const PipelinePublishPlan::Output* const top = FindTop(plan.outputs);
  return top == nullptr ? absl::OkStatus() : files->Rename(staging, top->source, /*replace=*/false);
}

absl::Status CheckInPlace(const PipelinePublishPlan& plan, PublishFiles* files) {
  for (const PipelinePublishPlan::Output& output : plan.in_place) {
    ASSIGN_OR_RETURN(const bool whole, IsWhole(output.target, output.job_id, files));
    if (whole) continue;
    return FailedPreconditionError(
        "publish: {}: was to be used again and has been changed since. Try: mr rerun {} --resume",
        output.target, plan.pipeline_id);
  }
  return absl::OkStatus();
}

PublishMarks MarksOfPipeline(const PipelinePublishPlan& plan, PublishFiles* files) {
  return PublishMarks(PipelineDir(plan.pipeline_id), files);
}

// Whether an output lies where it was made or put together with others, and is still to appear.
absl::StatusOr<bool> StillWaits(const PipelinePublishPlan::Output& output,
                                const std::string& staging, PublishFiles* files) {
  std::vector<std::string> places = {output.source};
  if (output.below == kTop) places.push_back(staging);
  if (IsInDirectory(output)) places.push_back(fmt::format("{}/{}", staging, output.below));
  for (const std::string& place : places) {
    const absl::Status found = files->Stat(place).status();
    if (found.ok()) return true;
    if (!absl::IsNotFound(found)) return found;
  }
  return false;
}

// By a coordinator of an earlier version, which left no marks: everything has left its place and is
// at its target. Who made the targets does not suffice: a coordinator that has lost its journal
// gives ids of jobs out again that had ended. Nor does it that nothing waits where somebody has
// removed the pipeline's directory; an earlier version that has published leaves it.
absl::StatusOr<bool> HasAppearedUnmarked(const PipelinePublishPlan& plan, PublishFiles* files) {
  const absl::Status found = files->Stat(PipelineDir(plan.pipeline_id)).status();
  if (absl::IsNotFound(found)) return false;
  RETURN_IF_ERROR(found);
  const std::string staging = StagingDir(plan.pipeline_id);
  for (const PipelinePublishPlan::Output& output : plan.outputs) {
    ASSIGN_OR_RETURN(const bool waits, StillWaits(output, staging, files));
    if (waits) return false;
    ASSIGN_OR_RETURN(const bool is_there,
                     IsMadeBy(output.target, output.job_id, Unreadable::kError, files));
    if (!is_there) return false;
  }
  // Where nothing new was to appear, it is done again, to the same end.
  return !plan.outputs.empty();
}

// An earlier try came to the end.
absl::StatusOr<bool> HasAppeared(const PipelinePublishPlan& plan, PublishMarks::Fate fate,
                                 PublishFiles* files) {
  if (fate == PublishMarks::Fate::kUnmarked) return HasAppearedUnmarked(plan, files);
  return fate == PublishMarks::Fate::kAppeared;
}

// As HasAppeared. What lies where is asked at most once, and the mark says so: later it may be
// gone.
absl::StatusOr<bool> HasAppearedBefore(const PipelinePublishPlan& plan, const PublishMarks& marks,
                                       PublishFiles* files) {
  ASSIGN_OR_RETURN(const PublishMarks::Fate fate, marks.Find());
  ASSIGN_OR_RETURN(const bool appeared, HasAppeared(plan, fate, files));
  // Where a mark was withdrawn, a change may be on its way: that must not be made before the
  // directory is full again.
  const bool begins = !appeared && fate == PublishMarks::Fate::kUnmarked && !plan.outputs.empty();
  if (begins) RETURN_IF_ERROR(marks.Begin());
  return appeared;
}

absl::Status PublishOnce(const PipelinePublishPlan& plan, const std::string& staging,
                         PublishFiles* files) {
  const PublishMarks marks = MarksOfPipeline(plan, files);
  ASSIGN_OR_RETURN(const bool done, HasAppearedBefore(plan, marks, files));
  if (done) return absl::OkStatus();
  PublishFiles::Moves moves;
  bool changes_directory = false;
  for (const PipelinePublishPlan::Output& output : plan.outputs) {
    changes_directory = changes_directory || !output.below.empty();
    if (output.below.empty()) moves.emplace_back(output.source, output.target);
  }
  std::vector<std::string> targets;
  for (const auto& [from, to] : moves) targets.push_back(to);
  if (changes_directory) targets.push_back(plan.output_path);
  if (!plan.overwrite) RETURN_IF_ERROR(CheckTargetsAreFree(targets, files));
  RETURN_IF_ERROR(CheckInPlace(plan, files));
  ASSIGN_OR_RETURN(const std::vector<std::string> staying, FindStaying(plan, files));
  if (plan.overwrite && !changes_directory && !staying.empty()) {
    ASSIGN_OR_RETURN(const std::vector<std::string> useless,
                     FindUseless(plan, {kManifestName, kSuccessName}, staying, files));
    changes_directory = !useless.empty();
    if (changes_directory) targets.push_back(plan.output_path);
  }
  if (changes_directory) {
    RETURN_IF_ERROR(FillDirectory(plan, staging, files));
    if (FindTop(plan.in_place) != nullptr) {
      RETURN_IF_ERROR(MoveBeside(plan, staging, staying, files, &moves));
    } else {
      Swap(plan, staging, staying, &moves);
    }
  }
  if (moves.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(marks.Begin());
  moves.push_back(marks.Appears());
  for (const auto& [from, to] : moves) RETURN_IF_ERROR(files->Mkdirs(ParentDir(to)));
  if (plan.overwrite) RETURN_IF_ERROR(Annotate(CheckMayReplace(targets, files), "publish"));
  RETURN_IF_ERROR(Annotate(files->RenameAll(moves, plan.overwrite), "publish"));
  // What cannot be removed now goes with the pipeline's directory.
  if (!staying.empty()) files->DeleteTree(RetiredDir(plan.pipeline_id)).IgnoreError();
  return absl::OkStatus();
}

// Of what has not appeared and will not.
absl::Status TakeBack(const PipelinePublishPlan& plan, PublishFiles* files) {
  const std::string staging = StagingDir(plan.pipeline_id);
  const absl::Status found = files->Stat(staging).status();
  if (absl::IsNotFound(found)) return absl::OkStatus();
  RETURN_IF_ERROR(found);
  const absl::Status put_back = PutBack(plan, staging, files);
  // NotFound: what was to lie at the top never came there.
  if (!put_back.ok() && !absl::IsNotFound(put_back)) return put_back;
  return files->DeleteTree(staging);
}

}  // namespace

absl::Status PublishPipeline(const PipelinePublishPlan& plan, PublishFiles* files) {
  const std::string staging = StagingDir(plan.pipeline_id);
  const absl::Status published = PublishOnce(plan, staging, files);
  if (published.ok() || IsRetryable(published)) return published;
  // The change of an earlier try may still be on its way. Where this cannot be done now, everything
  // is tried again, to the same end.
  const absl::StatusOr<bool> withdrawn = WithdrawPipeline(plan, files);
  if (IsRetryable(withdrawn.status())) return withdrawn.status();
  return withdrawn.ok() && !*withdrawn ? absl::OkStatus() : published;
}

absl::StatusOr<bool> WithdrawPipeline(const PipelinePublishPlan& plan, PublishFiles* files) {
  // Also the change of an earlier try that is still on its way fails from now on, as a whole.
  ASSIGN_OR_RETURN(const PublishMarks::Fate fate, MarksOfPipeline(plan, files).Withdraw());
  ASSIGN_OR_RETURN(const bool appeared, HasAppeared(plan, fate, files));
  if (!appeared) RETURN_IF_ERROR(TakeBack(plan, files));
  RETURN_IF_ERROR(files->DeleteTree(RetiredDir(plan.pipeline_id)));
  return !appeared;
}

}  // namespace quern::mr
