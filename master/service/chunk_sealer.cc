#include "master/service/chunk_sealer.h"

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "master/logic/chunk_lifecycle.h"
#include "master/service/replica_reports.h"

namespace quern::master {
namespace {

// A server that restarts brings all its open chunks at once; each seal is mostly waiting.
constexpr int kBackgroundThreads = 8;
// So many seals of small files are told in one message, or as many as come in that time.
constexpr size_t kMaxGathered = 500;
constexpr absl::Duration kGather = absl::Milliseconds(10);

// `prefix_length`: what it was asked of, besides; 0 for nothing.
FenceAnswer ToAnswer(ServerId server, uint64_t prefix_length,
                     const absl::StatusOr<OrderDispatcher::Result>& result) {
  FenceAnswer answer;
  answer.server = server;
  const absl::Status status = OrderStatus(result);
  // NotFound is said only when no disk is missing. Any other error, DataLoss too, is about the
  // server's own books or its disk: what the replica holds nobody has read, so it may still vote.
  if (absl::IsNotFound(status)) {
    answer.kind = FenceAnswer::Kind::kLost;
    return answer;
  }
  if (!status.ok()) return answer;
  const pb::ReplicaReport& replica = result->replica();
  answer.kind = replica.state() == pb::REPLICA_STATE_CORRUPT ? FenceAnswer::Kind::kLost
                                                             : FenceAnswer::Kind::kAnswered;
  answer.length = replica.length();
  answer.crc = replica.crc();
  answer.committed = result->committed();
  answer.last_seq = result->last_seq();
  answer.suspect = result->suspect();
  if (result->has_prefix_crc()) answer.prefix_crcs[prefix_length] = result->prefix_crc();
  return answer;
}

std::vector<ServerId> ServersOf(const pb::ChunkRow& row) {
  std::vector<ServerId> servers;
  for (const uint32_t server : row.servers()) servers.emplace_back(server);
  return servers;
}

}  // namespace

ChunkSealer::ChunkSealer(const MasterOptions& options, ClusterState* state, Committer* committer,
                         OrderDispatcher* orders, Clock* clock)
    : options_(options), state_(*state), committer_(*committer), orders_(*orders), clock_(*clock) {
  for (int i = 0; i < kBackgroundThreads; ++i) {
    threads_.emplace_back("sealer", [this] { RunBackground(); });
  }
  threads_.emplace_back("finalizer", [this] { RunFinalizer(); });
}

ChunkSealer::~ChunkSealer() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
    first_changed_.SignalAll();
    turn_.SignalAll();
    finalizer_.SignalAll();
  }
  for (Thread& thread : threads_) thread.Join();
}

absl::StatusOr<pb::ChunkRow> ChunkSealer::ReadRow(ChunkId chunk) const {
  const std::unique_ptr<RowReader> rows = committer_.Snapshot();
  const MetadataView view(*rows);
  std::optional<pb::ChunkRow> row = view.Chunk(chunk);
  RETURN_IF_ERROR(view.status());
  if (!row.has_value()) return NotFoundError("chunk {}: its file was deleted", chunk);
  return *std::move(row);
}

std::vector<FenceAnswer> ChunkSealer::AskReplicas(ChunkId chunk,
                                                  const std::vector<ServerId>& servers,
                                                  const Question& question) {
  std::vector<std::pair<ServerId, pb::Order>> orders;
  for (const ServerId server : servers) {
    pb::Order order;
    order.mutable_fence()->set_chunk_id(chunk.value());
    order.mutable_fence()->set_attempt(question.attempt);
    order.mutable_fence()->set_producer(question.producer);
    order.mutable_fence()->set_prefix_length(question.prefix_length);
    orders.emplace_back(server, std::move(order));
  }
  const auto results = SendAndGather(
      &orders_, std::move(orders),
      {.clock = &clock_, .timeout = options_.order_timeout, .patience = options_.fence_patience});
  std::vector<FenceAnswer> answers;
  for (size_t i = 0; i < results.size(); ++i) {
    answers.push_back(ToAnswer(servers[i], question.prefix_length, results[i]));
  }
  return answers;
}

