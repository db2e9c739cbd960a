#include "mapreduce/worker/attempt_runner.h"

#include <filesystem>
#include <utility>

#include "common/cli/cli.h"
#include "common/log.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/worker/attempt_failure.h"

namespace quern::mr {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);
// What one attempt may print; beyond that its log starts again from nothing.
constexpr uint64_t kMaxLogBytes = uint64_t{64} << 20;
// Keys of a sample travel in one message: more than this are thinned out evenly.
constexpr size_t kMaxSampleBytes = size_t{4} << 20;

void ThinSample(v1::AttemptResult* result) {
  size_t bytes = 0;
  for (const std::string& key : result->sample_keys()) bytes += key.size() + 4;
  if (bytes <= kMaxSampleBytes) return;
  const size_t step = bytes / kMaxSampleBytes + 1;
  google::protobuf::RepeatedPtrField<std::string> kept;
  for (int i = 0; i < result->sample_keys_size(); i += static_cast<int>(step)) {
    *kept.Add() = std::move(*result->mutable_sample_keys(i));
  }
  result->mutable_sample_keys()->Swap(&kept);
}

}  // namespace

AttemptRunner::Update AttemptRunner::Run() {
  Update update;
  // Twice at most: a process that was used before may have died while it waited.
  for (const bool fresh : {false, true}) {
    absl::StatusOr<std::unique_ptr<TaskProcess>> task = Prepare(fresh);
    if (!task.ok()) {
      update = kill_reason() ? Killed(*kill_reason()) : Environment(task.status());
      break;
    }
    const bool used = (*task)->used;
    heard_ = false;
    std::optional<Update> end = Supervise(task->get());
    Interrupt(nullptr);
    if (end && end->state() == v1::ATTEMPT_STATE_SUCCEEDED) {
      context_->processes->Put(*std::move(task));
    }
    if (!end && used && !heard_) continue;
    if (!end) {
      (*task)->process->KillGroup(SIGKILL);
      end = Failed(DescribeExit((*task)->process->Wait()), dir_);
    }
    update = *std::move(end);
    break;
  }
  if (update.state() != v1::ATTEMPT_STATE_SUCCEEDED && !dir_.empty()) {
    context_->scratch->Discard(dir_);
  }
  v1::WorkerMessage message;
  *message.mutable_update() = update;
  context_->report(std::move(message));
  return update;
}

absl::StatusOr<std::unique_ptr<TaskProcess>> AttemptRunner::Prepare(bool fresh) {
  ASSIGN_OR_RETURN(const std::string plugin, context_->plugins->Get(task_.job().plugin()));
  ASSIGN_OR_RETURN(dir_, context_->scratch->MakeAttemptDir(id()));
  ASSIGN_OR_RETURN(std::unique_ptr<TaskProcess> task,
                   context_->processes->Get(id().job_id(), dir_, fresh));
  v1::ToTask message;
  v1::ToTask::Start* start = message.mutable_start();
  *start->mutable_task() = task_;
  start->set_plugin_path(plugin);
  start->set_scratch_dir(dir_);
  start->set_master(context_->master);
  start->set_node(context_->node);
  task->channel.Queue(message);
  last_progress_ = context_->clock->MonotonicNow();
  MutexLock lock(&mutex_);
  if (kill_reason_) return CancelledError("{}", *kill_reason_);
  running_ = task.get();
  return task;
}

std::optional<AttemptRunner::Update> AttemptRunner::Supervise(TaskProcess* task) {
  while (true) {
    SendOutputs(task);
    v1::FromTask message;
    const auto event = task->channel.Receive(std::min(kTick, context_->memory_interval), &message);
    if (const auto reason = kill_reason()) {
      task->process->KillGroup(SIGKILL);
      return Killed(*reason);
    }
    if (!event.ok()) {
      task->process->KillGroup(SIGKILL);
      v1::AttemptFailure failure;
      failure.set_message(std::string(Message(event.status())));
      return Failed(std::move(failure), dir_);
    }
    if (*event == TaskChannel::Event::kClosed) return std::nullopt;
    if (*event == TaskChannel::Event::kMessage) {
      heard_ = true;
      if (std::optional<Update> end = OnMessage(message)) return end;
    }
    if (std::optional<Update> end = CheckLimits(task)) {
      task->process->KillGroup(SIGKILL);
      return end;
    }
  }
}

