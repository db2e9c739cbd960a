#include "master/logic/request_results.h"

#include <algorithm>

namespace quern::master {

bool RequestResults::Holds(uint64_t client, uint64_t request) const {
  const auto found = clients_.find(client);
  return found != clients_.end() && found->second.requests.contains(request);
}

bool RequestResults::IsStale(uint64_t client, uint64_t request) const {
  const auto found = clients_.find(client);
  return found != clients_.end() && request < found->second.lowest_outstanding &&
         !found->second.requests.contains(request);
}

RequestResults::Client& RequestResults::Touch(uint64_t client, uint64_t log_index) {
  Client& entry = clients_[client];
  by_last_index_.erase({entry.last_index, client});
  entry.last_index = std::max(entry.last_index, log_index);
  by_last_index_.insert({entry.last_index, client});
  return entry;
}

void RequestResults::Heard(uint64_t client, uint64_t lowest_outstanding, uint64_t log_index) {
  Client& entry = Touch(client, log_index);
  entry.lowest_outstanding = std::max(entry.lowest_outstanding, lowest_outstanding);
}

void RequestResults::Add(uint64_t client, uint64_t request, uint64_t log_index) {
  if (Touch(client, log_index).requests.insert(request).second) ++held_;
}

std::vector<uint64_t> RequestResults::TakeArrived(uint64_t client) {
  const auto found = clients_.find(client);
  if (found == clients_.end()) return {};
  std::set<uint64_t>& requests = found->second.requests;
  const auto end = requests.lower_bound(found->second.lowest_outstanding);
  std::vector<uint64_t> taken(requests.begin(), end);
  requests.erase(requests.begin(), end);
  held_ -= taken.size();
  return taken;
}

std::vector<std::pair<uint64_t, uint64_t>> RequestResults::TakeOverLimit() {
  std::vector<std::pair<uint64_t, uint64_t>> taken;
  while (held_ > max_held_ || clients_.size() > max_held_) {
    const uint64_t client = by_last_index_.begin()->second;
    const std::set<uint64_t>& requests = clients_[client].requests;
    for (const uint64_t request : requests) taken.emplace_back(client, request);
    held_ -= requests.size();
    by_last_index_.erase(by_last_index_.begin());
    clients_.erase(client);
  }
  return taken;
}

absl::Status RequestResults::Validate() const {
  size_t held = 0;
  for (const auto& [id, client] : clients_) {
    if (!by_last_index_.contains({client.last_index, id})) {
      return InternalError("client {} is not in the order", id);
    }
    held += client.requests.size();
  }
  if (held != held_) return InternalError("{} answers held, {} counted", held, held_);
  if (by_last_index_.size() != clients_.size()) return InternalError("the order has strangers");
  return absl::OkStatus();
}

}  // namespace quern::master
