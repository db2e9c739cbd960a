// The part of JobTracker that decides what to send, and makes the messages.
#include <algorithm>
#include <set>

#include "common/log.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/job_tracker.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

// Map outputs in one message: about 200 bytes each.
constexpr size_t kOutputsPerOrder = 2'000;
// Reduces hear of finished maps at most this often; less would be a message per map and worker.
constexpr absl::Duration kTellInterval = absl::Milliseconds(20);

}  // namespace

void JobTracker::Tick(absl::Time now) {
  for (const WorkerKey worker : registry_.CollectLost(now)) {
    const WorkerLoss loss = scheduler_.RemoveWorker(worker, now);
    LogWarning("worker_lost", {{"worker", registry_.Get(worker).info.id},
                               {"node", registry_.Get(worker).info.node},
                               {"attempts", loss.interrupted.size()},
                               {"map_outputs", loss.lost.size()}});
    JournalLoss(loss, "its worker was lost", now);
    effects_.lost_workers.push_back(worker);
  }
  Dispatch(now);
}

absl::Time JobTracker::NextWake() const {
  return std::min({registry_.NextDeadline(), scheduler_.NextWake(), next_tell_});
}

void JobTracker::Dispatch(absl::Time now) {
  // Jobs that need no more tasks give their slots back first.
  for (const JobKey key : effects_.to_finish) StopTasks(jobs_[key].get(), now);
  const Assignments assignments = scheduler_.Assign(now);
  for (const Placed& placed : assignments.preempted) {
    JournalLoss({{placed.attempt}, {}}, "its slot was needed for a map", now);
    OrderKill(placed.worker, jobs_[placed.attempt.job]->id, placed.attempt,
              "its slot is needed for a map");
  }
  for (const Placed& placed : assignments.started) Launch(placed, now);
  next_tell_ = absl::InfiniteFuture();
  for (const auto& [key, job] : jobs_) {
    if (!job->untold_outputs.empty()) TellOutputs(job.get(), now);
  }
  WriteRecords();
}

void JobTracker::Launch(const Placed& placed, absl::Time now) {
  Job* job = jobs_[placed.attempt.job].get();
  if (job->started == absl::InfiniteFuture()) job->started = now;
  v1::AttemptStarted* started = AddRecord(job->key, now)->record.mutable_started();
  *started->mutable_id() = ToProto(job->id, placed.attempt);
  started->set_worker_id(registry_.Get(placed.worker).info.id);
  started->set_locality(std::string(LocalityName(placed.locality)));
  v1::WorkerOrder order;
  *order.mutable_launch()->mutable_task() = MakeTaskSpec(*job, placed.attempt);
  std::vector<uint32_t> more;
  if (placed.attempt.kind == TaskKind::kReduce) {
    v1::TaskSpec* task = order.mutable_launch()->mutable_task();
    const uint32_t maps = static_cast<uint32_t>(job->plan.map_splits.size());
    for (uint32_t map = 0; map < maps; ++map) {
      if (scheduler_.job(job->key)->Chosen(TaskKind::kMap, map) == nullptr) continue;
      if (static_cast<size_t>(task->map_outputs_size()) < kOutputsPerOrder) {
        *task->add_map_outputs() = MakeMapOutput(*job, map);
      } else {
        more.push_back(map);
      }
    }
  }
  Order(placed.worker, std::move(order));
  SendOutputs(*job, placed.worker, more);
  Changed(job);
}

v1::TaskSpec JobTracker::MakeTaskSpec(const Job& job, const AttemptRef& attempt) const {
  v1::TaskSpec task;
  *task.mutable_id() = ToProto(job.id, attempt);
  *task.mutable_job() = job.plan.spec;
  task.set_map_tasks(static_cast<uint32_t>(job.plan.map_splits.size()));
  // The term makes it a new directory even where a power cut took the journal's last attempts.
  task.set_attempt_dir(
      fmt::format("{}/{}-{}", JobDir(job.id), FormatAttempt(task.id()), journal_->term()));
  for (const std::string& bound : job.bounds) task.add_range_bounds(bound);
  if (attempt.kind == TaskKind::kMap) *task.mutable_split() = job.plan.map_splits[attempt.task];
  if (attempt.kind == TaskKind::kSample) {
    *task.mutable_split() = job.plan.sample_splits[attempt.task];
    task.set_sample_bytes(job.plan.sample_bytes);
    task.set_sample_keys(job.plan.sample_keys);
  }
  return task;
}

v1::MapOutput JobTracker::MakeMapOutput(const Job& job, uint32_t map_task) const {
  const Attempt* chosen = scheduler_.job(job.key)->Chosen(TaskKind::kMap, map_task);
  const WorkerInfo& worker = registry_.Get(chosen->worker).info;
  const v1::AttemptResult result = job.maps.Get(map_task);
  v1::MapOutput output = result.map_output();
  output.set_map_task(map_task);
  output.set_attempt(chosen->number);
  // The worker's present address: it may have restarted on another port.
  output.set_address(worker.address);
  output.set_node(worker.node);
  return output;
}

// Tells the running reduces of a job where map outputs lie that have been made since the last time.
void JobTracker::TellOutputs(Job* job, absl::Time now) {
  const JobTasks* tasks = scheduler_.job(job->key);
  if (tasks == nullptr) return;
  const TaskCounts& maps = tasks->counts(TaskKind::kMap);
  const absl::Time due = job->told + kTellInterval;
  if (now < due && maps.done < maps.total) {
    next_tell_ = std::min(next_tell_, due);
    return;
  }
  std::set<WorkerKey> workers;
  for (const Attempt& attempt : tasks->attempts(TaskKind::kReduce)) {
    if (attempt.state == AttemptState::kRunning) workers.insert(attempt.worker);
  }
  std::vector<uint32_t> untold = std::exchange(job->untold_outputs, {});
  std::erase_if(untold, [&](uint32_t map) {  // lost again meanwhile
    return tasks->Chosen(TaskKind::kMap, map) == nullptr;
  });
  for (const WorkerKey worker : workers) SendOutputs(*job, worker, untold);
  job->told = now;
}

void JobTracker::SendOutputs(const Job& job, WorkerKey worker, const std::vector<uint32_t>& maps) {
  for (size_t begin = 0; begin < maps.size(); begin += kOutputsPerOrder) {
    v1::WorkerOrder order;
    v1::WorkerOrder::MapOutputs* outputs = order.mutable_map_outputs();
    outputs->set_job_id(job.id);
    const size_t end = std::min(begin + kOutputsPerOrder, maps.size());
    for (size_t i = begin; i < end; ++i) *outputs->add_outputs() = MakeMapOutput(job, maps[i]);
    Order(worker, std::move(order));
  }
}

void JobTracker::Order(WorkerKey worker, v1::WorkerOrder order) {
  order.set_cluster_id(journal_->cluster_id());
  order.set_term(journal_->term());
  order.set_log_index(++last_order_);
  effects_.orders.emplace_back(worker, std::move(order));
}

void JobTracker::OrderKill(WorkerKey worker, std::string_view job_id, const AttemptRef& attempt,
                           std::string_view reason) {
  v1::WorkerOrder order;
  *order.mutable_kill()->mutable_id() = ToProto(job_id, attempt);
  order.mutable_kill()->set_reason(std::string(reason));
  Order(worker, std::move(order));
}

void JobTracker::OrderForget(WorkerKey worker, std::string_view job_id) {
  v1::WorkerOrder order;
  order.mutable_forget()->set_job_id(std::string(job_id));
  Order(worker, std::move(order));
}

}  // namespace quern::mr
