#include "mapreduce/worker/worker.h"

#include <utility>

#include "common/log.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

std::string KeyOf(const v1::AttemptId& id) {
  return fmt::format("{} {}", id.job_id(), FormatAttempt(id));
}

}  // namespace

void Worker::OnOrder(const v1::WorkerOrder& order) {
  JoinEnded();
  switch (order.kind_case()) {
    case v1::WorkerOrder::kLaunch:
      Launch(order.launch().task());
      break;
    case v1::WorkerOrder::kKill:
      Kill(order.kill().id(), order.kill().reason());
      break;
    case v1::WorkerOrder::kMapOutputs: {
      MutexLock lock(&mutex_);
      for (const auto& [key, attempt] : running_) {
        if (attempt->id().kind() == v1::TASK_KIND_REDUCE &&
            attempt->id().job_id() == order.map_outputs().job_id()) {
          attempt->AddMapOutputs(order.map_outputs());
        }
      }
      break;
    }
    case v1::WorkerOrder::kForget:
      Forget(order.forget().job_id());
      break;
    default:
      LogWarning("unknown_order", {{"log_index", order.log_index()}});
  }
}

void Worker::Launch(const v1::TaskSpec& task) {
  const std::string key = KeyOf(task.id());
  if (!IsJobId(task.id().job_id()) || context_->scratch->Holds(task.id())) return;
  auto attempt = std::make_shared<AttemptRunner>(task, context_);
  MutexLock lock(&mutex_);
  if (stopping_ || running_.contains(key) || threads_.contains(key)) return;
  running_[key] = attempt;
  threads_[key] = Thread("attempt", [this, attempt] { Run(attempt); });
}

void Worker::Run(const std::shared_ptr<AttemptRunner>& attempt) {
  v1::WorkerMessage::AttemptUpdate update = attempt->Run();
  const std::string key = KeyOf(attempt->id());
  LogInfo("attempt_ended", {{"job", attempt->id().job_id()},
                            {"attempt", FormatAttempt(attempt->id())},
                            {"state", v1::AttemptState_Name(update.state())},
                            {"cause", update.failure().message()}});
  MutexLock lock(&mutex_);
  running_.erase(key);
  to_join_.push_back(key);
  if (update.state() != v1::ATTEMPT_STATE_SUCCEEDED) {
    ended_[attempt->id().job_id()].push_back(std::move(update));
  }
  idle_.SignalAll();
}

// Threads cannot join themselves: those of ended attempts are joined at the next order.
void Worker::JoinEnded() {
  std::vector<Thread> ended;
  MutexLock lock(&mutex_);
  for (const std::string& key : std::exchange(to_join_, {})) {
    ended.push_back(std::move(threads_[key]));
    threads_.erase(key);
  }
  // Their last step was to leave the lock that is held here: they are as good as gone.
}

void Worker::Kill(const v1::AttemptId& id, const std::string& reason) {
  MutexLock lock(&mutex_);
  const auto it = running_.find(KeyOf(id));
  if (it != running_.end()) it->second->Kill(reason);
}

void Worker::Forget(const std::string& job_id) {
  {
    MutexLock lock(&mutex_);
    ended_.erase(job_id);
    for (const auto& [key, attempt] : running_) {
      if (attempt->id().job_id() == job_id) attempt->Kill("its job is over");
    }
  }
  context_->processes->ForgetJob(job_id);
  context_->scratch->ForgetJob(job_id);
}

void Worker::FillRegister(v1::WorkerMessage::Register* message) const {
  // Attempts move from running to held or ended: read in that order, none is missed.
  {
    MutexLock lock(&mutex_);
    for (const auto& [key, attempt] : running_) *message->add_running() = attempt->id();
    for (const auto& [job, updates] : ended_) {
      for (const auto& update : updates) *message->add_ended() = update;
    }
  }
  for (v1::WorkerMessage::HeldOutput& held : context_->scratch->Held()) {
    *message->add_held() = std::move(held);
    v1::MapOutput* output =
        message->mutable_held(message->held_size() - 1)->mutable_result()->mutable_map_output();
    // The port may be another one than before a restart.
    if (!output->data_path().empty()) output->set_address(context_->address);
  }
}

void Worker::KillAll(const std::string& reason) {
  MutexLock lock(&mutex_);
  for (const auto& [key, attempt] : running_) attempt->Kill(reason);
}

void Worker::Shutdown() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  KillAll("the worker is stopping");
  {
    MutexLock lock(&mutex_);
    while (!running_.empty()) idle_.Wait(&mutex_);
  }
  JoinEnded();
}

std::vector<Worker::RunningAttempt> Worker::Running() const {
  std::vector<RunningAttempt> all;
  MutexLock lock(&mutex_);
  for (const auto& [key, attempt] : running_) all.push_back({attempt->id(), attempt->progress()});
  return all;
}

}  // namespace quern::mr
