#include "mapreduce/task/local_job.h"

#include <algorithm>
#include <utility>

#include "common/random.h"
#include "common/storage/file_io.h"
#include "common/temporary_root.h"
#include "mapreduce/plan/input_files.h"
#include "mapreduce/plan/job_spec_rules.h"
#include "mapreduce/plan/overwrite_rules.h"
#include "mapreduce/plan/plugin_check.h"
#include "mapreduce/plan/range_bounds.h"
#include "mapreduce/task/local_tasks.h"
#include "mapreduce/task/task_storage.h"

namespace quern::mr {

namespace {

constexpr char kLocalJobId[] = "job-local";

// Other names count the files of a whole output.
void KeepTaskNames(pb::JobSpec* spec) {
  spec->mutable_output()->clear_files();
  for (pb::JobSpec::NamedOutput& named : *spec->mutable_outputs()) {
    named.mutable_output()->clear_files();
  }
}

void KeepChosen(const TaskChoice& choice, std::vector<pb::TaskSpec>* tasks) {
  std::erase_if(*tasks, [&](const pb::TaskSpec& task) {
    return !choice.Has(task.id().kind(), task.id().task());
  });
}

}  // namespace

std::string HiddenBeside(const std::string& path) {
  const size_t slash = path.rfind('/');
  return fmt::format("{}.{}.{}", path.substr(0, slash + 1), path.substr(slash + 1), RandomHex(4));
}

LocalJob::LocalJob(pb::JobSpec spec, uint32_t threads, client::ClientOptions dfs,
                   Leftovers* leftovers)
    : spec_(std::move(spec)),
      threads_(threads),
      dfs_options_(std::move(dfs)),
      storage_(MakeTaskStorage(dfs_options_)),
      leftovers_(leftovers) {}

LocalJob::~LocalJob() {
  if (!scratch_.empty()) FileSystem::Real()->RemoveTree(scratch_).IgnoreError();
}

void LocalJob::Choose(TaskChoice choice) {
  choice_ = std::move(choice);
  if (!choice_.is_all()) spec_.mutable_output()->set_overwrite(false);
}

absl::Status LocalJob::Prepare() {
  FillDefaults(&spec_);
  if (spec_.inputs().empty()) return InvalidArgumentError("input: a job needs at least one");
  if (spec_.output().path().empty()) return InvalidArgumentError("output.path: is missing");
  std::string path = spec_.plugin().path();
  if (IsLocalPath(path)) path.erase(0, kLocalScheme.size());
  ASSIGN_OR_RETURN(const PluginInfo info, ReadPlugin(path));
  RETURN_IF_ERROR(ResolveClasses(info, &spec_));
  RETURN_IF_ERROR(PlanFiles());
  ASSIGN_OR_RETURN(plugin_, Plugin::Load(path));
  manifest_.job_id = kLocalJobId;
  manifest_.job_name = spec_.name();
  return absl::OkStatus();
}

absl::Status LocalJob::PlanFiles() {
  const auto dfs = client::FileSystem::Create(dfs_options_);
  std::vector<std::string> replaced;
  for (const std::string& path : OutputPaths(spec_)) {
    ASSIGN_OR_RETURN(const bool replaces,
                     CheckOutputPath(dfs.get(), path, spec_.output().overwrite()));
    if (replaces) replaced.push_back(path);
  }
  std::vector<SplitInput> inputs;
  uint64_t bytes = 0;
  for (const pb::JobSpec::Input& entry : spec_.inputs()) {
    SplitInput& input = inputs.emplace_back();
    input.input = static_cast<uint32_t>(inputs.size() - 1);
    ASSIGN_OR_RETURN(input.files, FindInputFiles(dfs.get(), entry, spec_.limits().split_bytes()));
    RETURN_IF_ERROR(CheckFormatsInstalled(input.files));
    for (const InputFile& file : input.files) bytes += file.length;
  }
  for (const std::string& path : replaced) {
    RETURN_IF_ERROR(CheckNoInputBelow(path, inputs));
    RETURN_IF_ERROR(CheckNoSideFileBelow(path, spec_));
  }
  splits_ = PlanSplits(inputs, spec_.limits().split_bytes());
  if (!spec_.reduce().has_tasks()) {
    spec_.mutable_reduce()->set_tasks(DefaultReduceTasks(bytes, threads_));
  }
  EnsureOnePart(spec_, &splits_);
  return CheckTaskChoice(choice_, static_cast<uint32_t>(splits_.size()), spec_.reduce().tasks());
}

absl::Status LocalJob::Run() {
  scratch_ = fmt::format("{}/quern-local-{}", TemporaryRoot(), RandomHex(8));
  leftovers_->Note(fmt::format("{}{}", kLocalScheme, scratch_));
  RETURN_IF_ERROR(FileSystem::Real()->MakeDirs(scratch_));
  RETURN_IF_ERROR(FetchSideFiles());
  temporary_ = {HiddenBeside(spec_.output().path())};
  for (const pb::JobSpec::NamedOutput& named : spec_.outputs()) {
    temporary_.push_back(HiddenBeside(named.output().path()));
  }
  for (const std::string& dir : temporary_) leftovers_->Note(dir);
  const absl::Status status = RunTasks();
  // After success those are left whose files went into the directory of the main output.
  for (const std::string& dir : temporary_) storage_->RemoveTree(dir).IgnoreError();
  return status;
}

// Files of this machine are used where they are.
absl::Status LocalJob::FetchSideFiles() {
  for (const pb::JobSpec::SideFile& side : spec_.files()) {
    const std::string& path = side.file().path();
    if (IsLocalPath(path)) {
      files_[side.name()] = path.substr(kLocalScheme.size());
      continue;
    }
    ASSIGN_OR_RETURN(const auto file, storage_->Open(path));
    const auto stream = file->Stream(0, file->length());
    std::string bytes;
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view block, stream->Next());
      if (block.empty()) break;
      bytes += block;
    }
    const std::string copy = fmt::format("{}/{}/{}", scratch_, kSideFileDir, side.name());
    RETURN_IF_ERROR(FileSystem::Real()->MakeDirs(fmt::format("{}/{}", scratch_, kSideFileDir)));
    RETURN_IF_ERROR(WriteFileDurably(FileSystem::Real(), copy, bytes));
    files_[side.name()] = copy;
  }
  return absl::OkStatus();
}

