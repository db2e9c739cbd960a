#include "mapreduce/worker/worker.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/log.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

// The clock cannot add up infinite waits.
constexpr absl::Duration kLongestWait = absl::Hours(1);

pb::WorkerMessage MessageOf(const pb::WorkerMessage::AttemptUpdate& update) {
  pb::WorkerMessage message;
  *message.mutable_update() = update;
  return message;
}

}  // namespace

Worker::Worker(const AttemptContext* context)
    : context_(context), housekeeper_("housekeeping", [this] { KeepHouse(); }) {}

void Worker::OnOrder(const pb::WorkerOrder& order) {
  JoinEnded();
  {
    MutexLock lock(&mutex_);
    last_order_ = order.log_index();
  }
  switch (order.kind_case()) {
    case pb::WorkerOrder::kBriefing: {
      MutexLock lock(&mutex_);
      briefings_[order.briefing().job_id()] = order.briefing();
      break;
    }
    case pb::WorkerOrder::kLaunch:
      Launch(order.launch().task());
      break;
    case pb::WorkerOrder::kKill:
      Kill(order.kill().id(), order.kill().reason());
      break;
    case pb::WorkerOrder::kOutputDelta:
      OnOutputs(order.output_delta(), order.term());
      break;
    case pb::WorkerOrder::kForget:
      Forget(order.forget().job_id());
      break;
    default:
      LogWarning("unknown_order", {{"log_index", order.log_index()}});
  }
}

void Worker::AddBriefing(pb::TaskSpec* task) {
  const auto briefing = briefings_.find(task->id().job_id());
  if (briefing == briefings_.end()) return;
  *task->mutable_job() = briefing->second.job();
  task->set_map_tasks(briefing->second.map_tasks());
  if (task->id().kind() != pb::TASK_KIND_MAP) return;
  *task->mutable_range_bounds() = briefing->second.range_bounds();
}

void Worker::Launch(pb::TaskSpec task) {
  if (!IsJobId(task.id().job_id())) return;
  {
    MutexLock lock(&mutex_);
    AddBriefing(&task);
  }
  const std::string key = AttemptKey(task.id());
  const std::optional<pb::WorkerMessage::HeldOutput> held = context_->scratch->FindHeld(task.id());
  auto attempt = std::make_shared<AttemptRunner>(task, context_);
  MutexLock lock(&mutex_);
  if (stopping_ || running_.contains(key) || threads_.contains(key)) return;
  if (held) {  // whoever asks for it has not heard that it is done
    pb::WorkerMessage::AttemptUpdate update;
    *update.mutable_id() = held->id();
    update.set_state(pb::ATTEMPT_STATE_SUCCEEDED);
    *update.mutable_result() = held->result();
    reports_.Add(update, context_->clock->MonotonicNow());
    context_->report(MessageOf(update));
    return;
  }
  running_[key] = attempt;
  context_->logs->Started(task.id());
  if (task.id().kind() == pb::TASK_KIND_REDUCE) {
    for (const auto& known : outputs_.Known(task.id().job_id())) attempt->AddMapOutputs(known);
    AskForOutputs(task.id().job_id());
  }
  threads_[key] = Thread("attempt", [this, attempt] { Run(attempt); });
}

void Worker::OnOutputs(const pb::WorkerOrder::OutputDelta& delta, uint64_t term) {
  MutexLock lock(&mutex_);
  for (const auto& added : outputs_.Apply(delta, term)) {
    for (const auto& [key, attempt] : running_) {
      if (attempt->id().kind() == pb::TASK_KIND_REDUCE &&
          attempt->id().job_id() == delta.job_id()) {
        attempt->AddMapOutputs(added);
      }
    }
  }
  if (Reduces(delta.job_id())) AskForOutputs(delta.job_id());
}

bool Worker::Reduces(const std::string& job_id) const {
  return std::any_of(running_.begin(), running_.end(), [&](const auto& entry) {
    const pb::AttemptId& id = entry.second->id();
    return id.kind() == pb::TASK_KIND_REDUCE && id.job_id() == job_id;
  });
}

