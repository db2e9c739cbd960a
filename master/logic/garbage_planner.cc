#include "master/logic/garbage_planner.h"

#include <algorithm>
#include <tuple>

namespace quern::master {

void GarbagePlanner::Queue(const Removal& removal) {
  if (!in_flight_.contains(removal)) queue_.insert({removal.server, removal.chunk});
}

void GarbagePlanner::AddGarbage(ChunkId chunk, std::span<const ServerId> servers) {
  garbage_[chunk].insert(servers.begin(), servers.end());
  maybe_finished_.insert(chunk);
  for (const ServerId server : servers) Queue({chunk, server});
}

void GarbagePlanner::Found(ChunkId chunk, ServerId server) {
  const auto found = garbage_.find(chunk);
  if (found == garbage_.end()) return;
  found->second.insert(server);
  Queue({chunk, server});
}

void GarbagePlanner::Remove(ChunkId chunk, ServerId server) { Queue({chunk, server}); }

void GarbagePlanner::ServersChanged() {
  for (const auto& [chunk, servers] : garbage_) maybe_finished_.insert(chunk);
}

std::vector<GarbagePlanner::Removal> GarbagePlanner::Next(const ChunkTable& chunks,
                                                          const ServerRegistry& servers,
                                                          absl::Time now) {
  while (!waiting_.empty() && waiting_.begin()->first <= now) {
    Queue(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
  }
  std::vector<Removal> removals;
  for (auto it = queue_.begin(); it != queue_.end();) {
    const auto [server, chunk] = *it;
    const ServerInfo* info = servers.Find(server);
    const bool may_order = info != nullptr && info->connected && info->confirmed;
    if (!may_order || per_server_[server] >= options_.max_per_server) {
      it = queue_.lower_bound({ServerId(server.value() + 1), ChunkId()});
      continue;
    }
    const std::optional<ChunkInfo> living = chunks.Find(chunk);
    if (living.has_value() && !MayRemove(*living, server, servers, now)) {
      it = queue_.erase(it);
      continue;
    }
    removals.push_back({chunk, server});
    in_flight_.insert({chunk, server});
    ++per_server_[server];
    it = queue_.erase(it);
  }
  return removals;
}

void GarbagePlanner::Ended(const Removal& removal, bool removed, absl::Time now) {
  if (in_flight_.erase(removal) == 0) return;
  if (--per_server_[removal.server] == 0) per_server_.erase(removal.server);
  const auto found = garbage_.find(removal.chunk);
  if (!removed) {
    // A replica of a living chunk is looked at anew; garbage stays garbage.
    if (found != garbage_.end()) waiting_.insert({now + options_.backoff, removal});
    return;
  }
  if (found == garbage_.end()) return;
  found->second.erase(removal.server);
  maybe_finished_.insert(removal.chunk);
}

absl::Time GarbagePlanner::NextDeadline() const {
  return waiting_.empty() ? absl::InfiniteFuture() : waiting_.begin()->first;
}

std::vector<ChunkId> GarbagePlanner::TakeFinished(const ServerRegistry& servers) {
  std::vector<ChunkId> finished;
  for (const ChunkId chunk : maybe_finished_) {
    const auto found = garbage_.find(chunk);
    if (found == garbage_.end()) continue;
    const bool held = std::any_of(found->second.begin(), found->second.end(), [&](ServerId id) {
      const ServerInfo* server = servers.Find(id);
      return server != nullptr && !server->dead;
    });
    if (held) continue;
    for (const ServerId server : found->second) queue_.erase({server, chunk});
    garbage_.erase(found);
    finished.push_back(chunk);
  }
  maybe_finished_.clear();
  return finished;
}

std::optional<ServerId> GarbagePlanner::Surplus(const ChunkInfo& chunk,
                                                const ServerRegistry& servers, absl::Time now) {
  if (chunk.state != pb::CHUNK_STATE_SEALED) return std::nullopt;
  const ChunkAssessment assessment = Assess(chunk, servers);
  if (!assessment.hoped.empty() || !assessment.pending.empty()) return std::nullopt;
  if (assessment.good.size() <= assessment.wanted) return std::nullopt;
  std::vector<const ServerInfo*> holders;
  for (const ServerId id : assessment.good) {
    // One that is not heard of may be gone: then there is no surplus.
    if (!servers.IsAlive(id, now)) return std::nullopt;
    holders.push_back(servers.Find(id));
  }
  const auto rank = [&](const ServerInfo* server) {
    int on_machine = 0;
    int on_rack = 0;
    for (const ServerInfo* other : holders) {
      if (other->row.node() == server->row.node()) ++on_machine;
      if (other->row.rack() == server->row.rack()) ++on_rack;
    }
    return std::tuple(-on_machine, -on_rack, server->free_bytes, server->id);
  };
  return (*std::min_element(holders.begin(), holders.end(),
                            [&](auto* a, auto* b) { return rank(a) < rank(b); }))
      ->id;
}

ServerList GarbagePlanner::Replaced(const ChunkInfo& chunk, const ServerRegistry& servers) {
  if (chunk.state != pb::CHUNK_STATE_SEALED) return {};
  const ChunkAssessment assessment = Assess(chunk, servers);
  if (assessment.good.size() < assessment.wanted) return {};
  return assessment.bad;
}

bool GarbagePlanner::MayRemove(const ChunkInfo& chunk, ServerId server,
                               const ServerRegistry& servers, absl::Time now) {
  const ChunkAssessment assessment = Assess(chunk, servers);
  if (std::find(assessment.bad.begin(), assessment.bad.end(), server) != assessment.bad.end()) {
    return !assessment.good.empty();
  }
  return Surplus(chunk, servers, now) == server;
}

absl::Status GarbagePlanner::Validate() const {
  absl::flat_hash_map<ServerId, int> per_server;
  for (const Removal& removal : in_flight_) {
    ++per_server[removal.server];
    if (queue_.contains({removal.server, removal.chunk})) {
      return InternalError("chunk {} on {} is queued and under way", removal.chunk, removal.server);
    }
  }
  for (const auto& [server, count] : per_server) {
    if (count > options_.max_per_server) return InternalError("{} has too many removals", server);
    const auto found = per_server_.find(server);
    if (found == per_server_.end() || found->second != count) {
      return InternalError("the count of {} is wrong", server);
    }
  }
  return absl::OkStatus();
}

}  // namespace quern::master
