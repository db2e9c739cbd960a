#include "mapreduce/task/debug_task.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <set>
#include <utility>

#include "common/cli/output.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/attempt_failure.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/task/task_storage.h"

namespace quern::mr {
namespace {

// Number of the attempts of maps that run here: no worker gets so far.
constexpr uint32_t kLocalAttempt = 1'000'000'000;

}  // namespace

void NoteThatItHasSaid(const std::string& scratch_dir) {
  const std::string path = fmt::format("{}/{}", scratch_dir, kHasSaid);
  // Without it the failure is described once more.
  FileSystem::Real()->Open(path, {.create = true}).status().IgnoreError();
}

DebugTask::DebugTask(pb::DebugRun run, uint32_t threads, client::ClientOptions dfs)
    : run_(std::move(run)), threads_(threads), storage_(MakeTaskStorage(std::move(dfs))) {}

DebugTask::~DebugTask() {
  if (held_ != nullptr) held_->NoteIn(nullptr);
}

absl::StatusOr<pb::AttemptResult> DebugTask::Run() {
  const std::string& dir = run_.scratch_dir();
  // Where a worker's tasks have it too.
  if (chdir(dir.c_str()) != 0) return ErrnoStatus(errno, dir);
  ASSIGN_OR_RETURN(position_, RecordPositionWriter::Create(dir + "/record"));
  if (held_ != nullptr) held_->NoteIn(position_.get());
  position_->SetPhase(RecordPhase::kCallback);  // constructors of the plugin's own statics
  ASSIGN_OR_RETURN(plugin_, Plugin::Load(run_.task().job().plugin().path()));
  position_->SetPhase(RecordPhase::kNone);
  LocalTasks::Options options;
  options.job_name = run_.task().job().name();
  options.threads = threads_;
  options.plugin = plugin_.get();
  options.storage = storage_.get();
  options.scratch_dir = dir;
  options.lent_memory = lent_memory_;
  options.held = held_;
  for (const pb::JobSpec::SideFile& side : run_.task().job().files()) {
    options.files[side.name()] = side.file().path();
  }
  tasks_ = std::make_unique<LocalTasks>(std::move(options));
  std::unique_ptr<SortBuffers> buffers;
  const LocalTasks::Tools tools = {.buffers = &buffers, .position = position_.get()};
  if (run_.task().id().kind() == pb::TASK_KIND_REDUCE) return RunReduce(tools);
  return tasks_->RunOne(run_.task(), tools);
}

pb::TaskSpec DebugTask::MapTask(uint32_t task) const {
  pb::TaskSpec map;
  map.mutable_id()->set_job_id(run_.task().id().job_id());
  map.mutable_id()->set_kind(pb::TASK_KIND_MAP);
  map.mutable_id()->set_task(task);
  map.mutable_id()->set_attempt(kLocalAttempt);
  *map.mutable_job() = run_.task().job();
  *map.mutable_split() = run_.map_splits(static_cast<int>(task));
  *map.mutable_range_bounds() = run_.task().range_bounds();
  // The same places as the reduce has: what maps write to named outputs does not disturb it.
  map.set_attempt_dir(run_.task().attempt_dir());
  *map.mutable_output_dirs() = run_.task().output_dirs();
  map.set_map_tasks(run_.task().map_tasks());
  return map;
}

absl::StatusOr<pb::AttemptResult> DebugTask::RunReduce(const LocalTasks::Tools& tools) {
  MapOutputFeed* known = nullptr;
  MapOutputFeed feed(
      [&](uint32_t map_task, uint32_t, const std::string& why) { RunAgain(map_task, why, known); });
  known = &feed;
  for (const pb::MapOutput& output : run_.task().map_outputs()) feed.Add(output);
  RETURN_IF_ERROR(RunMissingMaps(&feed));
  return tasks_->RunOne(run_.task(),
                        {.buffers = tools.buffers, .position = tools.position, .feed = &feed});
}

absl::Status DebugTask::RunMissingMaps(MapOutputFeed* feed) {
  std::set<uint32_t> there;
  for (const pb::MapOutput& output : run_.task().map_outputs()) there.insert(output.map_task());
  std::vector<pb::TaskSpec> missing;
  for (uint32_t task = 0; task < run_.task().map_tasks(); ++task) {
    if (!there.contains(task)) missing.push_back(MapTask(task));
  }
  if (missing.empty()) return absl::OkStatus();
  Err().Format("{}: the outputs of {} of {} maps are not there any more; these maps run here\n",
               FormatTask(run_.task().id().kind(), run_.task().id().task()), missing.size(),
               run_.task().map_tasks());
  ASSIGN_OR_RETURN(const LocalTasks::Results results, tasks_->RunAll("map", missing));
  for (const pb::AttemptResult& result : results) feed->Add(result.map_output());
  return absl::OkStatus();
}

void DebugTask::RunAgain(uint32_t map_task, const std::string& why, MapOutputFeed* feed) {
  const std::string name = FormatTask(pb::TASK_KIND_MAP, map_task);
  Err().Format("{}: its output cannot be had ({}); it runs here\n", name, why);
  std::unique_ptr<SortBuffers> buffers;
  const auto result = tasks_->RunOne(MapTask(map_task), {.buffers = &buffers});
  if (result.ok()) return feed->Add(result->map_output());
  // The reduce would wait for it for ever.
  Err().Format("mr debug: {}\n", Message(result.status()));
  NoteThatItHasSaid(run_.scratch_dir());
  EndProcess(EndOutput("mr debug", 1));
}

}  // namespace quern::mr