void Worker::AskForOutputs(const std::string& job_id) {
  const auto want = outputs_.Ask(job_id);
  if (!want) return;
  pb::WorkerMessage message;
  *message.mutable_want_outputs() = *want;
  context_->report(std::move(message));
}

bool Worker::OnAdmitted(const std::string& cluster_id) {
  if (AdoptCluster(cluster_id)) return true;
  MutexLock lock(&mutex_);
  outputs_.StartSession();
  std::set<std::string> jobs;
  for (const auto& [key, attempt] : running_) jobs.insert(attempt->id().job_id());
  for (const std::string& job : jobs) {
    if (Reduces(job)) AskForOutputs(job);
  }
  return false;
}

bool Worker::AdoptCluster(const std::string& cluster_id) {
  const absl::StatusOr<bool> same = context_->scratch->BelongsTo(cluster_id);
  if (!same.ok()) LogError("scratch_failed", {{"status", same.status()}});
  if (!same.ok() || *same) return false;
  Abandon("its coordinator is gone for good");
  const absl::Status dropped = context_->scratch->StartOver(cluster_id);
  if (!dropped.ok()) LogError("scratch_failed", {{"status", dropped}});
  return true;
}

// Names of jobs begin anew in another cluster: whatever was left of one would be taken for another.
void Worker::Abandon(const std::string& reason) {
  KillAll(reason);
  {
    MutexLock lock(&mutex_);
    // At the end of the worker nobody removes jobs any more.
    while (!running_.empty() || !(to_forget_.empty() || stopping_)) changed_.Wait(&mutex_);
    reports_ = {};
    outputs_ = {};
    briefings_.clear();
  }
  context_->processes->EndIdle();
}

void Worker::Run(const std::shared_ptr<AttemptRunner>& attempt) {
  pb::WorkerMessage::AttemptUpdate update = attempt->Run();
  context_->logs->Ended(attempt->id());
  LogInfo("attempt_ended", {{"job", attempt->id().job_id()},
                            {"attempt", FormatAttempt(attempt->id())},
                            {"state", pb::AttemptState_Name(update.state())},
                            {"cause", update.failure().message()}});
  const std::string key = AttemptKey(attempt->id());
  MutexLock lock(&mutex_);
  NoteHealth(update);
  // How far it came, also where it was quicker than a heartbeat.
  if (const auto progress = attempt->TakeProgress()) context_->report(MessageOf(*progress));
  // In one step, so that at any moment an attempt runs, or its end is known to the next
  // registration and on its way in this session.
  running_.erase(key);
  reports_.Add(update, context_->clock->MonotonicNow());
  context_->report(MessageOf(update));
  to_join_.push_back(key);
  changed_.SignalAll();
}

