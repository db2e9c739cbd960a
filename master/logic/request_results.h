// Which answers to mutating requests are held for retries, which may go, and which requests come
// too late to be decided at all.
//
// The answers themselves are durable rows; this is their index in memory, rebuilt from them at a
// start. An answer is forgotten when its client has said that the answer arrived (its lowest
// outstanding id has passed), never by a clock; from then on that request is stale: a duplicate
// that was long on its way must not be taken for a new one. Each row carries the lowest outstanding
// id of its time, so that a restart knows it too. Clients that ended without saying so are bounded
// by number: beyond the limit, the client that has been silent for most records goes first, with
// everything that is known of it. Not thread-safe.
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
  // True when it was answered, or given up, so long ago that its answer is not held.
  bool IsStale(uint64_t client, uint64_t request) const;
  // The client, heard of at `log_index`, waits for no request below `lowest_outstanding`.
  void Heard(uint64_t client, uint64_t lowest_outstanding, uint64_t log_index);
  // The record at `log_index` carries the answer to this request.
  void Add(uint64_t client, uint64_t request, uint64_t log_index);
  // Stops holding the client's answers that it does not wait for; returns their ids, in order.
  std::vector<uint64_t> TakeArrived(uint64_t client);
  // Stops holding answers of silent clients until the limit is kept; returns (client, request).
  std::vector<std::pair<uint64_t, uint64_t>> TakeOverLimit();

  size_t held() const { return held_; }
  // Clients of which something is known.
  size_t clients() const { return clients_.size(); }
  // Internal: what is wrong. For tests.
  absl::Status Validate() const;

 private:
  struct Client {
    std::set<uint64_t> requests;
    uint64_t lowest_outstanding = 0;
    uint64_t last_index = 0;
  };
  Client& Touch(uint64_t client, uint64_t log_index);

  const size_t max_held_;  // also the limit of clients
  absl::flat_hash_map<uint64_t, Client> clients_;
  std::set<std::pair<uint64_t, uint64_t>> by_last_index_;  // (last_index, client)
  size_t held_ = 0;
};

}  // namespace quern::master
