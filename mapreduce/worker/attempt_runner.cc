#include "mapreduce/worker/attempt_runner.h"

#include <filesystem>
#include <utility>

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/log.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/attempt_failure.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/report_limits.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/worker/process_tree.h"

namespace quern::mr {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);
// What one attempt may print; beyond that its log starts again from nothing.
constexpr uint64_t kMaxLogBytes = uint64_t{64} << 20;
// Of one task, all that it has started included.
constexpr size_t kMaxProcesses = 500;
// A job of commands has them in its parameters.
constexpr char kCommandParameter[] = "command.map";

// Nothing more can be skipped where that is on already, or refused.
MemoryAdvice AdviceFor(const pb::JobSpec& job) {
  const bool can_skip =
      !job.limits().skip_bad_records() && !job.params().contains(kCommandParameter);
  return can_skip ? MemoryAdvice::kRaiseLimitOrSkip : MemoryAdvice::kRaiseLimit;
}

}  // namespace

AttemptRunner::Update AttemptRunner::Run() {
  Update update = RunProcess();
  const bool ran = !dir_.empty();
  const bool blamed = update.state() == pb::ATTEMPT_STATE_FAILED && !update.failure().environment();
  if (ran && blamed && !context_->plugins->IsIntact(task_.job().plugin())) {
    update = Environment(DataLossError("the copy of the plugin on {} was damaged; it said: {}",
                                       context_->node, update.failure().message()));
  }
  if (update.state() != pb::ATTEMPT_STATE_SUCCEEDED && ran) {
    context_->scratch->Discard(dir_);
  }
  copies_.clear();
  return update;
}

AttemptRunner::Update AttemptRunner::RunProcess() {
  const absl::Status fetched = FetchCopies();
  if (const auto reason = kill_reason()) return Killed(*reason);
  if (!fetched.ok()) return NotFetched(fetched);
  // Twice at most: a process that was used before may have died while it waited.
  for (const bool fresh : {false, true}) {
    absl::StatusOr<std::unique_ptr<TaskProcess>> task = Prepare(fresh);
    if (const auto reason = kill_reason()) return Killed(*reason);
    if (!task.ok()) return NotStarted(std::string(Message(task.status())));
    const bool used = (*task)->used;
    heard_ = false;
    SetRunning(task->get());
    const std::optional<Update> end = Supervise(task->get());
    SetRunning(nullptr);
    if (end && end->state() == pb::ATTEMPT_STATE_SUCCEEDED) {
      context_->processes->Put(*std::move(task));
      return *end;
    }
    if (end) {
      (*task)->End();
      return *end;
    }
    const ExitStatus exit = (*task)->WaitForEnd();
    if (used && !heard_) continue;
    if ((*task)->greeted) return Failed(DescribeExit(exit));
    return NotStarted(fmt::format("quern-task ended with {} before it said hello: {}",
                                  exit.ToString(), Tail(dir_ + "/log", kMaxFailureBytes)));
  }
  return NotStarted("two processes ended before they said anything");
}

