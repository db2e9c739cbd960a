// Which replica of a chunk to read next: nearest first, those that failed a moment ago last, each
// once per round.
#pragma once

#include <functional>
#include <optional>
#include <set>

#include "client/types.h"

namespace quern::client {

class ReplicaChoice {
 public:
  // The best replica that was not tried in this round; none when all were.
  std::optional<ServerAddress> Next(const ChunkInfo& chunk,
                                    const std::function<bool(ServerId)>& suspect) const {
    const ServerAddress* best = nullptr;
    for (const ServerAddress& server : chunk.replicas) {
      if (tried_.contains(server.id)) continue;
      if (!suspect(server.id)) return server;
      if (best == nullptr) best = &server;
    }
    if (best == nullptr) return std::nullopt;
    return *best;
  }
  void Failed(ServerId server) { tried_.insert(server); }
  void NewRound() { tried_.clear(); }

 private:
  std::set<ServerId> tried_;
};

}  // namespace quern::client