SealDecision ChunkSealer::Decide(ChunkId chunk, const pb::ChunkRow& row,
                                 const Complaint& complaint) {
  Question question = {.attempt = row.seal_attempt(), .producer = complaint.producer};
  std::vector<FenceAnswer> answers = AskReplicas(chunk, ServersOf(row), question);
  SealDecision decision = PlanSeal(answers, complaint.acked_offset);
  // Each round is about another length, of which there is one per replica.
  while (!decision.decided && decision.ask_prefix != 0) {
    question.prefix_length = decision.ask_prefix;
    std::vector<ServerId> longer;
    for (FenceAnswer& answer : answers) {
      if (answer.kind != FenceAnswer::Kind::kAnswered || answer.length <= question.prefix_length) {
        continue;
      }
      longer.push_back(answer.server);
      answer.prefix_crcs[question.prefix_length] = std::nullopt;
    }
    for (const FenceAnswer& told : AskReplicas(chunk, longer, question)) {
      const auto answer = std::ranges::find(answers, told.server, &FenceAnswer::server);
      if (told.kind != FenceAnswer::Kind::kAnswered) continue;
      for (const auto& [length, crc] : told.prefix_crcs) answer->prefix_crcs[length] = crc;
    }
    decision = PlanSeal(answers, complaint.acked_offset);
  }
  return decision;
}

// A chunk that its primary sealed in peace does not say what of a writer's data is in it; its
// replicas do.
absl::StatusOr<pb::ChunkRow> ChunkSealer::AddLastSeq(ChunkId chunk, pb::ChunkRow row,
                                                     uint64_t producer) {
  if (producer == 0 || row.producer() == producer) return row;
  if (row.length() == 0) {
    row.set_producer(producer);
    row.set_last_seq(0);
    return row;
  }
  // Copies know it too.
  std::vector<ServerId> holders;
  {
    MutexLock lock(&state_.mutex);
    const std::optional<ChunkInfo> info = state_.chunks.Find(chunk);
    if (info.has_value()) {
      for (const Replica& replica : info->replicas) holders.push_back(replica.server);
    }
  }
  const Question question = {.attempt = row.seal_attempt(), .producer = producer};
  for (const FenceAnswer& answer : AskReplicas(chunk, holders, question)) {
    if (answer.kind != FenceAnswer::Kind::kAnswered || answer.length != row.length()) continue;
    row.set_producer(producer);
    row.set_last_seq(answer.last_seq);
    return row;
  }
  return UnavailableError("chunk {}: is sealed, but no replica can be asked what is in it", chunk);
}

absl::StatusOr<pb::ChunkRow> ChunkSealer::Sealed(ChunkId chunk, pb::ChunkRow row,
                                                 const Complaint& complaint) {
  if (row.lost_tail() && complaint.acked_offset.has_value()) {
    RETURN_IF_ERROR(committer_.Commit([&](const MetadataView& view) {
      return ChunkLifecycle(view).Vouch(chunk, *complaint.acked_offset);
    }));
    ASSIGN_OR_RETURN(row, ReadRow(chunk));
  }
  return AddLastSeq(chunk, std::move(row), complaint.producer);
}

absl::StatusOr<pb::ChunkRow> ChunkSealer::SealOnce(ChunkId chunk, const Complaint& complaint) {
  RETURN_IF_ERROR(committer_.Commit([&](const MetadataView& view) {
    return ChunkLifecycle(view).BeginSeal(chunk, complaint.reason);
  }));
  ASSIGN_OR_RETURN(pb::ChunkRow row, ReadRow(chunk));
  if (row.state() == pb::CHUNK_STATE_SEALED) {
    return Sealed(chunk, std::move(row), complaint);
  }
  const SealDecision decision = Decide(chunk, row, complaint);
  if (!decision.decided) {
    LogWarning("seal_blocked", {{"chunk", chunk}, {"reason", decision.reason}});
    return UnavailableError("chunk {}: cannot be sealed yet: {}. Try: dfs admin report", chunk,
                            decision.reason);
  }
  for (const ServerId server : decision.corrupt) {
    LogWarning("replica_lost_acknowledged_bytes", {{"chunk", chunk}, {"server", server}});
  }
  SealedAt sealed;
  sealed.length = decision.length;
  sealed.crc = decision.crc;
  sealed.lost_tail = decision.lost_tail;
  sealed.producer = complaint.producer;
  sealed.last_seq = decision.last_seq;
  RETURN_IF_ERROR(committer_.Commit(
      [&](const MetadataView& view) { return ChunkLifecycle(view).ForcedSeal(chunk, sealed); }));
  LogInfo("chunk_sealed", {{"chunk", chunk},
                           {"length", decision.length},
                           {"forced", true},
                           {"lost_tail", decision.lost_tail},
                           {"reason", complaint.reason}});
  BroadcastFinalize(chunk);
  FinalizeUnlisted(chunk, ServersOf(row));
  return ReadRow(chunk);
}

absl::StatusOr<pb::ChunkRow> ChunkSealer::Seal(ChunkId chunk, const Complaint& complaint) {
  {
    MutexLock lock(&mutex_);
    while (running_.contains(chunk)) changed_.Wait(&mutex_);
    running_.insert(chunk);
  }
  absl::StatusOr<pb::ChunkRow> row = SealOnce(chunk, complaint);
  MutexLock lock(&mutex_);
  running_.erase(chunk);
  changed_.SignalAll();
  return row;
}

