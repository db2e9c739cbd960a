#include "tests/support/fake_master.h"

#include <gtest/gtest.h>

#include "common/clock.h"
#include "common/rpc/bulk_codec.h"

namespace quern {

using pb::MasterMessage;
using pb::Order;
using pb::ReplicaReport;
using pb::ServerMessage;
using Kind = rpc::BulkEvent::Kind;

namespace {

uint64_t StartOfTerm(uint64_t term) { return term * 1000 + 1; }

FakeMaster::Options WithStart(FakeMaster::Options options) {
  if (options.start_id == 0) options.start_id = StartOfTerm(options.term);
  return options;
}

}  // namespace

FakeMaster::FakeMaster(const Options& options)
    : options_(WithStart(options)), log_index_(options.log_index) {
  auto server = rpc::Server::Start(
      {.listen = options.listen, .watchdog = false}, {},
      {{"/quern.dfs.v1.Cluster/Session",
        [this](rpc::BulkLoop* loop, rpc::BulkStream* stream) { Serve(loop, stream); }},
       {"/quern.dfs.v1.Cluster/ReportSealed",
        [this](rpc::BulkLoop* loop, rpc::BulkStream* stream) { OnReportSealed(loop, stream); }}});
  EXPECT_TRUE(server.ok()) << server.status().ToString();
  if (server.ok()) server_ = *std::move(server);
}

FakeMaster::~FakeMaster() { server_->Shutdown(absl::ZeroDuration()); }

bool FakeMaster::Await(const std::function<bool()>& done) {
  const absl::Time give_up = Clock::Real()->MonotonicNow() + kPatience;
  while (!done()) {
    if (Clock::Real()->MonotonicNow() > give_up) return false;
    changed_.WaitFor(&mutex_, absl::Milliseconds(200));
  }
  return true;
}

// --- Sessions.

void FakeMaster::Serve(rpc::BulkLoop* loop, rpc::BulkStream* stream) {
  std::string node;
  while (true) {
    const rpc::BulkEvent event = loop->Next(absl::Seconds(60));
    if (event.kind == Kind::kEndOfMessages || event.kind == Kind::kStopping) break;
    MutexLock lock(&mutex_);
    if (event.kind == Kind::kMessage) {
      ServerMessage message;
      EXPECT_TRUE(rpc::DecodeMessage(event.message, &message).ok());
      Take(message, loop, &node);
    }
    if (node.empty()) continue;
    Session& session = sessions_[node];
    if (session.loop != loop) break;  // it has registered anew
    for (const MasterMessage& message : session.outbox) stream->Send(rpc::EncodeMessage(message));
    session.outbox.clear();
  }
  stream->Finish(absl::OkStatus());
  MutexLock lock(&mutex_);
  ++sessions_ended_;
  const auto found = sessions_.find(node);
  if (found != sessions_.end() && found->second.loop == loop) found->second.loop = nullptr;
  changed_.SignalAll();
}

void FakeMaster::Take(const ServerMessage& message, rpc::BulkLoop* loop, std::string* node) {
  if (message.has_register_()) {
    *node = message.register_().node();
    Admit(message.register_(), loop);
  }
  Session& session = sessions_[*node];
  if (message.has_heartbeat()) {
    EXPECT_EQ(message.heartbeat().seq(), ++session.heartbeat_seq) << "of " << *node;
    session.failed_disks = 0;
    session.hanging_disks = 0;
    for (const auto& disk : message.heartbeat().disks()) {
      session.failed_disks += disk.failed();
      session.hanging_disks += disk.hangs();
    }
    for (const ReplicaReport& delta : message.heartbeat().deltas()) {
      replicas_[{*node, delta.chunk_id()}] = delta;
    }
  }
  if (message.has_heartbeat() && message.heartbeat().digests_size() > 0) {
    session.digests = {message.heartbeat().digests().begin(), message.heartbeat().digests().end()};
  }
  for (const auto& result : message.results().results()) results_[result.order_id()] = result;
  if (message.has_inventory()) {
    session.inventory.insert(session.inventory.end(), message.inventory().replicas().begin(),
                             message.inventory().replicas().end());
    session.inventory_done = message.inventory().last();
  }
  changed_.SignalAll();
}

void FakeMaster::Admit(const ServerMessage::Register& registration, rpc::BulkLoop* loop) {
  const auto next_id = static_cast<uint32_t>(ids_.size() + 1);
  Session session;
  session.registration = registration;
  session.server_id = ids_.try_emplace(registration.server_uuid(), next_id).first->second;
  session.loop = loop;
  MasterMessage admitted;
  admitted.mutable_admitted()->set_cluster_id(options_.cluster_id);
  admitted.mutable_admitted()->set_term(options_.term);
  for (uint64_t term = 1; term <= options_.term; ++term) {
    pb::MasterStart* start = admitted.mutable_admitted()->add_history();
    const bool last = term == options_.term;
    start->set_term(term);
    start->set_id(last ? options_.start_id : StartOfTerm(term));
    start->set_end_index(last ? 0 : options_.log_index);
  }
  admitted.mutable_admitted()->set_server_id(session.server_id);
  admitted.mutable_admitted()->set_heartbeat_ms(50);
  session.outbox.push_back(admitted);
  sessions_[registration.node()] = std::move(session);
}

bool FakeMaster::AwaitSessions(const std::vector<std::string>& nodes) {
  MutexLock lock(&mutex_);
  return Await([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    for (const std::string& node : nodes) {
      const auto found = sessions_.find(node);
      // A heartbeat means that the server has taken the admission.
      if (found == sessions_.end() || found->second.loop == nullptr) return false;
      if (found->second.heartbeat_seq == 0) return false;
    }
    return true;
  });
}

std::vector<pb::ServerAddress> FakeMaster::Chain(const std::vector<std::string>& nodes) {
  MutexLock lock(&mutex_);
  std::vector<pb::ServerAddress> chain;
  for (const std::string& node : nodes) {
    const Session& session = sessions_[node];
    pb::ServerAddress& address = chain.emplace_back();
    address.set_server_id(session.server_id);
    address.set_address(session.registration.address());
    address.set_node(node);
  }
  return chain;
}

// --- Orders.

uint64_t FakeMaster::SendLocked(const std::string& node, Order order) {
  order.set_order_id(++last_order_);
  order.set_cluster_id(options_.cluster_id);
  order.set_term(options_.term);
  order.set_start_id(options_.start_id);
  order.set_log_index(log_index_);
  Session& session = sessions_[node];
  if (session.loop == nullptr) return 0;
  *session.outbox.emplace_back().mutable_orders()->add_orders() = order;
  session.loop->Wake();
  return order.order_id();
}

void FakeMaster::Send(const std::string& node, const Order& order) {
  MutexLock lock(&mutex_);
  SendLocked(node, order);
}

absl::StatusOr<FakeMaster::Result> FakeMaster::Carry(const std::string& node, Order order) {
  MutexLock lock(&mutex_);
  const uint64_t id = SendLocked(node, std::move(order));
  if (id == 0) return UnavailableError("{} has no session", node);
  Session& session = sessions_[node];
  const auto answered = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return results_.contains(id) || session.loop == nullptr;
  };
  if (!Await(answered) || !results_.contains(id)) {
    return DeadlineExceededError("{} does not answer an order", node);
  }
  const Result& result = results_[id];
  if (result.code() == 0) return result;
  return MakeStatus(static_cast<absl::StatusCode>(result.code()), result.message());
}