absl::Status AttemptRunner::FetchCopies() {
  ASSIGN_OR_RETURN(copies_.emplace_back(), context_->plugins->Get(task_.job().plugin()));
  for (const pb::JobSpec::SideFile& side : task_.job().files()) {
    if (kill_reason()) return CancelledError("it is not wanted any more");
    ASSIGN_OR_RETURN(copies_.emplace_back(), context_->plugins->Get(side.file()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<TaskProcess>> AttemptRunner::Prepare(bool fresh) {
  ASSIGN_OR_RETURN(dir_, context_->scratch->MakeAttemptDir(id()));
  RETURN_IF_ERROR(LinkSideFiles());
  RETURN_IF_ERROR(MakeLog());
  ASSIGN_OR_RETURN(std::unique_ptr<TaskProcess> task,
                   context_->processes->Get(id().job_id(), dir_, fresh));
  pb::ToTask message;
  pb::ToTask::Start* start = message.mutable_start();
  *start->mutable_task() = task_;
  start->set_plugin_path(*copies_[0]);
  start->set_scratch_dir(dir_);
  start->set_master(context_->master);
  start->set_node(context_->node);
  // Before the task hears of it: from then on it is waited for.
  last_progress_ = context_->clock->MonotonicNow();
  task->channel.Queue(message);
  return task;
}

absl::Status AttemptRunner::MakeLog() const {
  RETURN_IF_ERROR(FileSystem::Real()->Open(dir_ + "/log", {.create = true}).status());
  context_->logs->Opened(id());
  return absl::OkStatus();
}

// As links: a copy that turns out to be damaged is replaced while other tasks read it.
absl::Status AttemptRunner::LinkSideFiles() {
  if (task_.job().files().empty()) return absl::OkStatus();
  const std::string dir = fmt::format("{}/{}", dir_, kSideFileDir);
  RETURN_IF_ERROR(FileSystem::Real()->MakeDirs(dir));
  for (int i = 0; i < task_.job().files_size(); ++i) {
    const std::string& copy = *copies_[static_cast<size_t>(i) + 1];
    const std::string path = fmt::format("{}/{}", dir, task_.job().files(i).name());
    std::error_code error;
    std::filesystem::create_hard_link(copy, path, error);
    if (error) std::filesystem::copy_file(copy, path, error);  // on another disk
    if (error) return UnavailableError("{}: {}", path, error.message());
  }
  return absl::OkStatus();
}

std::optional<AttemptRunner::Update> AttemptRunner::Supervise(TaskProcess* task) {
  while (true) {
    SendOutputs(task);
    pb::FromTask message;
    const auto event = task->channel.Receive(std::min(kTick, context_->memory_interval), &message);
    if (const auto reason = kill_reason()) return Killed(*reason);
    if (!event.ok()) {
      pb::AttemptFailure failure;
      failure.set_message(std::string(Message(event.status())));
      return Failed(std::move(failure));
    }
    if (*event == TaskChannel::Event::kClosed) return std::nullopt;
    if (*event == TaskChannel::Event::kMessage && message.has_hello()) {
      task->greeted = true;
      context_->processes->NoteIsolation(message.hello().namespaces());
    } else if (*event == TaskChannel::Event::kMessage) {
      heard_ = true;
      unheard_.clear();
      if (std::optional<Update> end = OnMessage(message)) return end;
    }
    if (std::optional<Update> end = CheckLimits(task)) return end;
  }
}

std::optional<AttemptRunner::Update> AttemptRunner::OnMessage(const pb::FromTask& message) {
  switch (message.kind_case()) {
    case pb::FromTask::kProgress:
      OnProgress(message.progress());
      return std::nullopt;
    case pb::FromTask::kDone:
      return Succeeded(message.done());
    case pb::FromTask::kFailed:
      return Failed(message.failed());
    case pb::FromTask::kFetchFailure: {
      pb::WorkerMessage report;
      auto* failure = report.mutable_fetch_failure();
      *failure->mutable_reducer() = id();
      failure->set_map_task(message.fetch_failure().map_task());
      failure->set_map_attempt(message.fetch_failure().map_attempt());
      failure->set_reason(CleanLine(message.fetch_failure().reason(), kMaxFailureBytes));
      context_->report(std::move(report));
      return std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

void AttemptRunner::OnProgress(const pb::AttemptProgress& reported) {
  // The task speaks only when it gets somewhere, or waits for others.
  last_progress_ = context_->clock->MonotonicNow();
  MutexLock lock(&mutex_);
  progress_ = reported;
  LimitTexts(&progress_);
  progress_is_news_ = true;
}

std::optional<AttemptRunner::Update> AttemptRunner::TakeProgress() {
  MutexLock lock(&mutex_);
  if (!std::exchange(progress_is_news_, false)) return std::nullopt;
  Update update = UpdateOf(pb::ATTEMPT_STATE_RUNNING);
  *update.mutable_progress() = progress_;
  return update;
}

std::optional<AttemptRunner::Update> AttemptRunner::CheckLimits(TaskProcess* task) {
  const absl::Time now = context_->clock->MonotonicNow();
  if (now - last_memory_check_ < context_->memory_interval) return std::nullopt;
  last_memory_check_ = now;
  const pb::JobSpec::Limits& limits = task_.job().limits();
  pb::AttemptFailure failure;
  if (const Excess excess = ExcessOf(*task); !excess.text.empty()) {
    failure.set_message(excess.text);
    if (!excess.of_memory) return Failed(std::move(failure));
    Update update = Failed(std::move(failure));
    AddMemoryAdvice(AdviceFor(task_.job()), update.mutable_failure());
    return update;
  }
  const absl::Duration timeout = absl::Milliseconds(limits.timeout_ms());
  if (now - last_progress_ > timeout) {
    failure.set_message(fmt::format("no progress for {} (limits.timeout)", HumanDuration(timeout)));
    return Failed(std::move(failure));
  }
  const std::string log = dir_ + "/log";
  std::error_code error;
  if (std::filesystem::file_size(log, error) > kMaxLogBytes && !error) {
    std::filesystem::resize_file(log, 0, error);
  }
  return std::nullopt;
}

// What its processes take too much of.
AttemptRunner::Excess AttemptRunner::ExcessOf(const TaskProcess& task) {
  const pid_t root = task.process->pid();
  TreeUsage usage = MeasureTree(root, kMaxProcesses + 1);
  if (usage.processes > kMaxProcesses) {
    return {.text = fmt::format("more than {} processes at once", kMaxProcesses)};
  }
  const uint64_t limit = task_.job().limits().memory_bytes() + context_->memory_slack_bytes;
  const bool was_over = std::exchange(over_memory_, usage.memory_bytes > limit);
  if (!over_memory_) return {};
  if (usage.processes > 1) {
    // Between fork and exec a child's memory is its parent's: twice in a row it is its own.
    if (!was_over) return {};
    usage = MeasureTreeExactly(root, kMaxProcesses);
    if (usage.memory_bytes <= limit) return {};
  }
  return {.text = fmt::format("out of memory: it took {}, limits.memory is {}",
                              FormatBinarySize(usage.memory_bytes),
                              FormatBinarySize(task_.job().limits().memory_bytes())),
          .of_memory = true};
}

void AttemptRunner::SendOutputs(TaskProcess* task) {
  std::vector<pb::MapOutputs> outputs;
  {
    MutexLock lock(&mutex_);
    outputs.swap(outputs_);
  }
  for (pb::MapOutputs& one : outputs) {
    pb::ToTask message;
    *message.mutable_map_outputs() = std::move(one);
    task->channel.Queue(message);
    // Whether it is still there to read them is not known before it speaks.
    if (!heard_) unheard_.push_back(std::move(*message.mutable_map_outputs()));
  }
}

void AttemptRunner::SetRunning(TaskProcess* task) {
  MutexLock lock(&mutex_);
  running_ = task;
  // What the process before it was told.
  outputs_.insert(outputs_.begin(), unheard_.begin(), unheard_.end());
  unheard_.clear();
}

void AttemptRunner::Kill(std::string reason) {
  MutexLock lock(&mutex_);
  if (!kill_reason_) kill_reason_ = std::move(reason);
  if (running_ != nullptr) running_->channel.Wake();
}

void AttemptRunner::AddMapOutputs(const pb::MapOutputs& outputs) {
  MutexLock lock(&mutex_);
  outputs_.push_back(outputs);
  if (running_ != nullptr) running_->channel.Wake();
}

std::optional<std::string> AttemptRunner::kill_reason() const {
  MutexLock lock(&mutex_);
  return kill_reason_;
}

pb::AttemptProgress AttemptRunner::progress() const {
  MutexLock lock(&mutex_);
  return progress_;
}

AttemptRunner::Update AttemptRunner::Succeeded(pb::AttemptResult result) {
  if (const absl::Status status = CheckResult(result); !status.ok()) {
    pb::AttemptFailure failure;
    failure.set_message(std::string(Message(status)));
    return Failed(std::move(failure));
  }
  if (result.has_map_output()) {
    pb::MapOutput* output = result.mutable_map_output();
    output->set_map_task(id().task());
    output->set_attempt(id().attempt());
    output->set_address(context_->address);
    output->set_node(context_->node);
    output->set_data_path(fmt::format("{}/{}", dir_, kMapOutputName));
  }
  pb::WorkerMessage::HeldOutput held;
  *held.mutable_id() = id();
  *held.mutable_result() = result;
  if (const absl::Status status = context_->scratch->Hold(held, dir_); !status.ok()) {
    return Environment(status);
  }
  Update update = UpdateOf(pb::ATTEMPT_STATE_SUCCEEDED);
  *update.mutable_result() = std::move(result);
  return update;
}

AttemptRunner::Update AttemptRunner::Failed(pb::AttemptFailure failure) const {
  AddEvidence(dir_, &failure);
  LimitTexts(&failure);
  Update update = UpdateOf(pb::ATTEMPT_STATE_FAILED);
  *update.mutable_failure() = std::move(failure);
  return update;
}

AttemptRunner::Update AttemptRunner::Killed(const std::string& reason) const {
  Update update = UpdateOf(pb::ATTEMPT_STATE_KILLED);
  update.mutable_failure()->set_message(reason);
  LimitTexts(update.mutable_failure());
  return update;
}

// Something around the attempt went wrong, no code of the user's has run.
AttemptRunner::Update AttemptRunner::Environment(const absl::Status& status) const {
  Update update = UpdateOf(pb::ATTEMPT_STATE_FAILED);
  update.mutable_failure()->set_message(std::string(Message(status)));
  update.mutable_failure()->set_environment(true);
  LimitTexts(update.mutable_failure());
  return update;
}

// What a job brings and somebody has removed or replaced meanwhile does not come back: its job is
// not to wait for it, as little as for an input.
AttemptRunner::Update AttemptRunner::NotFetched(const absl::Status& status) const {
  if (PluginCache::IsOfThisMachine(status)) return NotStarted(std::string(Message(status)));
  Update update = Environment(status);
  const bool gone = absl::IsNotFound(status) || absl::IsDataLoss(status);
  update.mutable_failure()->set_environment(!gone);
  return update;
}

// This worker cannot run tasks, or could not this time.
AttemptRunner::Update AttemptRunner::NotStarted(std::string why) const {
  Update update = Environment(UnavailableError("worker {}: {}", context_->node, why));
  update.mutable_failure()->set_worker(true);
  return update;
}

AttemptRunner::Update AttemptRunner::UpdateOf(pb::AttemptState state) const {
  Update update;
  *update.mutable_id() = id();
  update.set_state(state);
  return update;
}

}  // namespace quern::mr
