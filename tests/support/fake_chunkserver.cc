#include "tests/support/fake_chunkserver.h"

#include <grpcpp/client_context.h>

#include <algorithm>

#include "common/inventory_digest.h"
#include "common/rpc/channel.h"
#include "common/rpc/grpc_status.h"
#include "quern/dfs/v1/cluster.grpc.pb.h"

namespace quern {

using pb::MasterMessage;
using pb::ReplicaReport;
using pb::ServerMessage;

struct FakeChunkserver::Session {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<pb::Cluster::Stub> stub;
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReaderWriter<ServerMessage, MasterMessage>> stream;
  bool admitted = false;
  bool digests_wanted = false;
  bool ended = false;
  bool stopping = false;
  uint64_t heartbeats = 0;
  absl::Status status;
  Thread reader;
  Thread heart;
};

FakeChunkserver::FakeChunkserver(const Options& options)
    : options_(options),
      master_(options.master),
      free_bytes_(options.free_bytes),
      followed_(options.followed) {}

FakeChunkserver::~FakeChunkserver() { Disconnect(); }

ServerMessage FakeChunkserver::Registration() {
  ServerMessage message;
  ServerMessage::Register* registration = message.mutable_register_();
  registration->set_server_uuid("uuid-" + options_.node);
  registration->set_cluster_id(options_.cluster_id);
  registration->set_max_term(followed_.term);
  registration->set_start_id(followed_.start_id);
  registration->set_max_log_index(followed_.log_index);
  if (!replicas_.empty()) registration->set_max_chunk_id(replicas_.rbegin()->first.value());
  registration->set_replica_count(replicas_.size());
  registration->set_boot_id("boot");
  registration->set_address(address());
  registration->set_http_address(options_.node + ":2");
  registration->set_node(options_.node);
  registration->set_rack(options_.rack);
  auto* disk = registration->add_disks();
  disk->set_capacity_bytes(options_.free_bytes * 2);
  disk->set_free_bytes(free_bytes_);
  InventoryDigests digests{};
  for (const auto& [chunk, replica] : replicas_) {
    digests[InventoryBucket(chunk)] ^= InventoryHash(chunk, static_cast<uint32_t>(replica.state()),
                                                     replica.length(), replica.crc());
  }
  registration->mutable_digests()->Add(digests.begin(), digests.end());
  return message;
}

absl::Status FakeChunkserver::Connect() {
  session_ = std::make_unique<Session>();
  Session* const session = session_.get();
  {
    MutexLock lock(&mutex_);
    session->channel = rpc::MakeChannel(master_, rpc::ChannelKind::kBulk);
    session->stub = pb::Cluster::NewStub(session->channel);
    session->context.set_wait_for_ready(true);
    session->stream = session->stub->Session(&session->context);
    session->stream->Write(Registration());
  }
  session->reader = Thread("fake-reader", [this, session] { Read(session); });
  {
    MutexLock lock(&mutex_);
    while (!session->admitted && !session->ended) changed_.Wait(&mutex_);
    if (session->ended) return session->status;
  }
  session->heart = Thread("fake-heart", [this, session] { Beat(session); });
  return absl::OkStatus();
}

void FakeChunkserver::Disconnect() {
  if (session_ == nullptr) return;
  {
    MutexLock lock(&mutex_);
    session_->stopping = true;
    changed_.SignalAll();
  }
  session_->context.TryCancel();
  session_->reader.Join();
  session_->heart.Join();
  session_.reset();
}

absl::Status FakeChunkserver::Restart() {
  Disconnect();
  {
    MutexLock lock(&mutex_);
    deltas_.clear();
    for (auto& [chunk, replica] : replicas_) {
      if (replica.state() == pb::REPLICA_STATE_OPEN) {
        replica.set_state(pb::REPLICA_STATE_FENCED);
      }
    }
  }
  return Connect();
}

void FakeChunkserver::Read(Session* session) {
  MasterMessage message;
  while (session->stream->Read(&message)) {
    MutexLock lock(&mutex_);
    if (message.has_admitted()) {
      id_ = message.admitted().server_id();
      session->admitted = true;
      changed_.SignalAll();
    } else if (message.has_inventory_wanted()) {
      SendInventory(session, message.inventory_wanted());
    } else if (message.has_digests_wanted()) {
      session->digests_wanted = true;
    }
    for (const pb::Order& order : message.orders().orders()) Obey(session, order);
  }
  const absl::Status status = rpc::FromGrpc(session->stream->Finish());
  MutexLock lock(&mutex_);
  session->status = status;
  session->ended = true;
  changed_.SignalAll();
}

void FakeChunkserver::Obey(Session* session, const pb::Order& order) {
  orders_.push_back(order);
  followed_ = {.term = order.term(), .start_id = order.start_id(), .log_index = order.log_index()};
  std::optional<Result> result;
  if (override_) result = override_(order);
  if (!result.has_value()) result = CarryOut(order);
  // Changes before results.
  if (!deltas_.empty() && !frozen_) SendHeartbeat(session);
  if (result->code() == -1) return;
  ServerMessage answer;
  *answer.mutable_results()->add_results() = *std::move(result);
  answer.mutable_results()->mutable_results(0)->set_order_id(order.order_id());
  session->stream->Write(answer);
}

void FakeChunkserver::Beat(Session* session) {
  MutexLock lock(&mutex_);
  while (!session->stopping && !session->ended) {
    if (!frozen_) SendHeartbeat(session);
    changed_.WaitFor(&mutex_, options_.heartbeat);
  }
}

void FakeChunkserver::SendHeartbeat(Session* session) {
  ServerMessage message;
  message.mutable_heartbeat()->set_seq(++session->heartbeats);
  *message.mutable_heartbeat()->mutable_disks() = Registration().register_().disks();
  for (const ReplicaReport& delta : deltas_) *message.mutable_heartbeat()->add_deltas() = delta;
  deltas_.clear();
  if (session->digests_wanted) {
    *message.mutable_heartbeat()->mutable_digests() = Registration().register_().digests();
    session->digests_wanted = false;
  }
  session->stream->Write(message);
}

FakeChunkserver::Result FakeChunkserver::CarryOut(const Order& order) {
  Result result;
  const auto set = [&](uint64_t chunk, pb::ReplicaState state, uint64_t length)
                       ABSL_NO_THREAD_SAFETY_ANALYSIS {
                         ReplicaReport& replica = replicas_[ChunkId(chunk)];
                         replica.set_chunk_id(chunk);
                         replica.set_state(state);
                         replica.set_length(length);
                         replica.set_crc(FakeCrc(length));
                         *result.mutable_replica() = replica;
                         deltas_.push_back(replica);
                       };
  const auto not_there = [&](uint64_t chunk) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (replicas_.contains(ChunkId(chunk))) return false;
    result.set_code(static_cast<int>(absl::StatusCode::kNotFound));
    return true;
  };
  if (order.has_create()) {
    const ChunkId chunk(order.create().chunk_id());
    if (replicas_.contains(chunk)) {
      result.set_code(static_cast<int>(absl::StatusCode::kAlreadyExists));
      return result;
    }
    tokens_[chunk] = order.create().token();
    set(order.create().chunk_id(), pb::REPLICA_STATE_OPEN, 0);
  } else if (order.has_fence()) {
    const uint64_t chunk = order.fence().chunk_id();
    if (not_there(chunk)) return result;
    ReplicaReport& replica = replicas_[ChunkId(chunk)];
    if (replica.state() == pb::REPLICA_STATE_OPEN) {
      replica.set_state(pb::REPLICA_STATE_FENCED);
      deltas_.push_back(replica);
    }
    *result.mutable_replica() = replica;
    result.set_last_seq(replica.length() / 10);
    const uint64_t prefix = order.fence().prefix_length();
    if (prefix > 0 && prefix <= replica.length()) result.set_prefix_crc(FakeCrc(prefix));
  } else if (order.has_finalize()) {
    const auto& finalize = order.finalize();
    if (not_there(finalize.chunk_id())) return result;
    const ReplicaReport replica = replicas_[ChunkId(finalize.chunk_id())];
    const bool fits =
        finalize.length() <= replica.length() && finalize.crc() == FakeCrc(finalize.length());
    set(finalize.chunk_id(), fits ? pb::REPLICA_STATE_FINALIZED : pb::REPLICA_STATE_STALE,
        fits ? finalize.length() : replica.length());
  } else if (order.has_copy()) {
    set(order.copy().chunk_id(), pb::REPLICA_STATE_FINALIZED, order.copy().length());
  } else if (order.has_delete_()) {
    const uint64_t token = order.delete_().create_token();
    if (token != 0 && tokens_[ChunkId(order.delete_().chunk_id())] != token) {
      result.set_code(static_cast<int>(absl::StatusCode::kFailedPrecondition));
      return result;
    }
    const ChunkId chunk(order.delete_().chunk_id());
    if (replicas_.erase(chunk) > 0) {
      ReplicaReport& gone = deltas_.emplace_back();
      gone.set_chunk_id(chunk.value());
      gone.set_state(pb::REPLICA_STATE_REMOVED);
    }
    damaged_.erase(chunk);
  } else if (order.has_verify()) {
    const uint64_t chunk = order.verify().chunk_id();
    if (not_there(chunk)) return result;
    const ReplicaReport replica = replicas_[ChunkId(chunk)];
    const bool damaged = damaged_.contains(ChunkId(chunk));
    set(chunk, damaged ? pb::REPLICA_STATE_CORRUPT : replica.state(), replica.length());
  } else if (order.has_quarantine()) {
    const uint64_t chunk = order.quarantine().chunk_id();
    if (not_there(chunk)) return result;
    set(chunk, pb::REPLICA_STATE_QUARANTINED, replicas_[ChunkId(chunk)].length());
  }
  return result;
}

