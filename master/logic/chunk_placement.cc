#include "master/logic/chunk_placement.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "common/sizes.h"

namespace quern::master {
namespace {

constexpr std::string_view kExcluded = "excluded";
constexpr std::string_view kHasReplica = "has_replica";
constexpr std::string_view kNoRoom = "no_room";

bool Contains(std::span<const ServerId> servers, ServerId server) {
  return std::find(servers.begin(), servers.end(), server) != servers.end();
}

std::string InWords(const Placement::Rejection& rejection) {
  const std::string_view constraint = rejection.constraint;
  if (constraint == kNoRoom) {
    return fmt::format("has no room ({} free)", FormatBinarySize(rejection.free_bytes));
  }
  if (constraint == kHasReplica) return "has a replica already";
  if (constraint == kExcluded) return "has just failed or has a bad replica";
  if (constraint == ToString(ServerHealth::kSuspected)) return "is silent";
  if (constraint == ToString(ServerHealth::kAwaited)) return "is awaited since the master's start";
  return fmt::format("is {}", constraint);  // dead, busy
}

}  // namespace

std::string Placement::Reasons(const std::map<ServerId, std::string>& known) const {
  constexpr size_t kNamed = 10;
  std::vector<std::string> named;
  for (const Rejection& rejection : std::span(rejected).first(std::min(kNamed, rejected.size()))) {
    const auto did = known.find(rejection.server);
    const bool is_known = rejection.constraint == kExcluded && did != known.end();
    named.push_back(
        fmt::format("{} {}", rejection.server, is_known ? did->second : InWords(rejection)));
  }
  std::string text = fmt::format("{}", fmt::join(named, ", "));
  if (rejected.size() > kNamed) text += fmt::format(" and {} more", rejected.size() - kNamed);
  return text;
}

std::string_view ChunkPlacement::ViolatedConstraint(const ServerRegistry& servers,
                                                    const ServerInfo& server,
                                                    const PlacementRequest& request,
                                                    absl::Time now) const {
  const ServerHealth health = servers.Health(server, now);
  if (health != ServerHealth::kAlive) return ToString(health);
  if (Contains(request.exclude, server.id)) return kExcluded;
  if (Contains(request.present, server.id)) return kHasReplica;
  if (request.busy != nullptr && request.busy->contains(server.id)) return "busy";
  if (!HasRoom(server, request.bytes)) return kNoRoom;
  return "";
}

bool ChunkPlacement::HasRoom(const ServerInfo& server, uint64_t bytes) const {
  // A small disk is not to be refused altogether for the sake of the reserve.
  const uint64_t reserve = std::min(options_.reserve_bytes, server.capacity_bytes / 20);
  return server.free_bytes >= bytes + reserve;
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

ChunkPlacement::Servers ChunkPlacement::Sample(const ServerRegistry& servers,
                                               const PlacementRequest& request, size_t size,
                                               Random& random) {
  Servers pool;
  if (size >= servers.servers().size()) {
    for (const auto& [id, server] : servers.servers()) pool.push_back(&server);
    return pool;
  }
  for (const ServerId server : servers.OnNode(request.writer_node)) {
    pool.push_back(servers.Find(server));
  }
  const std::vector<const ServerInfo*>& all = servers.in_order();
  for (size_t i = 0; i < size; ++i) pool.push_back(all[random() % all.size()]);
  // A small rack might be missed; half as many again come from racks drawn by chance.
  for (size_t i = 0; servers.rack_count() > 1 && i < size / 2; ++i) {
    const std::span<const ServerId> rack = servers.OnRack(random() % servers.rack_count());
    pool.push_back(servers.Find(rack[random() % rack.size()]));
  }
  std::sort(pool.begin(), pool.end(), [](auto* a, auto* b) { return a->id < b->id; });
  pool.erase(std::unique(pool.begin(), pool.end()), pool.end());
  return pool;
}

Placement ChunkPlacement::ChooseFrom(const Servers& pool, const ServerRegistry& servers,
                                     const PlacementRequest& request, absl::Time now,
                                     Random& random) const {
  Placement placement;
  std::vector<Candidate> candidates;
  Servers taken;
  for (const ServerId id : request.present) {
    if (const ServerInfo* server = servers.Find(id)) taken.push_back(server);
  }
  for (const ServerInfo* server : pool) {
    const std::string_view violated = ViolatedConstraint(servers, *server, request, now);
    if (violated.empty()) {
      candidates.push_back({server, Weight(*server, now)});
    } else {
      placement.rejected.push_back({server->id, violated, server->free_bytes});
    }
  }
  while (placement.servers.size() < request.count && !candidates.empty()) {
    const size_t chosen = Draw(candidates, request, taken, random);
    taken.push_back(candidates[chosen].server);
    placement.servers.push_back(candidates[chosen].server->id);
    candidates.erase(candidates.begin() + static_cast<ptrdiff_t>(chosen));
  }
  return placement;
}

bool ChunkPlacement::IsGoodEnough(const Placement& placement, const ServerRegistry& servers,
                                  const PlacementRequest& request, size_t sample) const {
  if (placement.servers.size() < request.count) return false;
  std::vector<std::string_view> nodes;
  std::vector<std::string_view> racks;
  for (const auto& ids : {request.present, placement.servers}) {
    for (const ServerId id : ids) {
      const ServerInfo* server = servers.Find(id);
      if (server == nullptr) continue;
      nodes.push_back(server->row.node());
      racks.push_back(server->row.rack());
    }
  }
  const size_t replicas = nodes.size();
  const auto distinct = [](std::vector<std::string_view>& names) {
    std::sort(names.begin(), names.end());
    return static_cast<size_t>(std::unique(names.begin(), names.end()) - names.begin());
  };
  if (distinct(nodes) < replicas) return false;
  // For a further rack the search goes on once, not through the whole cluster.
  return distinct(racks) >= std::min(replicas, servers.rack_count()) || sample > options_.sample;
}

Placement ChunkPlacement::Choose(const ServerRegistry& servers, const PlacementRequest& request,
                                 absl::Time now, Random& random) const {
  for (size_t sample = options_.sample;; sample *= 8) {
    const Servers pool = Sample(servers, request, sample, random);
    Placement placement = ChooseFrom(pool, servers, request, now, random);
    if (sample >= servers.servers().size()) return placement;
    if (IsGoodEnough(placement, servers, request, sample)) return placement;
  }
}

}  // namespace quern::master