void ChunkSealer::BroadcastFinalize(std::span<const ChunkId> chunks) {
  absl::flat_hash_map<ServerId, std::vector<OrderDispatcher::Item>> orders;
  {
    MutexLock lock(&state_.mutex);
    for (const ChunkId chunk : chunks) {
      const std::optional<ChunkInfo> info = state_.chunks.Find(chunk);
      if (!info.has_value()) continue;
      for (const Replica& replica : info->replicas) {
        if (replica.state != pb::REPLICA_STATE_OPEN && replica.state != pb::REPLICA_STATE_FENCED) {
          continue;
        }
        orders[replica.server].push_back(FinalizeItem(*info));
      }
    }
  }
  for (auto& [server, items] : orders) orders_.SendAll(server, std::move(items));
}

OrderDispatcher::Item ChunkSealer::FinalizeItem(const ChunkInfo& chunk) {
  return {FinalizeOrder(chunk), [this, id = chunk.id](const auto& result) {
            if (!TryFinalizeAgain(result)) return;
            SealLater(id, options_.seal_pause, "a replica could not be finalized");
          }};
}

void ChunkSealer::FinalizeUnlisted(ChunkId chunk, const std::vector<ServerId>& chain) {
  std::optional<ChunkInfo> info;
  {
    MutexLock lock(&state_.mutex);
    info = state_.chunks.Find(chunk);
  }
  if (!info.has_value()) return;
  for (const ServerId server : chain) {
    if (info->Find(server) == nullptr) orders_.SendAll(server, {FinalizeItem(*info)});
  }
}

void ChunkSealer::FinalizeSoon(ChunkId chunk) {
  MutexLock lock(&mutex_);
  to_finalize_.push_back(chunk);
  if (to_finalize_.size() == 1 || to_finalize_.size() == kMaxGathered) finalizer_.Signal();
}

// What is not told at the end is found by the next start of the master, as after a kill.
void ChunkSealer::RunFinalizer() {
  while (true) {
    std::vector<ChunkId> chunks;
    {
      MutexLock lock(&mutex_);
      while (to_finalize_.empty() && !stopping_) finalizer_.Wait(&mutex_);
      if (!stopping_) finalizer_.WaitFor(&mutex_, kGather);
      if (stopping_) return;
      chunks.swap(to_finalize_);
    }
    BroadcastFinalize(chunks);
  }
}

void ChunkSealer::SealLater(ChunkId chunk, absl::Duration delay, std::string_view reason) {
  MutexLock lock(&mutex_);
  const absl::Time not_before = clock_.MonotonicNow() + delay;
  const auto [it, added] = waiting_.try_emplace(chunk, Waiting{not_before, std::string(reason)});
  if (!added) {
    if (it->second.not_before <= not_before) return;
    due_.erase({it->second.not_before, chunk});
    it->second.not_before = not_before;
  }
  due_.insert({not_before, chunk});
  if (due_.begin()->second != chunk) return;
  first_changed_.Signal();
  turn_.Signal();
}

std::optional<ChunkSealer::Due> ChunkSealer::TakeDue() {
  MutexLock lock(&mutex_);
  while (!stopping_) {
    if (somebody_waits_ || due_.empty()) {
      turn_.Wait(&mutex_);
      continue;
    }
    const auto [not_before, chunk] = *due_.begin();
    const absl::Duration left = not_before - clock_.MonotonicNow();
    if (left > absl::ZeroDuration()) {
      somebody_waits_ = true;
      first_changed_.WaitFor(&mutex_, left);
      somebody_waits_ = false;
      continue;
    }
    due_.erase(due_.begin());
    const auto found = waiting_.find(chunk);
    Due due{chunk, std::move(found->second.reason)};
    waiting_.erase(found);
    turn_.Signal();
    return due;
  }
  return std::nullopt;
}

void ChunkSealer::RunBackground() {
  while (const std::optional<Due> due = TakeDue()) {
    bool sealed = false;
    {
      MutexLock lock(&state_.mutex);
      const std::optional<ChunkInfo> info = state_.chunks.Find(due->chunk);
      if (!info.has_value()) continue;
      sealed = info->state == pb::CHUNK_STATE_SEALED;
    }
    if (sealed) {
      BroadcastFinalize(due->chunk);
      continue;
    }
    // The return of one of its servers asks again at once; a slow one is asked now and then.
    const absl::Status status = Seal(due->chunk, {.reason = due->reason}).status();
    if (absl::IsUnavailable(status)) SealLater(due->chunk, options_.seal_pause, due->reason);
  }
}

}  // namespace quern::master