void FakeChunkserver::SendInventory(Session* session,
                                    const MasterMessage::InventoryWanted& wanted) {
  // In two pages, as a large inventory would come.
  ServerMessage first;
  ServerMessage last;
  *first.mutable_inventory()->mutable_buckets() = wanted.buckets();
  last.mutable_inventory()->set_last(true);
  bool odd = false;
  for (const auto& [chunk, replica] : replicas_) {
    const uint32_t bucket = InventoryBucket(chunk);
    if (std::find(wanted.buckets().begin(), wanted.buckets().end(), bucket) ==
        wanted.buckets().end()) {
      continue;
    }
    *((odd = !odd) ? first : last).mutable_inventory()->add_replicas() = replica;
  }
  session->stream->Write(first);
  session->stream->Write(last);
}

void FakeChunkserver::SetFreeBytes(uint64_t free_bytes) {
  MutexLock lock(&mutex_);
  free_bytes_ = free_bytes;
}

void FakeChunkserver::Freeze(bool frozen) {
  MutexLock lock(&mutex_);
  frozen_ = frozen;
}

ServerId FakeChunkserver::id() {
  MutexLock lock(&mutex_);
  return ServerId(id_);
}

void FakeChunkserver::SetFollowed(const FollowedMaster& followed) {
  MutexLock lock(&mutex_);
  followed_ = followed;
}

