#include "master/logic/repair_planner.h"

#include <algorithm>
#include <utility>

namespace quern::master {
namespace {

// Chunks in a row whose targets are all busy, after which the rest need not be looked at.
constexpr int kMaxBusy = 32;
constexpr size_t kLargeCluster = 64;
// Chunks that are tried at a time when room came.
constexpr size_t kRoomStep = 100;

}  // namespace

RepairPlanner::Urgency RepairPlanner::UrgencyOf(ChunkId chunk, const LedgerRow& row) {
  const int urgency = row.good <= 1 ? 0 : row.client_waits ? 1 : 2;
  return {urgency, chunk};
}

void RepairPlanner::Enqueue(ChunkId chunk, const LedgerRow& row) {
  switch (row.stage) {
    case Stage::kReady:
      ready_.insert(UrgencyOf(chunk, row));
      return;
    case Stage::kWaiting:
      waiting_.insert({row.next_try, chunk});
      if (row.no_room) no_room_.insert(UrgencyOf(chunk, row));
      return;
    case Stage::kAwaiting:
      awaiting_.insert(UrgencyOf(chunk, row));
      return;
    case Stage::kParked:
      parked_.insert({row.parked_at, UrgencyOf(chunk, row)});
      return;
    case Stage::kUnderWay:
      return;
  }
}

void RepairPlanner::Dequeue(ChunkId chunk, const LedgerRow& row) {
  switch (row.stage) {
    case Stage::kReady:
      ready_.erase(UrgencyOf(chunk, row));
      return;
    case Stage::kWaiting:
      waiting_.erase({row.next_try, chunk});
      no_room_.erase(UrgencyOf(chunk, row));
      return;
    case Stage::kAwaiting:
      awaiting_.erase(UrgencyOf(chunk, row));
      return;
    case Stage::kParked:
      parked_.erase({row.parked_at, UrgencyOf(chunk, row)});
      return;
    case Stage::kUnderWay:
      return;
  }
}

void RepairPlanner::Move(ChunkId chunk, LedgerRow* row, Stage stage) {
  Dequeue(chunk, *row);
  row->stage = stage;
  if (stage != Stage::kWaiting) row->no_room = false;
  Enqueue(chunk, *row);
}

void RepairPlanner::Update(const ChunkInfo& chunk, const ServerRegistry& servers) {
  if (chunk.state == pb::CHUNK_STATE_SEALED) Update(chunk.id, Assess(chunk, servers));
}

// Copies of it that are to be made.
size_t RepairPlanner::Lacks(const LedgerRow& row, const ChunkAssessment& assessment) {
  const size_t good = assessment.good.size();
  return std::max(assessment.Deficit(), row.client_needs - std::min(row.client_needs, good));
}

void RepairPlanner::Update(ChunkId chunk, const ChunkAssessment& assessment) {
  if (!assessment.UnderReplicated()) {
    const auto found = rows_.find(chunk);
    // With copies still under way it stays: the end of each asks again.
    const bool stays = found != rows_.end() &&
                       (!found->second.targets.empty() || Lacks(found->second, assessment) > 0);
    if (!stays) return Forget(chunk);
  }
  LedgerRow& row = rows_[chunk];
  Dequeue(chunk, row);
  // What it was put off for has come.
  const bool readable_again =
      row.stage == Stage::kWaiting && !row.no_room && row.good == 0 && !assessment.good.empty();
  if (readable_again) row.failures = 0;
  const bool changed = row.good != assessment.good.size() || row.hoped != assessment.hoped.size();
  row.good = assessment.good.size();
  row.hoped = assessment.hoped.size();
  row.wanted = assessment.wanted;
  const bool waited_for_others = row.stage == Stage::kParked || row.stage == Stage::kAwaiting;
  const bool lacks_more =
      row.stage == Stage::kUnderWay && Lacks(row, assessment) > row.targets.size();
  if ((changed && waited_for_others) || lacks_more || readable_again) row.stage = Stage::kReady;
  Enqueue(chunk, row);
  if (assessment.Missing()) {
    missing_.insert(chunk);
  } else {
    missing_.erase(chunk);
  }
}

void RepairPlanner::Forget(ChunkId chunk) {
  const auto found = rows_.find(chunk);
  if (found == rows_.end()) return;
  const std::vector<ServerId> targets = found->second.targets;
  for (const ServerId target : targets) Ended(chunk, target, "", absl::InfinitePast());
  Dequeue(chunk, found->second);
  rows_.erase(found);
  missing_.erase(chunk);
}

void RepairPlanner::ClientWaits(ChunkId chunk) {
  const auto found = rows_.find(chunk);
  if (found == rows_.end() || found->second.client_waits) return;
  Dequeue(chunk, found->second);
  found->second.client_waits = true;
  Enqueue(chunk, found->second);
}

bool RepairPlanner::ClientNeeds(ChunkId chunk, size_t needed, const ChunkAssessment& assessment) {
  if (assessment.good.empty() || needed <= assessment.good.size()) return false;
  LedgerRow& row = rows_[chunk];
  if (row.client_needs >= needed) return false;
  Dequeue(chunk, row);
  row.client_waits = true;
  row.client_needs = needed;
  Enqueue(chunk, row);
  Update(chunk, assessment);
  return true;
}

void RepairPlanner::MoveAll(std::set<Urgency>* from, size_t limit) {
  for (size_t moved = 0; !from->empty() && moved < limit; ++moved) {
    const ChunkId chunk = std::get<ChunkId>(*from->begin());
    Move(chunk, &rows_[chunk], Stage::kReady);
  }
}

// A copy has ended there: so many more may begin.
void RepairPlanner::WakeParked(ServerId source) {
  for (int woken = 0; woken < options_.max_per_source; ++woken) {
    const auto first = parked_.lower_bound({source, Urgency()});
    if (first == parked_.end() || first->first != source) return;
    const ChunkId chunk = std::get<ChunkId>(first->second);
    Move(chunk, &rows_[chunk], Stage::kReady);
  }
}

RepairPlanner::Stage RepairPlanner::BackOff(LedgerRow* row, std::string_view reason,
                                            absl::Time now) {
  const int doublings = std::min(row->failures++, 16);
  row->next_try = now + std::min(options_.max_backoff, options_.first_backoff * (1 << doublings));
  row->reason = reason;
  return Stage::kWaiting;
}

bool RepairPlanner::MayTrust(const ChunkAssessment& assessment, const ServerRegistry& servers,
                             absl::Time now) const {
  return assessment.hoped.empty() || servers.AllConfirmed() || now - term_began_ >= options_.grace;
}

ServerList RepairPlanner::Sources(const ChunkAssessment& assessment, const ServerRegistry& servers,
                                  absl::Time now) const {
  ServerList sources;
  for (const ServerId server : assessment.good) {
    if (servers.IsAlive(server, now)) sources.push_back(server);
  }
  std::stable_sort(sources.begin(), sources.end(),
                   [&](ServerId a, ServerId b) { return SourceLoad(a) < SourceLoad(b); });
  return sources;
}

int RepairPlanner::SourceLoad(ServerId server) const {
  const auto found = as_source_.find(server);
  return found == as_source_.end() ? 0 : found->second;
}

RepairPlanner::Stage RepairPlanner::PlanChunk(ChunkId chunk, LedgerRow* row,
                                              const Planning& planning) {
  const absl::Time now = planning.now;
  const std::optional<ChunkInfo> info = planning.chunks.Find(chunk);
  if (!info.has_value()) return BackOff(row, "is not known any more", now);
  const ChunkAssessment assessment = Assess(*info, planning.servers);
  const size_t lacks = Lacks(*row, assessment);
  if (lacks <= row->targets.size()) return Stage::kUnderWay;
  if (assessment.good.empty()) return BackOff(row, "no good copy is left", now);
  if (!MayTrust(assessment, planning.servers, now)) {
    row->reason = "waits for servers that have not reported since the start";
    return Stage::kAwaiting;
  }
  ServerList sources = Sources(assessment, planning.servers, now);
  if (sources.empty()) return BackOff(row, "no server that has it is alive", now);
  const auto busy = std::find_if(sources.begin(), sources.end(), [&](ServerId server) {
    return SourceLoad(server) >= options_.max_per_source;
  });
  if (busy == sources.begin()) {
    row->parked_at = sources.front();
    return Stage::kParked;
  }
  sources.erase(busy, sources.end());
  return PlanCopies(*info, lacks, sources, row, planning);
}

RepairPlanner::Stage RepairPlanner::PlanCopies(const ChunkInfo& info, size_t lacks,
                                               const ServerList& sources, LedgerRow* row,
                                               const Planning& planning) {
  const absl::Time now = planning.now;
  PlacementRequest request;
  request.bytes = info.length;
  for (const Replica& replica : info.replicas) {
    // A dead server's replica does not make its machine less welcome, should it come back.
    if (planning.servers.Health(replica.server, now) == ServerHealth::kDead) continue;
    request.present.push_back(replica.server);
  }
  request.present.insert(request.present.end(), row->targets.begin(), row->targets.end());
  request.busy = &busy_targets_;
  const auto spare = static_cast<size_t>(options_.max_per_source - SourceLoad(sources.front()));
  request.count = std::min({lacks - row->targets.size(), limit_ - in_flight_, spare});
  const Placement chosen =
      planning.placement->Choose(planning.servers, request, now, planning.random);
  for (const ServerId target : chosen.servers) {
    planning.plan->copies.push_back({info.id, target, sources, info.length, info.crc});
    planning.placement->NoteCreation(target, now);
    Begin(planning.plan->copies.back(), row, now);
  }
  // The end of a copy comes back to what is still lacking.
  if (!row->targets.empty()) return Stage::kUnderWay;
  if (!busy_targets_.empty()) return Stage::kReady;
  for (const ServerId server : Assess(info, planning.servers).bad) {
    planning.plan->removals.emplace_back(info.id, server);
  }
  row->no_room = true;
  room_came_ = false;
  return BackOff(row, fmt::format("no server can take a copy: {}", chosen.Reasons()), now);
}

void RepairPlanner::Begin(const Copy& copy, LedgerRow* row, absl::Time now) {
  const ServerId source = copy.sources.front();
  const ServerId target = copy.target;
  const absl::Time until =
      now + options_.copy_timeout +
      absl::Seconds(copy.length) / static_cast<double>(options_.copy_bytes_per_second);
  row->targets.push_back(target);
  under_way_[{copy.chunk, target}] = {source, until};
  expiries_.emplace(until, copy.chunk, target);
  ++as_source_[source];
  if (++as_target_[target] >= options_.max_per_target) busy_targets_.insert(target);
  ++in_flight_;
}

void RepairPlanner::WakeThoseDue(bool all_reported, absl::Time now) {
  const auto some = static_cast<size_t>(options_.max_scan);
  for (size_t moved = 0; moved < some && !waiting_.empty(); ++moved) {
    if (waiting_.begin()->first > now) break;
    const ChunkId chunk = waiting_.begin()->second;
    Move(chunk, &rows_[chunk], Stage::kReady);
  }
  if (all_reported || now - term_began_ >= options_.grace) MoveAll(&awaiting_, some);
  if (room_came_) MoveAll(&no_room_, kRoomStep);
  if (no_room_.empty()) room_came_ = false;
}

RepairPlanner::Plan RepairPlanner::Next(const ChunkTable& chunks, const ServerRegistry& servers,
                                        ChunkPlacement* placement, absl::Time now, Random& random) {
  Plan plan;
  ExpireCopies(now);
  WakeThoseDue(servers.AllConfirmed(), now);
  limit_ = std::max(static_cast<size_t>(options_.max_in_cluster),
                    static_cast<size_t>(options_.max_by_size) * servers.servers().size());
  const Planning planning{chunks, servers, placement, now, random, &plan};
  // In a large cluster, nearly every server may take nearly every chunk.
  const int max_busy = servers.servers().size() > kLargeCluster ? kMaxBusy : options_.max_scan;
  int busy = 0;
  int looked = 0;
  for (auto it = ready_.begin(); it != ready_.end() && looked < options_.max_scan; ++looked) {
    if (in_flight_ >= limit_ || busy >= max_busy) break;
    const ChunkId chunk = std::get<ChunkId>(*it++);
    LedgerRow& row = rows_[chunk];
    const Stage stage = PlanChunk(chunk, &row, planning);
    if (stage == Stage::kReady) {
      ++busy;
      continue;
    }
    Move(chunk, &row, stage);
  }
  // When all that were looked at wait for busy servers, the end of a copy is the time to go on.
  more_ = looked >= options_.max_scan && busy < looked;
  return plan;
}

void RepairPlanner::ExpireCopies(absl::Time now) {
  while (!expiries_.empty() && std::get<absl::Time>(*expiries_.begin()) <= now) {
    const auto [until, chunk, target] = *expiries_.begin();
    Ended(chunk, target, "took too long", now);
  }
}

void RepairPlanner::Ended(ChunkId chunk, ServerId target, std::string_view failure,
                          absl::Time now) {
  const auto copy = under_way_.find({chunk, target});
  if (copy == under_way_.end()) return;
  const ServerId source = copy->second.source;
  expiries_.erase({copy->second.until, chunk, target});
  if (--as_source_[source] == 0) as_source_.erase(source);
  if (--as_target_[target] == 0) as_target_.erase(target);
  busy_targets_.erase(target);
  under_way_.erase(copy);
  --in_flight_;
  LedgerRow& row = rows_[chunk];
  std::erase(row.targets, target);
  if (!failure.empty()) {
    Dequeue(chunk, row);
    row.no_room = false;
    row.stage = BackOff(&row, failure, now);
    Enqueue(chunk, row);
  } else if (row.stage == Stage::kUnderWay) {
    Move(chunk, &row, Stage::kReady);
  }
  WakeParked(source);
}

absl::Time RepairPlanner::NextDeadline() const {
  if (more_) return absl::InfinitePast();
  absl::Time next = waiting_.empty() ? absl::InfiniteFuture() : waiting_.begin()->first;
  if (!awaiting_.empty()) next = std::min(next, term_began_ + options_.grace);
  if (!expiries_.empty()) next = std::min(next, std::get<absl::Time>(*expiries_.begin()));
  return next;
}

absl::Status RepairPlanner::Validate() const {
  size_t targets = 0;
  size_t under_way = 0;
  for (const auto& [chunk, row] : rows_) {
    targets += row.targets.size();
    if (row.stage == Stage::kUnderWay) ++under_way;
    const int queues = static_cast<int>(ready_.contains(UrgencyOf(chunk, row))) +
                       static_cast<int>(waiting_.contains({row.next_try, chunk})) +
                       static_cast<int>(awaiting_.contains(UrgencyOf(chunk, row))) +
                       static_cast<int>(parked_.contains({row.parked_at, UrgencyOf(chunk, row)}));
    if (queues != (row.stage == Stage::kUnderWay ? 0 : 1)) {
      return InternalError("chunk {} is in {} queues", chunk, queues);
    }
    if (row.stage == Stage::kUnderWay && row.targets.empty()) {
      return InternalError("no copy of chunk {} is under way", chunk);
    }
    if (no_room_.contains(UrgencyOf(chunk, row)) != row.no_room) {
      return InternalError("chunk {} does not wait for room", chunk);
    }
  }
  const size_t queued = ready_.size() + waiting_.size() + awaiting_.size() + parked_.size();
  if (queued + under_way != rows_.size()) return InternalError("queues have strangers");
  if (targets != in_flight_ || under_way_.size() != in_flight_ || expiries_.size() != in_flight_) {
    return InternalError("{} copies under way, {} counted", targets, in_flight_);
  }
  for (const auto& [server, copies] : as_target_) {
    if (copies > options_.max_per_target) return InternalError("{} has too many copies", server);
    if (busy_targets_.contains(server) != (copies == options_.max_per_target)) {
      return InternalError("{} is wrongly taken to be busy or free", server);
    }
  }
  for (const auto& [server, copies] : as_source_) {
    if (copies > options_.max_per_source) return InternalError("{} gives too many copies", server);
  }
  if (in_flight_ > limit_) return InternalError("{} copies are too many", in_flight_);
  return absl::OkStatus();
}

}  // namespace quern::master