absl::Status LocalJob::RunTasks() {
  RETURN_IF_ERROR(ChooseBounds());
  Tasks tasks = MakeTasks(pb::TASK_KIND_MAP, splits_);
  if (!choice_.NeedsAllMaps()) KeepChosen(choice_, &tasks);
  ASSIGN_OR_RETURN(const Ran maps, RunKind("map", std::move(tasks)));
  if (spec_.reduce().tasks() == 0 || !choice_.NeedsAllMaps()) return Publish(maps, {});
  tasks = MakeReduceTasks(maps.results);
  KeepChosen(choice_, &tasks);
  ASSIGN_OR_RETURN(const Ran reduces, RunKind("reduce", std::move(tasks)));
  return Publish(maps, reduces);
}

absl::StatusOr<LocalJob::Ran> LocalJob::RunKind(std::string_view what, Tasks tasks) {
  Ran ran{.tasks = std::move(tasks)};
  ASSIGN_OR_RETURN(ran.results, RunAll(what, ran.tasks));
  for (const pb::AttemptResult& each : ran.results) {
    AddCounters(each.counters(), &manifest_.counters);
  }
  return ran;
}

absl::Status LocalJob::ChooseBounds() {
  const uint32_t partitions = spec_.reduce().tasks();
  if (spec_.reduce().partitioner() != "range" || partitions < 2) return absl::OkStatus();
  const SamplePlan plan = PlanSample(spec_, splits_);
  Tasks tasks = MakeTasks(pb::TASK_KIND_SAMPLE, plan.splits);
  for (pb::TaskSpec& task : tasks) {
    task.set_sample_bytes(plan.sample_bytes);
    task.set_sample_keys(plan.sample_keys);
  }
  ASSIGN_OR_RETURN(const Results samples, RunAll("sample", tasks));
  std::vector<std::string> keys;
  for (const pb::AttemptResult& sample : samples) {
    keys.insert(keys.end(), sample.sample_keys().begin(), sample.sample_keys().end());
  }
  bounds_ = ChooseRangeBounds(std::move(keys), partitions);
  return absl::OkStatus();
}

LocalJob::Tasks LocalJob::MakeTasks(pb::TaskKind kind, const std::vector<pb::Split>& splits) const {
  Tasks tasks;
  for (const pb::Split& split : splits) {
    pb::TaskSpec& task = tasks.emplace_back();
    task.mutable_id()->set_job_id(kLocalJobId);
    task.mutable_id()->set_kind(kind);
    task.mutable_id()->set_task(static_cast<uint32_t>(tasks.size() - 1));
    *task.mutable_job() = spec_;
    *task.mutable_split() = split;
    task.set_attempt_dir(temporary_[0]);
    for (size_t i = 1; i < temporary_.size(); ++i) task.add_output_dirs(temporary_[i]);
    for (const std::string& bound : bounds_) task.add_range_bounds(bound);
  }
  return tasks;
}

LocalJob::Tasks LocalJob::MakeReduceTasks(const Results& maps) const {
  Tasks tasks = MakeTasks(pb::TASK_KIND_REDUCE, std::vector<pb::Split>(spec_.reduce().tasks()));
  for (pb::TaskSpec& task : tasks) {
    task.set_map_tasks(static_cast<uint32_t>(maps.size()));
    for (const pb::AttemptResult& map : maps) *task.add_map_outputs() = map.map_output();
  }
  return tasks;
}

absl::StatusOr<LocalJob::Results> LocalJob::RunAll(std::string_view what, const Tasks& tasks) {
  return LocalTasks({.job_name = spec_.name(),
                     .threads = threads_,
                     .plugin = plugin_.get(),
                     .storage = storage_.get(),
                     .clock = dfs_options_.clock,
                     .scratch_dir = scratch_,
                     .files = files_,
                     .lent_memory = lent_memory_,
                     .held = held_,
                     .quiet = quiet_})
      .RunAll(what, tasks);
}

