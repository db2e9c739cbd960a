#include "mapreduce/coordinator/logic/worker_registry.h"

#include <algorithm>
#include <utility>

namespace quern::mr {

WorkerKey WorkerRegistry::KeyOf(std::string_view id) {
  const auto it = keys_.find(id);
  if (it != keys_.end()) return it->second;
  const WorkerKey key(static_cast<uint32_t>(workers_.size() + 1));
  keys_.emplace(std::string(id), key);
  workers_[key].info.id = id;
  return key;
}

void WorkerRegistry::SetDeadline(WorkerKey key, absl::Time deadline) {
  Worker& worker = workers_.at(key);
  deadlines_.erase({worker.deadline, key});
  worker.deadline = deadline;
  if (worker.state != State::kLost) deadlines_.insert({deadline, key});
}

WorkerKey WorkerRegistry::Register(WorkerInfo info, absl::Time now) {
  const WorkerKey key = KeyOf(info.id);
  Worker& worker = workers_[key];
  worker.info = std::move(info);
  worker.state = State::kConnected;
  SetDeadline(key, now + options_.heartbeat_timeout);
  return key;
}

WorkerKey WorkerRegistry::Expect(std::string_view id, absl::Time now) {
  const WorkerKey key = KeyOf(id);
  SetDeadline(key, now + options_.heartbeat_timeout);
  return key;
}

void WorkerRegistry::AwaitAll(absl::Time now) {
  for (const auto& [key, worker] : workers_) {
    if (worker.state == State::kAway) SetDeadline(key, now + options_.heartbeat_timeout);
  }
}

void WorkerRegistry::Heartbeat(WorkerKey key, absl::Time now) {
  if (workers_.at(key).state == State::kConnected) {
    SetDeadline(key, now + options_.heartbeat_timeout);
  }
}

void WorkerRegistry::Disconnected(WorkerKey key, absl::Time now) {
  Worker& worker = workers_.at(key);
  if (worker.state != State::kConnected) return;
  worker.state = State::kAway;
  SetDeadline(key, std::min(worker.deadline, now + options_.reconnect_grace));
}

std::vector<WorkerKey> WorkerRegistry::CollectLost(absl::Time now) {
  std::vector<WorkerKey> lost;
  while (NextDeadline() <= now) {
    lost.push_back(deadlines_.begin()->second);
    deadlines_.erase(deadlines_.begin());
    workers_.at(lost.back()).state = State::kLost;
  }
  return lost;
}

}  // namespace quern::mr
