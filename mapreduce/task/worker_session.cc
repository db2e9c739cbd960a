#include "mapreduce/task/worker_session.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/log.h"
#include "mapreduce/engine/no_record.h"
#include "mapreduce/engine/report_limits.h"
#include "mapreduce/task/progress_news.h"
#include "mapreduce/task/task_storage.h"
#include "mapreduce/task/timed_storage.h"
#include "mapreduce/task/user_code.h"

namespace quern::mr {

namespace {

constexpr absl::Duration kReportInterval = absl::Milliseconds(200);
// A task outlives a restart of the master.
constexpr absl::Duration kMasterPatience = absl::Minutes(10);
// What it reads may be lost for good: the next attempt waits for it, and the job says why. Shorter
// than an attempt has to run to have got over what failed before it (JobTasks::Retrying).
constexpr absl::Duration kChunkPatience = absl::Seconds(20);
// One that asks the master twice has ended before.
constexpr absl::Duration kMaxWait = absl::Minutes(21);

// Makes it the working directory, and sends what is printed to its file `log`: a process that was
// used before still has those of its last attempt.
absl::Status EnterScratchDir(const std::string& dir) {
  std::fflush(stdout);
  std::fflush(stderr);
  const std::string path = dir + "/log";
  const UniqueFd log(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log || dup2(log.get(), STDOUT_FILENO) < 0 || dup2(log.get(), STDERR_FILENO) < 0) {
    return ErrnoStatus(errno, path);
  }
  return chdir(dir.c_str()) == 0 ? absl::OkStatus() : ErrnoStatus(errno, dir);
}

// When user code calls exit, the process ends there and then: destructors of statics would run
// beside threads that still use them, and might wait for ever.
void EndAtOnce(int code, void*) {
  std::fflush(stdout);
  _exit(code);
}

}  // namespace

WorkerSession::WorkerSession(UniqueFd socket, Isolation isolation)
    : pipe_(std::move(socket)), isolation_(isolation) {
  held_.Add(kClosedConnection, pipe_.fd());
  held_.WatchAborts();
  // What user code printed before it crashed should be in the log.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  pb::FromTask hello;
  hello.mutable_hello()->set_namespaces(isolation == Isolation::kNamespaces);
  pipe_.Write(hello).IgnoreError();  // a worker that is gone is noticed by the reader
  reader_ = Thread("reader", [this] { ReadMessages(); });
}

void WorkerSession::ReadMessages() {
  while (true) {
    pb::ToTask message;
    const absl::Status status = pipe_.Read(&message);
    MutexLock lock(&mutex_);
    if (!status.ok()) {
      closed_ = true;
      changed_.SignalAll();
      return;
    }
    if (message.has_start()) {
      start_ = std::make_unique<pb::ToTask::Start>(std::move(*message.mutable_start()));
      feed_ = std::make_shared<MapOutputFeed>(
          [this](uint32_t map_task, uint32_t attempt, const std::string& reason) {
            pb::FromTask report;
            report.mutable_fetch_failure()->set_map_task(map_task);
            report.mutable_fetch_failure()->set_map_attempt(attempt);
            report.mutable_fetch_failure()->set_reason(CleanLine(reason, kMaxFailureBytes));
            pipe_.Write(report).IgnoreError();
          });
      for (const pb::MapOutput& output : start_->task().map_outputs()) feed_->Add(output);
      changed_.SignalAll();
    } else if (message.has_map_outputs() && feed_ != nullptr) {
      for (const pb::MapOutput& output : message.map_outputs().outputs()) feed_->Add(output);
    }
  }
}

std::unique_ptr<pb::ToTask::Start> WorkerSession::NextStart() {
  MutexLock lock(&mutex_);
  while (start_ == nullptr && !closed_) changed_.Wait(&mutex_);
  return std::move(start_);
}

void WorkerSession::Run() {
  while (const auto start = NextStart()) {
    pb::FromTask end;
    absl::StatusOr<pb::AttemptResult> result = RunStart(*start);
    if (result.ok()) {
      *end.mutable_done() = *std::move(result);
    } else {
      LogError("attempt_failed",
               {{"attempt", FormatAttempt(start->task().id())}, {"status", result.status()}});
      if (position_ == nullptr) position_ = RecordPositionWriter::Private();
      *end.mutable_failed() = DescribeFailure(result.status(), *position_);
      // Nor is the worker to find one there.
      if (IsOfNoRecord(result.status())) position_->SetPhase(RecordPhase::kNone);
    }
    std::fflush(stdout);
    if (!pipe_.Write(end).ok()) break;
  }
  held_.EndIfCutOff();
  pipe_.Shutdown();
  reader_.Join();
}

absl::StatusOr<pb::AttemptResult> WorkerSession::RunStart(const pb::ToTask::Start& start) {
  RETURN_IF_ERROR(Prepare(start));
  TaskEnvironment environment;
  environment.plugin = plugin_.get();
  environment.scratch_dir = start.scratch_dir();
  environment.node = start.node();
  for (const pb::JobSpec::SideFile& side : start.task().job().files()) {
    environment.files[side.name()] =
        fmt::format("{}/{}/{}", start.scratch_dir(), kSideFileDir, side.name());
  }
  environment.position = position_.get();
  environment.sort_buffers = &sort_buffers_;
  environment.held = &held_;
  const auto progress = std::make_shared<TaskProgress>(environment.clock);
  environment.progress = progress.get();
  const std::unique_ptr<Storage> storage = MakeTimedStorage(storage_.get(), &progress->times);
  environment.storage = storage.get();
  std::shared_ptr<MapOutputFeed> feed;
  {
    MutexLock lock(&mutex_);
    feed = feed_;
    progress_ = progress;
  }
  StartReporting(absl::Milliseconds(start.task().job().limits().timeout_ms()), environment.clock);
  absl::StatusOr<pb::AttemptResult> result = RunAttempt(start.task(), environment, feed.get());
  EndDescendants(isolation_);
  StopReporting();
  if (result.ok()) *result->mutable_times() = progress->times.Get();
  return result;
}

absl::Status WorkerSession::Prepare(const pb::ToTask::Start& start) {
  if (storage_ == nullptr) {
    client::ClientOptions options;
    options.masters = SplitList(start.master());
    options.user = start.task().job().user();
    options.node = start.node();
    options.master_timeout = kMasterPatience;
    options.chunk_patience = kChunkPatience;
    storage_ = MakeTaskStorage(std::move(options));
  }
  RETURN_IF_ERROR(EnterScratchDir(start.scratch_dir()));
  held_.NoteIn(nullptr);
  position_.reset();
  ASSIGN_OR_RETURN(position_, RecordPositionWriter::Create(start.scratch_dir() + "/record"));
  held_.NoteIn(position_.get());
  if (plugin_ != nullptr && plugin_->path() != start.plugin_path()) {
    return InvalidArgumentError("a process works for one plugin only: {} is loaded",
                                plugin_->path());
  }
  if (plugin_ != nullptr) return absl::OkStatus();
  position_->SetPhase(RecordPhase::kCallback);  // constructors of the plugin's own statics
  ASSIGN_OR_RETURN(plugin_, Plugin::Load(start.plugin_path()));
  position_->SetPhase(RecordPhase::kNone);
  on_exit(EndAtOnce, nullptr);
  return absl::OkStatus();
}

void WorkerSession::StartReporting(absl::Duration timeout, Clock* clock) {
  {
    MutexLock lock(&mutex_);
    reporting_ = true;
  }
  reporter_ = Thread("reporter", [this, timeout, clock] { ReportProgress(timeout, clock); });
}

void WorkerSession::StopReporting() {
  {
    MutexLock lock(&mutex_);
    reporting_ = false;
    changed_.SignalAll();
  }
  reporter_.Join();
}

// The last report says what a task did that was quicker than the interval.
void WorkerSession::ReportProgress(absl::Duration timeout, Clock* clock) {
  ProgressNews news(timeout, kMaxWait);
  MutexLock lock(&mutex_);
  for (bool running = true; running;) {
    if (reporting_) changed_.WaitFor(&mutex_, kReportInterval);
    running = reporting_;
    held_.EndIfCutOff();
    pb::FromTask message;
    *message.mutable_progress() = progress_->Snapshot();
    const bool waits = progress_->times.waits();
    if (!news.IsDue(message.SerializeAsString(), waits, clock->MonotonicNow())) continue;
    pipe_.Write(message).IgnoreError();
  }
}

}  // namespace quern::mr
