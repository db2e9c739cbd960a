#include "master/logic/garbage_planner.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace quern::master {

void GarbagePlanner::Queue(const Removal& removal) {
  if (in_flight_.contains(removal)) return;
  const auto failed = failures_.find(removal);
  if (failed != failures_.end() && failed->second.waiting) return;
  if (queue_.insert({removal.server, removal.chunk}).second) to_look_at_.insert(removal.server);
}

void GarbagePlanner::AddGarbage(ChunkId chunk, std::span<const ServerId> servers) {
  garbage_[chunk];
  maybe_finished_.insert(chunk);
  for (const ServerId server : servers) Found(chunk, server);
}

void GarbagePlanner::Found(ChunkId chunk, ServerId server) {
  const auto found = garbage_.find(chunk);
  if (found == garbage_.end()) return;
  ServerList& holders = found->second;
  if (std::find(holders.begin(), holders.end(), server) == holders.end()) {
    holders.push_back(server);
  }
  Queue({chunk, server});
}

void GarbagePlanner::Remove(ChunkId chunk, ServerId server) { Queue({chunk, server}); }

std::vector<GarbagePlanner::Removal> GarbagePlanner::Next(const ChunkTable& chunks,
                                                          const ServerRegistry& servers,
                                                          absl::Time now) {
  size_t budget = options_.slice;
  TryFailedAgain(servers, now, &budget);
  LookAtUndecided(chunks, servers, now, &budget);
  std::vector<Removal> removals;
  while (budget > 0 && !to_look_at_.empty()) {
    OrderFrom(TakeServerToLookAt(), chunks, servers, now, &budget, &removals);
  }
  return removals;
}

void GarbagePlanner::TryFailedAgain(const ServerRegistry& servers, absl::Time now, size_t* budget) {
  for (; *budget > 0 && !waiting_.empty() && waiting_.begin()->first <= now; --*budget) {
    const Removal removal = waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    const ServerInfo* server = servers.Find(removal.server);
    const bool dead = server == nullptr || server->dead;
    failures_[removal].waiting = false;
    if (dead && ForgetLiving(removal)) continue;
    Queue(removal);
    // It was in no queue when its server died.
    if (dead) maybe_finished_.insert(removal.chunk);
  }
}

bool GarbagePlanner::ForgetLiving(const Removal& removal) {
  if (garbage_.contains(removal.chunk)) return false;
  queue_.erase({removal.server, removal.chunk});
  const auto failed = failures_.find(removal);
  if (failed != failures_.end() && failed->second.waiting) return false;  // until that is over
  if (failed != failures_.end()) failures_.erase(failed);
  unknown_.erase(removal);
  return true;
}

void GarbagePlanner::LookAtUndecided(const ChunkTable& chunks, const ServerRegistry& servers,
                                     absl::Time now, size_t* budget) {
  for (; *budget > 0 && !undecided_until_.empty(); --*budget) {
    if (undecided_until_.front().first > now) return;
    const ChunkId chunk = undecided_until_.front().second;
    undecided_until_.pop_front();
    undecided_.erase(chunk);
    if (const auto living = chunks.Find(chunk)) LookForSurplus(*living, servers, now);
  }
}

ServerId GarbagePlanner::TakeServerToLookAt() {
  auto next = to_look_at_.upper_bound(looked_at_last_);
  if (next == to_look_at_.end()) next = to_look_at_.begin();
  looked_at_last_ = *next;
  to_look_at_.erase(next);
  return looked_at_last_;
}

void GarbagePlanner::OrderFrom(ServerId server, const ChunkTable& chunks,
                               const ServerRegistry& servers, absl::Time now, size_t* budget,
                               std::vector<Removal>* removals) {
  // ServerReady comes back to one that is away, Ended to one that has enough to do.
  const ServerInfo* info = servers.Find(server);
  if (info == nullptr || !info->connected || !info->confirmed) return;
  auto it = queue_.lower_bound({server, ChunkId()});
  while (it != queue_.end() && it->first == server) {
    const auto under_way = per_server_.find(server);
    if (under_way != per_server_.end() && under_way->second >= options_.max_per_server) return;
    if (*budget == 0) {
      to_look_at_.insert(server);
      return;
    }
    --*budget;
    const ChunkId chunk = it->second;
    it = queue_.erase(it);
    // It has confirmed since what it has.
    if (!IsLeaving({chunk, server}, servers)) unknown_.erase({chunk, server});
    const std::optional<ChunkInfo> living = chunks.Find(chunk);
    if (living.has_value() && !MayRemove(*living, server, servers, now)) {
      failures_.erase({chunk, server});
      LookForSurplus(*living, servers, now);
      continue;
    }
    removals->push_back({chunk, server});
    in_flight_[{chunk, server}] = info->session;
    ++per_server_[server];
  }
}

void GarbagePlanner::Ended(const Removal& removal, Outcome outcome, absl::Time now) {
  const auto ordered = in_flight_.find(removal);
  if (ordered == in_flight_.end()) return;
  if (outcome == Outcome::kUnknown) {
    unknown_[removal] = ordered->second;
    maybe_finished_.insert(removal.chunk);  // the server may be dead
  }
  in_flight_.erase(ordered);
  if (--per_server_[removal.server] == 0) per_server_.erase(removal.server);
  to_look_at_.insert(removal.server);
  if (outcome != Outcome::kRemoved) {
    // Of a living chunk as well, though it is looked at anew when its turn comes: its server, whose
    // disk may hang or be missing, would be asked again as fast as it refuses.
    Failures& failures = failures_[removal];
    const absl::Duration pause = options_.backoff * (1 << std::min(failures.count, 16));
    waiting_.insert({now + std::min(pause, options_.max_backoff), removal});
    ++failures.count;
    failures.waiting = true;
    return;
  }
  failures_.erase(removal);
  const auto found = garbage_.find(removal.chunk);
  if (found == garbage_.end()) return;
  found->second.erase(std::remove(found->second.begin(), found->second.end(), removal.server),
                      found->second.end());
  maybe_finished_.insert(removal.chunk);
}

