#include "client/suspects.h"

namespace quern::client {

void Suspects::Add(ServerId server) {
  MutexLock lock(&mutex_);
  since_[server] = clock_->MonotonicNow();
}

bool Suspects::Contains(ServerId server) const {
  MutexLock lock(&mutex_);
  const auto found = since_.find(server);
  return found != since_.end() && IsRecent(found->second);
}

void Suspects::AddReplica(ServerId server, ChunkId chunk) {
  MutexLock lock(&mutex_);
  if (replicas_since_.size() >= kMaxReplicas) {
    std::erase_if(replicas_since_, [this](const auto& known) { return !IsRecent(known.second); });
  }
  if (replicas_since_.size() >= kMaxReplicas) replicas_since_.clear();
  replicas_since_[{server, chunk}] = clock_->MonotonicNow();
}

bool Suspects::Contains(ServerId server, ChunkId chunk) const {
  if (Contains(server)) return true;
  MutexLock lock(&mutex_);
  const auto found = replicas_since_.find({server, chunk});
  return found != replicas_since_.end() && IsRecent(found->second);
}

std::vector<ServerId> Suspects::All() const {
  MutexLock lock(&mutex_);
  std::vector<ServerId> servers;
  for (const auto& [server, since] : since_) {
    if (IsRecent(since)) servers.push_back(server);
  }
  return servers;
}

}  // namespace quern::client
