// Which answers to mutating requests are held for retries, and which may go.
//
// The answers themselves are durable rows; this is their index in memory, rebuilt from them at a
// start. An answer is forgotten when its client has said that the answer arrived (its lowest
// outstanding id has passed), never by a clock. Clients that ended without saying so are bounded by
// number: beyond the limit, the answers of the client that has been silent for most records go
// first. Not thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "common/status.h"

namespace quern::master {

class RequestResults {
 public:
  explicit RequestResults(size_t max_held) : max_held_(max_held) {}

  // True when the answer to this request is held.
  bool Holds(uint64_t client, uint64_t request) const;
  // The record at `log_index` carries the answer to this request.
  void Add(uint64_t client, uint64_t request, uint64_t log_index);
  // Stops holding the client's answers below `lowest_outstanding`; returns their ids, in order.
  std::vector<uint64_t> TakeBelow(uint64_t client, uint64_t lowest_outstanding);
  // Stops holding answers of silent clients until the limit is kept; returns (client, request).
  std::vector<std::pair<uint64_t, uint64_t>> TakeOverLimit();

  size_t held() const { return held_; }
  // Internal: what is wrong. For tests.
  absl::Status Validate() const;

 private:
  struct Client {
    std::set<uint64_t> requests;
    uint64_t last_index = 0;
  };
  void Erase(uint64_t client);

  const size_t max_held_;
  absl::flat_hash_map<uint64_t, Client> clients_;
  std::set<std::pair<uint64_t, uint64_t>> by_last_index_;  // (last_index, client)
  size_t held_ = 0;
};

}  // namespace quern::master