void Worker::NoteHealth(const pb::WorkerMessage::AttemptUpdate& update) {
  if (update.failure().worker()) {
    health_.CouldNotStart(update.failure().message(), context_->clock->MonotonicNow());
  } else if (update.state() == pb::ATTEMPT_STATE_SUCCEEDED ||
             (update.state() == pb::ATTEMPT_STATE_FAILED && !update.failure().environment())) {
    health_.Started();
  }
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

void Worker::Kill(const pb::AttemptId& id, const std::string& reason) {
  MutexLock lock(&mutex_);
  const auto it = running_.find(AttemptKey(id));
  if (it != running_.end()) it->second->Kill(reason);
}

void Worker::Forget(const std::string& job_id) {
  if (!IsJobId(job_id)) return;
  context_->scratch->ForgetJob(job_id);
  MutexLock lock(&mutex_);
  reports_.ForgetJob(job_id);
  outputs_.ForgetJob(job_id);
  briefings_.erase(job_id);
  for (const auto& [key, attempt] : running_) {
    if (attempt->id().job_id() == job_id) attempt->Kill("its job is over");
  }
  to_forget_.insert(job_id);
  changed_.SignalAll();
}

void Worker::OnAcknowledged(const pb::CoordinatorMessage::Acknowledged& acknowledged) {
  MutexLock lock(&mutex_);
  for (const pb::AttemptId& id : acknowledged.ids()) reports_.Acknowledge(id);
}

void Worker::FillRegister(pb::WorkerMessage::Register* message) {
  MutexLock lock(&mutex_);
  last_order_ = 0;
  std::set<std::string> ended;  // some that count as running still
  for (pb::WorkerMessage::HeldOutput& held : context_->scratch->Held()) {
    pb::MapOutput* output = held.mutable_result()->mutable_map_output();
    // The port may be another one than before a restart.
    if (!output->data_path().empty()) output->set_address(context_->address);
    ended.insert(AttemptKey(held.id()));
    *message->add_held() = std::move(held);
  }
  for (const auto& [key, attempt] : running_) {
    if (!ended.contains(key)) *message->add_running() = attempt->id();
  }
  for (auto& update : reports_.Unsuccessful(context_->clock->MonotonicNow())) {
    *message->add_ended() = std::move(update);
  }
  message->set_unhealthy(health_.unhealthy());
  message->set_cluster_id(context_->scratch->cluster_id());
}

void Worker::FillHeartbeat(pb::WorkerMessage::Heartbeat* message) {
  MutexLock lock(&mutex_);
  for (const auto& [key, attempt] : running_) {
    *message->add_running() = attempt->id();
    if (auto progress = attempt->TakeProgress()) *message->add_progress() = *std::move(progress);
  }
  message->set_last_order(last_order_);
  message->set_unhealthy(health_.unhealthy());
}

std::vector<pb::WorkerMessage> Worker::TakeLateReports() {
  std::vector<pb::WorkerMessage> messages;
  MutexLock lock(&mutex_);
  for (const auto& update : reports_.TakeDue(context_->clock->MonotonicNow())) {
    messages.push_back(MessageOf(update));
  }
  return messages;
}

void Worker::KillAll(const std::string& reason) {
  MutexLock lock(&mutex_);
  for (const auto& [key, attempt] : running_) attempt->Kill(reason);
}

void Worker::Shutdown() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  KillAll("the worker is stopping");
  {
    MutexLock lock(&mutex_);
    while (!running_.empty()) changed_.Wait(&mutex_);
  }
  JoinEnded();
  housekeeper_.Join();
}

std::vector<Worker::RunningAttempt> Worker::Running() const {
  std::vector<RunningAttempt> all;
  MutexLock lock(&mutex_);
  for (const auto& [key, attempt] : running_) all.push_back({attempt->id(), attempt->progress()});
  return all;
}

std::string Worker::unhealthy() const {
  MutexLock lock(&mutex_);
  return health_.unhealthy();
}

void Worker::KeepHouse() {
  MutexLock lock(&mutex_);
  while (!stopping_) {
    const absl::Duration wait = health_.next_probe() - context_->clock->MonotonicNow();
    const std::string job = NextToForget();
    if (job.empty() && wait > absl::ZeroDuration()) {
      changed_.WaitFor(&mutex_, std::min(wait, kLongestWait));
      continue;
    }
    mutex_.Unlock();
    if (job.empty()) {
      Probe();
    } else {
      context_->processes->ForgetJob(job);
      context_->scratch->RemoveJob(job);
    }
    mutex_.Lock();
    if (job.empty()) continue;
    reports_.ForgetJob(job);
    to_forget_.erase(job);
    changed_.SignalAll();
  }
}

std::string Worker::NextToForget() const {
  for (const std::string& job : to_forget_) {
    const bool runs = std::any_of(running_.begin(), running_.end(), [&](const auto& entry) {
      return entry.second->id().job_id() == job;
    });
    if (!runs) return job;
  }
  return "";
}

void Worker::Probe() {
  const absl::Status status = context_->processes->Probe(context_->scratch->main_dir());
  LogInfo("probed_task_process", {{"status", status}});
  MutexLock lock(&mutex_);
  if (status.ok()) {
    health_.Started();
  } else {
    health_.CouldNotStart(std::string(Message(status)), context_->clock->MonotonicNow());
  }
}

}  // namespace quern::mr
