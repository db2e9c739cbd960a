#include "master/logic/chunk_placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace quern::master {
namespace {

bool Contains(std::span<const ServerId> servers, ServerId server) {
  return std::find(servers.begin(), servers.end(), server) != servers.end();
}

}  // namespace

std::string Placement::Reasons() const {
  std::string text;
  for (const Rejection& rejection : rejected) {
    text +=
        fmt::format("{}{} {}", text.empty() ? "" : ", ", rejection.server, rejection.constraint);
  }
  return text;
}

std::string_view ChunkPlacement::ViolatedConstraint(const ServerRegistry& servers,
                                                    const ServerInfo& server,
                                                    const PlacementRequest& request,
                                                    absl::Time now) const {
  const ServerHealth health = servers.Health(server, now);
  if (health != ServerHealth::kAlive) return ToString(health);
  if (Contains(request.exclude, server.id)) return "excluded";
  if (Contains(request.present, server.id)) return "has_replica";
  // A small disk is not to be refused altogether for the sake of the reserve.
  const uint64_t reserve = std::min(options_.reserve_bytes, server.capacity_bytes / 20);
  if (server.free_bytes < request.bytes + reserve) return "no_room";
  return "";
}

double ChunkPlacement::RecentCreations(ServerId server, absl::Time now) const {
  const auto found = recent_.find(server);
  if (found == recent_.end()) return 0;
  return found->second.count *
         std::exp(-absl::FDivDuration(now - found->second.at, options_.recent));
}

void ChunkPlacement::NoteCreation(ServerId server, absl::Time now) {
  const double count = RecentCreations(server, now) + 1;
  recent_[server] = {count, now};
}

double ChunkPlacement::Weight(const ServerInfo& server, absl::Time now) const {
  const double capacity = std::max(1.0, static_cast<double>(server.capacity_bytes));
  const double free_share = static_cast<double>(server.free_bytes) / capacity;
  return std::max(free_share, 0.001) / (1.0 + RecentCreations(server.id, now));
}

// The index of the candidate to take next.
size_t ChunkPlacement::Draw(std::span<const Candidate> candidates, const PlacementRequest& request,
                            std::span<const ServerInfo* const> taken, Random& random) const {
  const auto rank = [&](const ServerInfo& server) {
    bool new_machine = true;
    bool new_rack = true;
    for (const ServerInfo* other : taken) {
      if (other->row.node() == server.row.node()) new_machine = false;
      if (other->row.rack() == server.row.rack()) new_rack = false;
    }
    const bool writer_machine = taken.empty() && server.row.node() == request.writer_node;
    return std::tuple(new_machine, writer_machine, new_rack);
  };
  auto best = rank(*candidates[0].server);
  for (const Candidate& candidate : candidates) best = std::max(best, rank(*candidate.server));
  double total = 0;
  for (const Candidate& candidate : candidates) {
    if (rank(*candidate.server) == best) total += candidate.weight;
  }
  double point = std::uniform_real_distribution<double>(0, total)(random);
  size_t chosen = candidates.size();
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (rank(*candidates[i].server) != best) continue;
    chosen = i;
    point -= candidates[i].weight;
    if (point < 0) break;
  }
  return chosen;
}

Placement ChunkPlacement::Choose(const ServerRegistry& servers, const PlacementRequest& request,
                                 absl::Time now, Random& random) const {
  Placement placement;
  std::vector<Candidate> candidates;
  std::vector<const ServerInfo*> taken;
  for (const auto& [id, server] : servers.servers()) {
    const std::string_view violated = ViolatedConstraint(servers, server, request, now);
    if (violated.empty()) {
      candidates.push_back({&server, Weight(server, now)});
    } else {
      placement.rejected.push_back({id, violated});
    }
    if (Contains(request.present, id)) taken.push_back(&server);
  }
  while (placement.servers.size() < request.count && !candidates.empty()) {
    const size_t chosen = Draw(candidates, request, taken, random);
    taken.push_back(candidates[chosen].server);
    placement.servers.push_back(candidates[chosen].server->id);
    candidates.erase(candidates.begin() + static_cast<ptrdiff_t>(chosen));
  }
  return placement;
}

}  // namespace quern::master
