// The shared parts of a worker, in a temporary directory, with a fake quern-task.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/hash.h"
#include "common/mutex.h"
#include "mapreduce/worker/attempt_runner.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {

inline constexpr char kPluginBytes[] = "not a real plugin, but with a hash";

inline std::string FakeTaskBinary() { return QUERN_FAKE_TASK; }

// An attempt of a job whose task does what `what` says; see fake_task.cc.
inline pb::TaskSpec MakeTask(const std::string& what, uint32_t task = 0,
                             pb::TaskKind kind = pb::TASK_KIND_MAP) {
  pb::TaskSpec spec;
  spec.mutable_id()->set_job_id("job-20261122-0001");
  spec.mutable_id()->set_kind(kind);
  spec.mutable_id()->set_task(task);
  pb::JobSpec* job = spec.mutable_job();
  job->mutable_plugin()->set_path("/.quern/plugins/x.so");
  job->mutable_plugin()->set_hash(HashBytes128(kPluginBytes).ToString());
  job->mutable_plugin()->set_size_bytes(std::string_view(kPluginBytes).size());
  job->mutable_limits()->set_memory_bytes(uint64_t{64} << 20);
  job->mutable_limits()->set_timeout_ms(60'000);
  (*job->mutable_params())["do"] = what;
  return spec;
}

class WorkerParts {
 public:
  WorkerParts()
      : scratch_(*Scratch::Open({dir_ / "disk1", dir_ / "disk2"})),
        plugins_(scratch_->main_dir() + "/plugins",
                 [this](const std::string& path, const auto& sink) {
                   ++fetches;
                   if (!fetching.ok()) return fetching;
                   const auto side_file = side_files.find(path);
                   return sink(side_file == side_files.end() ? plugin_bytes : side_file->second);
                 }),
        processes_(FakeTaskBinary(), 2) {
    context.scratch = scratch_.get();
    context.plugins = &plugins_;
    context.processes = &processes_;
    context.logs = &logs_;
    context.node = "n1";
    context.address = "127.0.0.1:7";
#if defined(QUERN_ASAN) || defined(QUERN_TSAN)
    context.memory_slack_bytes = uint64_t{1} << 30;  // what a sanitizer takes beside the task
#else
    context.memory_slack_bytes = 0;
#endif
    context.memory_interval = absl::Milliseconds(10);
    context.report = [this](pb::WorkerMessage message) {
      MutexLock lock(&mutex_);
      reports_.push_back(std::move(message));
    };
  }

  std::vector<pb::WorkerMessage> TakeReports() {
    MutexLock lock(&mutex_);
    return std::exchange(reports_, {});
  }
  Scratch* scratch() { return scratch_.get(); }
  PluginCache* plugins() { return &plugins_; }
  // As after a restart of the worker.
  void ReopenScratch() {
    scratch_ = *Scratch::Open({dir_ / "disk1", dir_ / "disk2"});
    context.scratch = scratch_.get();
  }

  AttemptContext context;
  std::string plugin_bytes = kPluginBytes;        // at every other path
  std::map<std::string, std::string> side_files;  // by path
  int fetches = 0;
  absl::Status fetching;  // what becomes of each fetch

 private:
  TempDir dir_;
  std::unique_ptr<Scratch> scratch_;
  PluginCache plugins_;
  TaskPool processes_;
  RunningLogs logs_;
  Mutex mutex_;
  std::vector<pb::WorkerMessage> reports_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::mr
