#include "client/suspects.h"

namespace quern::client {

void Suspects::Add(ServerId server) {
  MutexLock lock(&mutex_);
  since_[server] = clock_->MonotonicNow();
}

bool Suspects::Contains(ServerId server) const {
  MutexLock lock(&mutex_);
  const auto found = since_.find(server);
  return found != since_.end() && clock_->MonotonicNow() - found->second < forget_after_;
}

std::vector<ServerId> Suspects::All() const {
  MutexLock lock(&mutex_);
  const absl::Time now = clock_->MonotonicNow();
  std::vector<ServerId> servers;
  for (const auto& [server, since] : since_) {
    if (now - since < forget_after_) servers.push_back(server);
  }
  return servers;
}

}  // namespace quern::client
