#include "mapreduce/task/local_tasks.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "common/cli/progress.h"
#include "common/mutex.h"
#include "common/periodic_thread.h"
#include "common/storage/file_io.h"
#include "common/thread.h"
#include "mapreduce/engine/attempt_failure.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/task/attempt.h"

namespace quern::mr {

absl::StatusOr<LocalTasks::Results> LocalTasks::RunAll(std::string_view what,
                                                       const std::vector<pb::TaskSpec>& tasks) {
  Progress progress(
      {.name = fmt::format("{} {}", options_.job_name, what),
       .total = tasks.size(),
       .unit = ProgressOptions::Unit::kItems,
       .style = options_.quiet ? ProgressOptions::Style::kQuiet : ProgressOptions::Style::kAuto,
       .clock = options_.clock});
  // A task may take minutes, and says nothing before it ends.
  const PeriodicThread alive("progress", absl::Seconds(1), [&progress] { progress.Add(0); });
  Results results(tasks.size());
  std::atomic<size_t> next = 0;
  Mutex mutex;
  absl::Status first_error;
  const auto work = [&] {
    std::unique_ptr<SortBuffers> buffers;
    for (size_t i = next++; i < tasks.size(); i = next++) {
      absl::StatusOr<pb::AttemptResult> result = RunWithOutputs(tasks[i], &buffers);
      progress.Add(1);
      if (result.ok()) {
        results[i] = *std::move(result);
        continue;
      }
      MutexLock lock(&mutex);
      if (first_error.ok()) first_error = result.status();
      next = tasks.size();  // the others stop after the task that they are at
    }
  };
  std::vector<Thread> threads;
  for (size_t i = 0; i < std::min<size_t>(options_.threads, tasks.size()); ++i) {
    threads.emplace_back(std::string(what), work);
  }
  threads.clear();
  if (!first_error.ok()) return first_error;
  return results;
}

absl::StatusOr<pb::AttemptResult> LocalTasks::RunWithOutputs(
    const pb::TaskSpec& task, std::unique_ptr<SortBuffers>* buffers) {
  MapOutputFeed feed([](uint32_t, uint32_t, const std::string&) {});
  for (const pb::MapOutput& output : task.map_outputs()) feed.Add(output);
  return RunOne(task, {.buffers = buffers, .feed = &feed});
}

absl::StatusOr<pb::AttemptResult> LocalTasks::RunOne(const pb::TaskSpec& task, const Tools& tools) {
  const std::string name = FormatAttempt(task.id());
  TaskProgress progress(options_.clock);
  TaskEnvironment environment;
  environment.plugin = options_.plugin;
  environment.storage = options_.storage;
  environment.scratch_dir = fmt::format("{}/{}", options_.scratch_dir, name);
  environment.progress = &progress;
  environment.sort_buffers = tools.buffers;
  environment.files = options_.files;
  environment.clock = options_.clock;
  environment.lent_memory = options_.lent_memory;
  environment.held = options_.held;
  RETURN_IF_ERROR(FileSystem::Real()->MakeDirs(environment.scratch_dir));
  // Of a task that ends the process it says where that was: of one that is done it goes.
  const std::string record = environment.scratch_dir + "/record";
  auto own_position = RecordPositionWriter::Create(record);
  if (!own_position.ok()) own_position = RecordPositionWriter::Private();
  environment.position = tools.position == nullptr ? own_position->get() : tools.position;
  absl::StatusOr<pb::AttemptResult> result = RunAttempt(task, environment, tools.feed);
  unlink(record.c_str());
  if (result.ok()) return result;
  const pb::AttemptFailure failure = DescribeFailure(result.status(), *environment.position);
  return MakeStatus(result.status().code(), fmt::format("{}: {}", name, MessageAtRecord(failure)));
}

}  // namespace quern::mr
