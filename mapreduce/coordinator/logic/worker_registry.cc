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

WorkerKey WorkerRegistry::Register(WorkerInfo info, absl::Time now) {
  const WorkerKey key = KeyOf(info.id);
  Worker& worker = workers_[key];
  worker.info = std::move(info);
  worker.state = State::kConnected;
  worker.deadline = now + options_.heartbeat_timeout;
  return key;
}

WorkerKey WorkerRegistry::Expect(std::string_view id, absl::Time now) {
  const WorkerKey key = KeyOf(id);
  workers_[key].deadline = now + options_.heartbeat_timeout;
  return key;
}

void WorkerRegistry::Heartbeat(WorkerKey key, absl::Time now) {
  Worker& worker = workers_.at(key);
  if (worker.state == State::kConnected) worker.deadline = now + options_.heartbeat_timeout;
}

void WorkerRegistry::Disconnected(WorkerKey key, absl::Time now) {
  Worker& worker = workers_.at(key);
  if (worker.state != State::kConnected) return;
  worker.state = State::kAway;
  worker.deadline = std::min(worker.deadline, now + options_.reconnect_grace);
}

std::vector<WorkerKey> WorkerRegistry::CollectLost(absl::Time now) {
  std::vector<WorkerKey> lost;
  for (auto& [key, worker] : workers_) {
    if (worker.state == State::kLost || now < worker.deadline) continue;
    worker.state = State::kLost;
    lost.push_back(key);
  }
  return lost;
}

absl::Time WorkerRegistry::NextDeadline() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [key, worker] : workers_) {
    if (worker.state != State::kLost) next = std::min(next, worker.deadline);
  }
  return next;
}

}  // namespace quern::mr