absl::Status FakeMaster::Create(ChunkId chunk, const std::vector<std::string>& nodes,
                                uint64_t capacity_bytes, pb::Durability durability) {
  const auto chain = Chain(nodes);
  for (size_t i = 0; i < nodes.size(); ++i) {
    Order order;
    Order::Create* create = order.mutable_create();
    create->set_chunk_id(chunk.value());
    create->mutable_chain()->Add(chain.begin(), chain.end());
    create->set_position(static_cast<uint32_t>(i));
    create->set_reserve_bytes(capacity_bytes);
    create->set_durability(durability);
    RETURN_IF_ERROR(Carry(nodes[i], order).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<FakeMaster::Result> FakeMaster::Fence(const std::string& node, ChunkId chunk,
                                                     uint64_t producer) {
  Order order;
  order.mutable_fence()->set_chunk_id(chunk.value());
  order.mutable_fence()->set_producer(producer);
  return Carry(node, order);
}

absl::StatusOr<FakeMaster::Result> FakeMaster::Finalize(const std::string& node, ChunkId chunk,
                                                        uint64_t length, uint32_t crc) {
  Order order;
  order.mutable_finalize()->set_chunk_id(chunk.value());
  order.mutable_finalize()->set_length(length);
  order.mutable_finalize()->set_crc(crc);
  return Carry(node, order);
}

absl::StatusOr<FakeMaster::Result> FakeMaster::Copy(const std::string& node, ChunkId chunk,
                                                    uint64_t length, uint32_t crc,
                                                    const std::vector<std::string>& sources) {
  const auto chain = Chain(sources);
  Order order;
  order.mutable_copy()->set_chunk_id(chunk.value());
  order.mutable_copy()->set_length(length);
  order.mutable_copy()->set_crc(crc);
  order.mutable_copy()->mutable_sources()->Add(chain.begin(), chain.end());
  return Carry(node, order);
}

absl::Status FakeMaster::Delete(const std::string& node, ChunkId chunk) {
  Order order;
  order.mutable_delete_()->set_chunk_id(chunk.value());
  return Carry(node, order).status();
}

absl::StatusOr<FakeMaster::Result> FakeMaster::Verify(const std::string& node, ChunkId chunk) {
  Order order;
  order.mutable_verify()->set_chunk_id(chunk.value());
  return Carry(node, order);
}

absl::Status FakeMaster::Quarantine(const std::string& node, ChunkId chunk) {
  Order order;
  order.mutable_quarantine()->set_chunk_id(chunk.value());
  return Carry(node, order).status();
}

void FakeMaster::SetLogIndex(uint64_t log_index) {
  MutexLock lock(&mutex_);
  log_index_ = log_index;
}

void FakeMaster::TellProgress(const std::string& node, uint64_t log_index) {
  MutexLock lock(&mutex_);
  Session& session = sessions_[node];
  session.outbox.emplace_back().mutable_progress()->set_log_index(log_index);
  session.loop->Wake();
}

// --- Seals.

void FakeMaster::OnReportSealed(rpc::BulkLoop* loop, rpc::BulkStream* stream) {
  const rpc::BulkEvent event = loop->Next(absl::Seconds(10));
  pb::ReportSealedRequest request;
  if (event.kind != Kind::kMessage || !rpc::DecodeMessage(event.message, &request).ok()) {
    return stream->Finish(InvalidArgumentError("no request"));
  }
  MutexLock lock(&mutex_);
  ++seal_reports_;
  changed_.SignalAll();
  if (!seal_answer_.ok()) return stream->Finish(seal_answer_);
  sealed_[request.chunk_id()] = request;
  stream->Send(rpc::EncodeMessage(pb::ReportSealedResponse()));
  stream->Finish(absl::OkStatus());
}

void FakeMaster::AnswerSeals(absl::Status status) {
  MutexLock lock(&mutex_);
  seal_answer_ = std::move(status);
}

std::optional<pb::ReportSealedRequest> FakeMaster::Sealed(ChunkId chunk) {
  MutexLock lock(&mutex_);
  const auto found = sealed_.find(chunk.value());
  if (found == sealed_.end()) return std::nullopt;
  return found->second;
}

int FakeMaster::seal_reports() {
  MutexLock lock(&mutex_);
  return seal_reports_;
}

// --- What servers say.

ReplicaReport FakeMaster::Reported(const std::string& node, ChunkId chunk) {
  MutexLock lock(&mutex_);
  const auto found = replicas_.find({node, chunk.value()});
  if (found != replicas_.end()) return found->second;
  ReplicaReport none;
  none.set_state(pb::REPLICA_STATE_REMOVED);
  return none;
}

bool FakeMaster::AwaitState(const std::string& node, ChunkId chunk, pb::ReplicaState state) {
  MutexLock lock(&mutex_);
  return Await([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const auto found = replicas_.find({node, chunk.value()});
    return found != replicas_.end() && found->second.state() == state;
  });
}

bool FakeMaster::AwaitExpired(const std::string& node, ChunkId chunk) {
  MutexLock lock(&mutex_);
  return Await([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const auto found = replicas_.find({node, chunk.value()});
    return found != replicas_.end() && found->second.expired();
  });
}

bool FakeMaster::AwaitFailedDisks(const std::string& node, int failed) {
  MutexLock lock(&mutex_);
  return Await(
      [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return sessions_[node].failed_disks == failed; });
}

bool FakeMaster::AwaitHangingDisks(const std::string& node, int hanging) {
  MutexLock lock(&mutex_);
  return Await(
      [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return sessions_[node].hanging_disks == hanging; });
}

ServerMessage::Register FakeMaster::Registration(const std::string& node) {
  MutexLock lock(&mutex_);
  return sessions_[node].registration;
}

std::vector<ReplicaReport> FakeMaster::Inventory(const std::string& node) {
  MutexLock lock(&mutex_);
  Session& session = sessions_[node];
  session.inventory.clear();
  session.inventory_done = false;
  auto* wanted = session.outbox.emplace_back().mutable_inventory_wanted();
  for (uint32_t bucket = 0; bucket < 1024; ++bucket) wanted->add_buckets(bucket);
  session.loop->Wake();
  Await([&] { return session.inventory_done; });
  return session.inventory;
}

std::vector<uint64_t> FakeMaster::Digests(const std::string& node) {
  MutexLock lock(&mutex_);
  Session& session = sessions_[node];
  session.digests.clear();
  session.outbox.emplace_back().mutable_digests_wanted();
  session.loop->Wake();
  Await([&] { return !session.digests.empty(); });
  return session.digests;
}

int FakeMaster::sessions_ended() {
  MutexLock lock(&mutex_);
  return sessions_ended_;
}

}  // namespace quern