std::optional<AttemptRunner::Update> AttemptRunner::OnMessage(const v1::FromTask& message) {
  switch (message.kind_case()) {
    case v1::FromTask::kProgress:
      OnProgress(message.progress());
      return std::nullopt;
    case v1::FromTask::kDone:
      return Succeeded(message.done());
    case v1::FromTask::kFailed:
      return Failed(message.failed(), dir_);
    case v1::FromTask::kFetchFailure: {
      v1::WorkerMessage report;
      auto* failure = report.mutable_fetch_failure();
      *failure->mutable_reducer() = id();
      failure->set_map_task(message.fetch_failure().map_task());
      failure->set_map_attempt(message.fetch_failure().map_attempt());
      failure->set_reason(message.fetch_failure().reason());
      context_->report(std::move(report));
      return std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

void AttemptRunner::OnProgress(const v1::AttemptProgress& progress) {
  // The task speaks only when it gets on, or waits for others.
  last_progress_ = context_->clock->MonotonicNow();
  {
    MutexLock lock(&mutex_);
    if (progress.SerializeAsString() == progress_.SerializeAsString()) return;
    progress_ = progress;
  }
  v1::WorkerMessage message;
  *message.mutable_update() = Ended(v1::ATTEMPT_STATE_RUNNING);
  *message.mutable_update()->mutable_progress() = progress;
  context_->report(std::move(message));
}

std::optional<AttemptRunner::Update> AttemptRunner::CheckLimits(TaskProcess* task) {
  const absl::Time now = context_->clock->MonotonicNow();
  if (now - last_memory_check_ < context_->memory_interval) return std::nullopt;
  last_memory_check_ = now;
  const v1::JobSpec::Limits& limits = task_.job().limits();
  v1::AttemptFailure failure;
  const uint64_t used = AnonymousMemory(task->process->pid());
  if (used > limits.memory_bytes() + context_->memory_slack_bytes) {
    failure.set_message(fmt::format("out of memory: it took {}, limits.memory is {}",
                                    FormatBinarySize(used),
                                    FormatBinarySize(limits.memory_bytes())));
    return Failed(std::move(failure), dir_);
  }
  const absl::Duration timeout = absl::Milliseconds(limits.timeout_ms());
  if (now - last_progress_ > timeout) {
    failure.set_message(fmt::format("no progress for {} (limits.timeout)", HumanDuration(timeout)));
    return Failed(std::move(failure), dir_);
  }
  const std::string log = dir_ + "/log";
  std::error_code error;
  if (std::filesystem::file_size(log, error) > kMaxLogBytes && !error) {
    std::filesystem::resize_file(log, 0, error);
  }
  return std::nullopt;
}

void AttemptRunner::SendOutputs(TaskProcess* task) {
  std::vector<v1::WorkerOrder::MapOutputs> outputs;
  {
    MutexLock lock(&mutex_);
    outputs.swap(outputs_);
  }
  for (v1::WorkerOrder::MapOutputs& one : outputs) {
    v1::ToTask message;
    *message.mutable_map_outputs() = std::move(one);
    task->channel.Queue(message);
  }
}

// From here on Kill and AddMapOutputs wake nobody.
void AttemptRunner::Interrupt(TaskProcess* task) {
  MutexLock lock(&mutex_);
  running_ = task;
}

void AttemptRunner::Kill(std::string reason) {
  MutexLock lock(&mutex_);
  if (!kill_reason_) kill_reason_ = std::move(reason);
  if (running_ != nullptr) running_->channel.Wake();
}

void AttemptRunner::AddMapOutputs(const v1::WorkerOrder::MapOutputs& outputs) {
  MutexLock lock(&mutex_);
  outputs_.push_back(outputs);
  if (running_ != nullptr) running_->channel.Wake();
}

std::optional<std::string> AttemptRunner::kill_reason() const {
  MutexLock lock(&mutex_);
  return kill_reason_;
}

v1::AttemptProgress AttemptRunner::progress() const {
  MutexLock lock(&mutex_);
  return progress_;
}

AttemptRunner::Update AttemptRunner::Succeeded(v1::AttemptResult result) {
  ThinSample(&result);
  if (result.has_map_output()) {
    v1::MapOutput* output = result.mutable_map_output();
    output->set_map_task(id().task());
    output->set_attempt(id().attempt());
    output->set_address(context_->address);
    output->set_node(context_->node);
    output->set_data_path(fmt::format("{}/{}", dir_, kMapOutputName));
  }
  v1::WorkerMessage::HeldOutput held;
  *held.mutable_id() = id();
  *held.mutable_result() = result;
  if (const absl::Status status = context_->scratch->Hold(held, dir_); !status.ok()) {
    return Environment(status);
  }
  Update update = Ended(v1::ATTEMPT_STATE_SUCCEEDED);
  *update.mutable_result() = std::move(result);
  return update;
}

AttemptRunner::Update AttemptRunner::Failed(v1::AttemptFailure failure,
                                            const std::string& dir) const {
  AddEvidence(dir, &failure);
  Update update = Ended(v1::ATTEMPT_STATE_FAILED);
  *update.mutable_failure() = std::move(failure);
  return update;
}

AttemptRunner::Update AttemptRunner::Killed(const std::string& reason) const {
  Update update = Ended(v1::ATTEMPT_STATE_KILLED);
  update.mutable_failure()->set_message(reason);
  return update;
}

// Something around the attempt went wrong, no code of the user's has run.
AttemptRunner::Update AttemptRunner::Environment(const absl::Status& status) const {
  Update update = Ended(v1::ATTEMPT_STATE_FAILED);
  update.mutable_failure()->set_message(std::string(Message(status)));
  update.mutable_failure()->set_environment(true);
  return update;
}

AttemptRunner::Update AttemptRunner::Ended(v1::AttemptState state) const {
  Update update;
  *update.mutable_id() = id();
  update.set_state(state);
  return update;
}

}  // namespace quern::mr
