#include "master/logic/repair_planner.h"

#include <algorithm>

namespace quern::master {

int RepairPlanner::UrgencyOf(const LedgerRow& row) {
  if (row.good <= 1) return 0;
  return row.client_waits ? 1 : 2;
}

void RepairPlanner::Enqueue(ChunkId chunk, const LedgerRow& row) {
  if (row.next_try == absl::InfinitePast()) {
    ready_.insert({UrgencyOf(row), chunk});
  } else {
    waiting_.insert({row.next_try, chunk});
  }
}

void RepairPlanner::Dequeue(ChunkId chunk, const LedgerRow& row) {
  ready_.erase({UrgencyOf(row), chunk});
  waiting_.erase({row.next_try, chunk});
}

void RepairPlanner::Update(const ChunkInfo& chunk, const ServerRegistry& servers) {
  if (chunk.state != pb::CHUNK_STATE_SEALED) return;
  const ChunkAssessment assessment = Assess(chunk, servers);
  if (!assessment.UnderReplicated()) {
    const auto found = rows_.find(chunk.id);
    // With copies still under way it stays: the end of each asks again.
    if (found == rows_.end() || found->second.targets.empty()) return Forget(chunk.id);
  }
  LedgerRow& row = rows_[chunk.id];
  Dequeue(chunk.id, row);
  row.good = assessment.good.size();
  row.wanted = assessment.wanted;
  Enqueue(chunk.id, row);
  if (assessment.Missing()) {
    missing_.insert(chunk.id);
  } else {
    missing_.erase(chunk.id);
  }
}

void RepairPlanner::Forget(ChunkId chunk) {
  const auto found = rows_.find(chunk);
  if (found == rows_.end()) return;
  Dequeue(chunk, found->second);
  const std::vector<ServerId> targets = found->second.targets;
  for (const ServerId target : targets) Ended(chunk, target, "", absl::InfinitePast());
  Dequeue(chunk, rows_[chunk]);
  rows_.erase(chunk);
  missing_.erase(chunk);
}

void RepairPlanner::ClientWaits(ChunkId chunk) {
  const auto found = rows_.find(chunk);
  if (found == rows_.end() || found->second.client_waits) return;
  Dequeue(chunk, found->second);
  found->second.client_waits = true;
  Enqueue(chunk, found->second);
}

void RepairPlanner::TryAll() {
  for (const auto& [time, chunk] : waiting_) {
    LedgerRow& row = rows_[chunk];
    row.next_try = absl::InfinitePast();
    ready_.insert({UrgencyOf(row), chunk});
  }
  waiting_.clear();
}

void RepairPlanner::BackOff(LedgerRow* row, std::string_view reason, absl::Time now) {
  const int doublings = std::min(row->failures++, 16);
  row->next_try = now + std::min(options_.max_backoff, options_.first_backoff * (1 << doublings));
  row->reason = reason;
}

bool RepairPlanner::MayTrust(const ChunkAssessment& assessment, const ServerRegistry& servers,
                             absl::Time now) const {
  return assessment.hoped.empty() || servers.AllConfirmed() || now - term_began_ >= options_.grace;
}

ServerList RepairPlanner::Sources(const ChunkAssessment& assessment, const ServerRegistry& servers,
                                  absl::Time now) const {
  const auto load = [&](ServerId server) {
    const auto found = as_source_.find(server);
    return found == as_source_.end() ? 0 : found->second;
  };
  ServerList sources;
  for (const ServerId server : assessment.good) {
    if (servers.IsAlive(server, now) && load(server) < options_.max_per_source) {
      sources.push_back(server);
    }
  }
  std::stable_sort(sources.begin(), sources.end(),
                   [&](ServerId a, ServerId b) { return load(a) < load(b); });
  return sources;
}

bool RepairPlanner::PlanChunk(ChunkId chunk, LedgerRow* row, const ChunkTable& chunks,
                              const ServerRegistry& servers, ChunkPlacement* placement,
                              absl::Time now, Random& random, Plan* plan) {
  const std::optional<ChunkInfo> info = chunks.Find(chunk);
  if (!info.has_value()) return true;
  const ChunkAssessment assessment = Assess(*info, servers);
  const size_t lacking = assessment.Deficit();
  if (lacking <= row->targets.size()) return true;
  if (assessment.good.empty()) {
    BackOff(row, "no good copy is left", now);
    return false;
  }
  if (!MayTrust(assessment, servers, now)) {
    BackOff(row, "waits for servers that have not reported since the start", now);
    return false;
  }
  PlacementRequest request;
  request.bytes = info->length;
  for (const Replica& replica : info->replicas) request.present.push_back(replica.server);
  // A dead server's replica does not make its machine less welcome, should it come back.
  std::erase_if(request.present, [&](ServerId server) {
    return servers.Health(server, now) == ServerHealth::kDead;
  });
  request.present.insert(request.present.end(), row->targets.begin(), row->targets.end());
  for (const auto& [server, copies] : as_target_) {
    if (copies >= options_.max_per_target) request.exclude.push_back(server);
  }
  const ServerList sources = Sources(assessment, servers, now);
  if (sources.empty()) return true;  // all are busy: the end of a copy wakes it
  const auto room = static_cast<size_t>(options_.max_in_cluster) - in_flight_;
  request.count = std::min(lacking - row->targets.size(), room);
  const Placement chosen = placement->Choose(servers, request, now, random);
  for (const ServerId target : chosen.servers) {
    plan->copies.push_back({chunk, target, sources, info->length, info->crc});
    placement->NoteCreation(target, now);
    row->targets.push_back(target);
    under_way_[{chunk, target}] = {sources.front(), now};
    ++as_source_[sources.front()];
    ++as_target_[target];
    ++in_flight_;
  }
  if (!chosen.servers.empty() || !row->targets.empty()) return true;
  if (!request.exclude.empty()) return true;  // targets are busy
  for (const ServerId server : assessment.bad) plan->removals.emplace_back(chunk, server);
  BackOff(row, fmt::format("no server can take a copy: {}", chosen.Reasons()), now);
  return false;
}

RepairPlanner::Plan RepairPlanner::Next(const ChunkTable& chunks, const ServerRegistry& servers,
                                        ChunkPlacement* placement, absl::Time now, Random& random) {
  Plan plan;
  ExpireCopies(now);
  while (!waiting_.empty() && waiting_.begin()->first <= now) {
    const ChunkId chunk = waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    rows_[chunk].next_try = absl::InfinitePast();
    ready_.insert({UrgencyOf(rows_[chunk]), chunk});
  }
  int scanned = 0;
  for (auto it = ready_.begin(); it != ready_.end() && scanned < options_.max_scan; ++scanned) {
    if (in_flight_ >= static_cast<size_t>(options_.max_in_cluster)) break;
    const ChunkId chunk = std::get<ChunkId>(*it);
    LedgerRow& row = rows_[chunk];
    if (PlanChunk(chunk, &row, chunks, servers, placement, now, random, &plan)) {
      ++it;
    } else {
      it = ready_.erase(it);
      waiting_.insert({row.next_try, chunk});
    }
  }
  return plan;
}

void RepairPlanner::ExpireCopies(absl::Time now) {
  std::vector<std::pair<ChunkId, ServerId>> expired;
  for (const auto& [copy, under_way] : under_way_) {
    if (now - under_way.began >= options_.copy_timeout) expired.push_back(copy);
  }
  for (const auto& [chunk, target] : expired) Ended(chunk, target, "took too long", now);
}

void RepairPlanner::Ended(ChunkId chunk, ServerId target, std::string_view failure,
                          absl::Time now) {
  const auto copy = under_way_.find({chunk, target});
  if (copy == under_way_.end()) return;
  const ServerId source = copy->second.source;
  if (--as_source_[source] == 0) as_source_.erase(source);
  if (--as_target_[target] == 0) as_target_.erase(target);
  under_way_.erase(copy);
  --in_flight_;
  LedgerRow& row = rows_[chunk];
  std::erase(row.targets, target);
  if (failure.empty()) return;
  Dequeue(chunk, row);
  BackOff(&row, failure, now);
  Enqueue(chunk, row);
}

absl::Time RepairPlanner::NextDeadline() const {
  return waiting_.empty() ? absl::InfiniteFuture() : waiting_.begin()->first;
}

absl::Status RepairPlanner::Validate() const {
  size_t targets = 0;
  for (const auto& [chunk, row] : rows_) {
    targets += row.targets.size();
    const bool ready = ready_.contains({UrgencyOf(row), chunk});
    const bool waits = waiting_.contains({row.next_try, chunk});
    if (ready == waits) return InternalError("chunk {} is in {} queues", chunk, ready ? 2 : 0);
  }
  if (ready_.size() + waiting_.size() != rows_.size())
    return InternalError("queues have strangers");
  if (targets != in_flight_ || under_way_.size() != in_flight_) {
    return InternalError("{} copies under way, {} counted", targets, in_flight_);
  }
  for (const auto& [server, copies] : as_target_) {
    if (copies > options_.max_per_target) return InternalError("{} has too many copies", server);
  }
  if (in_flight_ > static_cast<size_t>(options_.max_in_cluster)) {
    return InternalError("{} copies are too many", in_flight_);
  }
  return absl::OkStatus();
}

}  // namespace quern::master