absl::Status LocalJob::Publish(const Ran& maps, const Ran& reduces) {
  RETURN_IF_ERROR(RemoveUnchosen(maps));
  pb::JobSpec spec = spec_;
  if (!choice_.is_all()) KeepTaskNames(&spec);
  OutputParts parts(spec);
  for (const Ran* const ran : {&maps, &reduces}) {
    for (size_t i = 0; i < ran->tasks.size(); ++i) {
      const pb::AttemptId& id = ran->tasks[i].id();
      if (choice_.Has(id.kind(), id.task())) parts.Add(id.kind(), id.task(), ran->results[i]);
    }
  }
  std::vector<PublishedOutput> outputs = parts.Take();
  if (!choice_.is_all()) KeepApart(&outputs[0]);
  Storage::Moves moves;
  for (const PublishedOutput& output : outputs) {
    // Of a few tasks there may be nothing.
    if (!choice_.is_all() && output.files.empty() && output.skipped.empty()) continue;
    const std::string& dir = TemporaryOf(output.name);
    RETURN_IF_ERROR(FillOutput(output, dir, MakeManifest(manifest_, outputs, output)));
    moves.emplace_back(dir, output.path);
  }
  if (moves.empty()) return absl::OkStatus();
  // The main one last: who waits for its _SUCCESS finds the others.
  std::rotate(moves.begin(), moves.begin() + 1, moves.end());
  // Again: somebody may have put something there since it was planned.
  const auto dfs = client::FileSystem::Create(dfs_options_);
  for (const auto& [from, to] : moves) {
    RETURN_IF_ERROR(CheckOutputPath(dfs.get(), to, spec_.output().overwrite()).status());
  }
  RETURN_IF_ERROR(storage_->RenameAll(moves, spec_.output().overwrite()));
  for (const auto& [from, to] : moves) written_.insert(to);
  return absl::OkStatus();
}

// Each has parts under the names of the tasks.
void LocalJob::KeepApart(PublishedOutput* output) const {
  for (const pb::JobSpec::NamedOutput& named : spec_.outputs()) {
    if (named.output().path() != output->path) continue;
    const std::string dir = TemporaryOf(named.name()) + "/";
    for (PublishedFile& file : output->files) {
      if (!file.source.starts_with(dir)) continue;
      file.part.name = fmt::format("{}-{}", named.name(), file.part.name);
    }
  }
}

absl::Status LocalJob::RemoveUnchosen(const Ran& maps) {
  for (size_t i = 0; i < maps.tasks.size(); ++i) {
    if (choice_.Has(pb::TASK_KIND_MAP, maps.tasks[i].id().task())) continue;
    for (const pb::AttemptResult::NamedFile& file : maps.results[i].named_files()) {
      RETURN_IF_ERROR(storage_->RemoveTree(file.path()));
    }
  }
  return absl::OkStatus();
}

std::string LocalJob::ChoiceText() const {
  if (choice_.is_all()) return "";
  std::string text =
      fmt::format("{} of {} tasks", choice_.size(), splits_.size() + spec_.reduce().tasks());
  const bool all_maps = choice_.NeedsAllMaps() && choice_.maps.size() < splits_.size();
  if (all_maps) text += fmt::format(" (and all {} maps, which reduces need)", splits_.size());
  return text;
}

const std::string& LocalJob::TemporaryOf(const std::string& output) const {
  size_t i = 0;
  if (!output.empty()) {
    while (spec_.outputs(static_cast<int>(i)).name() != output) ++i;
    ++i;
  }
  return temporary_[i];
}

// The tasks have written the parts right there, under the names of the tasks.
absl::Status LocalJob::FillOutput(const PublishedOutput& output, const std::string& dir,
                                  const Manifest& manifest) {
  for (const PublishedFile& file : output.files) {
    const std::string named = fmt::format("{}/{}", dir, file.part.name);
    if (file.source == named) continue;
    RETURN_IF_ERROR(storage_->Rename(file.source, named, /*replace=*/false));
  }
  if (!choice_.is_all()) {
    // Where those of maps were that ran only for reduces.
    if (output.skipped.empty()) {
      storage_->RemoveTree(fmt::format("{}/{}", dir, kSkippedName)).IgnoreError();
    }
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(WriteFile(fmt::format("{}/{}", dir, kManifestName), FormatManifest(manifest)));
  return WriteFile(fmt::format("{}/{}", dir, kSuccessName), "");
}

absl::Status LocalJob::WriteFile(const std::string& path, const std::string& contents) {
  ASSIGN_OR_RETURN(const auto file,
                   storage_->Create(path, {.replication = spec_.output().replication()}));
  if (!contents.empty()) RETURN_IF_ERROR(file->Append(contents));
  return file->Close();
}

}  // namespace quern::mr