FollowedMaster FakeChunkserver::followed() {
  MutexLock lock(&mutex_);
  return followed_;
}

void FakeChunkserver::SetMaster(std::string address) {
  MutexLock lock(&mutex_);
  master_ = std::move(address);
}

ReplicaReport FakeChunkserver::Replica(ChunkId chunk) {
  MutexLock lock(&mutex_);
  const auto found = replicas_.find(chunk);
  if (found != replicas_.end()) return found->second;
  ReplicaReport removed;
  removed.set_state(pb::REPLICA_STATE_REMOVED);
  return removed;
}

std::vector<ChunkId> FakeChunkserver::Chunks() {
  MutexLock lock(&mutex_);
  std::vector<ChunkId> chunks;
  for (const auto& [chunk, replica] : replicas_) chunks.push_back(chunk);
  return chunks;
}

void FakeChunkserver::SetReplica(ChunkId chunk, pb::ReplicaState state, uint64_t length) {
  MutexLock lock(&mutex_);
  if (state == pb::REPLICA_STATE_REMOVED) {
    replicas_.erase(chunk);
    return;
  }
  ReplicaReport& replica = replicas_[chunk];
  replica.set_chunk_id(chunk.value());
  replica.set_state(state);
  replica.set_length(length);
  replica.set_crc(FakeCrc(length));
}

void FakeChunkserver::Report(ChunkId chunk, pb::ReplicaState state, uint64_t length) {
  SetReplica(chunk, state, length);
  MutexLock lock(&mutex_);
  ReplicaReport report;
  report.set_chunk_id(chunk.value());
  report.set_state(state);
  report.set_length(length);
  report.set_crc(FakeCrc(length));
  deltas_.push_back(report);
  changed_.SignalAll();
}

void FakeChunkserver::TellOnly(ChunkId chunk, pb::ReplicaState state, uint64_t length) {
  ReplicaReport& report = deltas_.emplace_back();
  report.set_chunk_id(chunk.value());
  report.set_state(state);
  report.set_length(length);
  report.set_crc(FakeCrc(length));
}

void FakeChunkserver::ReportExpired(ChunkId chunk) {
  MutexLock lock(&mutex_);
  ReplicaReport report = replicas_[chunk];
  report.set_expired(true);
  deltas_.push_back(report);
  changed_.SignalAll();
}

void FakeChunkserver::Damage(ChunkId chunk) {
  MutexLock lock(&mutex_);
  damaged_.insert(chunk);
}

void FakeChunkserver::SetOverride(Override override) {
  MutexLock lock(&mutex_);
  override_ = std::move(override);
}

std::vector<FakeChunkserver::Order> FakeChunkserver::orders() {
  MutexLock lock(&mutex_);
  return orders_;
}

int FakeChunkserver::CountOrders(Order::KindCase kind) {
  MutexLock lock(&mutex_);
  return static_cast<int>(std::count_if(orders_.begin(), orders_.end(), [&](const Order& order) {
    return order.kind_case() == kind;
  }));
}

}  // namespace quern