absl::Time GarbagePlanner::NextDeadline() const {
  if (!to_look_at_.empty()) return absl::InfinitePast();
  absl::Time next = waiting_.empty() ? absl::InfiniteFuture() : waiting_.begin()->first;
  if (!undecided_until_.empty()) next = std::min(next, undecided_until_.front().first);
  return next;
}

std::vector<ChunkId> GarbagePlanner::TakeFinished(const ServerRegistry& servers) {
  std::vector<ChunkId> finished;
  size_t budget = options_.slice;
  for (; budget > 0 && !maybe_finished_.empty(); --budget) {
    const ChunkId chunk = *maybe_finished_.begin();
    maybe_finished_.erase(maybe_finished_.begin());
    if (Finish(chunk, servers)) finished.push_back(chunk);
  }
  for (; budget > 0 && !died_.empty(); --budget) {
    const auto [server, from] = *died_.begin();
    const auto next = queue_.lower_bound({server, from});
    if (next == queue_.end() || next->first != server) {
      died_.erase(died_.begin());
      continue;
    }
    const ChunkId chunk = next->second;
    died_.begin()->second = ChunkId(chunk.value() + 1);
    if (Finish(chunk, servers)) finished.push_back(chunk);
    const ServerInfo* const info = servers.Find(server);
    if (info == nullptr || info->dead) ForgetLiving({chunk, server});
  }
  return finished;
}

bool GarbagePlanner::Finish(ChunkId chunk, const ServerRegistry& servers) {
  const auto found = garbage_.find(chunk);
  if (found == garbage_.end()) return false;
  const bool held = std::any_of(found->second.begin(), found->second.end(), [&](ServerId id) {
    const ServerInfo* server = servers.Find(id);
    return server != nullptr && !server->dead;
  });
  if (held) return false;
  for (const ServerId server : found->second) {
    queue_.erase({server, chunk});
    unknown_.erase({chunk, server});
    const auto failed = failures_.find({chunk, server});
    if (failed != failures_.end() && !failed->second.waiting) failures_.erase(failed);
  }
  garbage_.erase(found);
  return true;
}

bool GarbagePlanner::IsLeaving(const Removal& removal, const ServerRegistry& servers) const {
  if (in_flight_.contains(removal)) return true;
  const auto ordered = unknown_.find(removal);
  if (ordered == unknown_.end()) return false;
  const ServerInfo* server = servers.Find(removal.server);
  return server == nullptr || !server->confirmed || server->session <= ordered->second;
}

ChunkAssessment GarbagePlanner::AssessStaying(const ChunkInfo& chunk,
                                              const ServerRegistry& servers) const {
  ChunkAssessment assessment = Assess(chunk, servers);
  ServerList& good = assessment.good;
  good.erase(std::remove_if(good.begin(), good.end(),
                            [&](ServerId id) {
                              return IsLeaving({chunk.id, id}, servers);
                            }),
             good.end());
  return assessment;
}

std::optional<ServerId> GarbagePlanner::Surplus(const ChunkInfo& chunk,
                                                const ServerRegistry& servers,
                                                absl::Time now) const {
  if (chunk.state != pb::CHUNK_STATE_SEALED) return std::nullopt;
  const ChunkAssessment assessment = AssessStaying(chunk, servers);
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

void GarbagePlanner::LookForSurplus(const ChunkInfo& chunk, const ServerRegistry& servers,
                                    absl::Time now) {
  if (const auto surplus = Surplus(chunk, servers, now)) return Queue({chunk.id, *surplus});
  const ChunkAssessment assessment = AssessStaying(chunk, servers);
  if (chunk.state != pb::CHUNK_STATE_SEALED || assessment.good.size() <= assessment.wanted) return;
  // That a silent server speaks again is no news about its chunks.
  if (undecided_.insert(chunk.id).second)
    undecided_until_.push_back({now + options_.backoff, chunk.id});
}

ServerList GarbagePlanner::Replaced(const ChunkInfo& chunk, const ServerRegistry& servers) const {
  if (chunk.state != pb::CHUNK_STATE_SEALED) return {};
  const ChunkAssessment assessment = AssessStaying(chunk, servers);
  if (assessment.good.size() < assessment.wanted) return {};
  return assessment.bad;
}

bool GarbagePlanner::MayRemove(const ChunkInfo& chunk, ServerId server,
                               const ServerRegistry& servers, absl::Time now) const {
  const ChunkAssessment assessment = AssessStaying(chunk, servers);
  if (std::find(assessment.bad.begin(), assessment.bad.end(), server) != assessment.bad.end()) {
    return !assessment.good.empty();
  }
  return Surplus(chunk, servers, now) == server;
}

absl::Status GarbagePlanner::Validate() const {
  absl::flat_hash_map<ServerId, int> per_server;
  for (const auto& [removal, session] : in_flight_) {
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
