#include "mapreduce/coordinator/logic/running_attempts.h"

namespace quern::mr {

RunningAttempts::State* RunningAttempts::Find(const AttemptRef& attempt, WorkerKey worker) {
  return const_cast<State*>(std::as_const(*this).Find(attempt, worker));
}

const RunningAttempts::State* RunningAttempts::Find(const AttemptRef& attempt,
                                                    WorkerKey worker) const {
  const auto on = by_worker_.find(worker);
  if (on == by_worker_.end()) return nullptr;
  const auto it = on->second.find(attempt);
  return it == on->second.end() ? nullptr : &it->second;
}

void RunningAttempts::Add(const AttemptRef& attempt, WorkerKey worker) {
  by_worker_[worker][attempt];
}

void RunningAttempts::Remove(const AttemptRef& attempt, WorkerKey worker) {
  State* state = Find(attempt, worker);
  if (state == nullptr) return;
  SetDeadline(attempt, worker, state, absl::InfiniteFuture());
  by_worker_[worker].erase(attempt);
}

void RunningAttempts::SetDeadline(const AttemptRef& attempt, WorkerKey worker, State* state,
                                  absl::Time deadline) {
  deadlines_.erase({state->deadline, attempt, worker});
  state->deadline = deadline;
  if (deadline != absl::InfiniteFuture()) deadlines_.insert({deadline, attempt, worker});
}

void RunningAttempts::Launched(const AttemptRef& attempt, WorkerKey worker, uint64_t order,
                               absl::Duration timeout, absl::Time now) {
  State* state = Find(attempt, worker);
  if (state == nullptr) return;
  state->order = order;
  state->timeout = timeout;
  SetDeadline(attempt, worker, state, now + timeout);
}

void RunningAttempts::Heard(const AttemptRef& attempt, WorkerKey worker, absl::Time now) {
  State* state = Find(attempt, worker);
  if (state != nullptr) SetDeadline(attempt, worker, state, now + state->timeout);
}

bool RunningAttempts::IsConfirmed(const AttemptRef& attempt, WorkerKey worker) const {
  const State* state = Find(attempt, worker);
  return state != nullptr && state->order != kUnconfirmed;
}

uint32_t RunningAttempts::count(WorkerKey worker) const {
  const auto it = by_worker_.find(worker);
  return it == by_worker_.end() ? 0 : static_cast<uint32_t>(it->second.size());
}

std::vector<AttemptRef> RunningAttempts::On(WorkerKey worker) const {
  std::vector<AttemptRef> all;
  const auto it = by_worker_.find(worker);
  if (it == by_worker_.end()) return all;
  for (const auto& [attempt, state] : it->second) all.push_back(attempt);
  return all;
}

std::vector<AttemptRef> RunningAttempts::Missing(WorkerKey worker,
                                                 const std::set<AttemptRef>& listed,
                                                 uint64_t last_order) const {
  std::vector<AttemptRef> missing;
  const auto it = by_worker_.find(worker);
  if (it == by_worker_.end()) return missing;
  for (const auto& [attempt, state] : it->second) {
    if (state.order <= last_order && !listed.contains(attempt)) missing.push_back(attempt);
  }
  return missing;
}

std::vector<std::pair<AttemptRef, WorkerKey>> RunningAttempts::Silent(absl::Time now) const {
  std::vector<std::pair<AttemptRef, WorkerKey>> silent;
  for (const auto& [deadline, attempt, worker] : deadlines_) {
    if (deadline > now) break;
    silent.emplace_back(attempt, worker);
  }
  return silent;
}

}  // namespace quern::mr
