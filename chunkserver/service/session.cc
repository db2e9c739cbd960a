#include "chunkserver/service/session.h"

#include <algorithm>

#include "chunkserver/service/convert.h"
#include "common/log.h"
#include "common/random.h"
#include "common/rpc/bulk_codec.h"
#include "common/version.h"

namespace quern::chunkserver {
namespace {

using dfs::v1::MasterMessage;
using dfs::v1::ServerMessage;
using Kind = rpc::BulkEvent::Kind;

constexpr absl::Duration kAdmitTimeout = absl::Seconds(10);
constexpr absl::Duration kMaxBackoff = absl::Seconds(2);
constexpr size_t kReplicasPerPage = 5'000;  // about 150 KB
constexpr size_t kResultsAtOnce = 1'000;

}  // namespace

Session::Session(const Services& services)
    : services_(services),
      executor_(services),
      queue_({.threads = services.limits.order_threads,
              .copy_threads = services.limits.copy_threads,
              .max_waiting = services.limits.max_waiting_orders},
             [this](const dfs::v1::Order& order) { AddResult(executor_.Execute(order)); }),
      guard_(services.store->seen_at_start()) {}

Session::~Session() { Stop(); }

void Session::Start(Self self) {
  self_ = std::move(self);
  thread_ = Thread("session", [this] { Run(); });
}

void Session::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    stop_.SignalAll();
    if (loop_ != nullptr) loop_->Wake();
  }
  executor_.Stop();
  queue_.Stop();
  thread_.Join();
}

Session::State Session::state() const {
  MutexLock lock(&mutex_);
  State state = state_;
  state.master = services_.master->address();
  state.orders = queue_.size();
  return state;
}

bool Session::stopping() const {
  MutexLock lock(&mutex_);
  return stopping_;
}

bool Session::SleepUnlessStopping(absl::Duration duration) {
  MutexLock lock(&mutex_);
  if (!stopping_) stop_.WaitFor(&mutex_, duration);
  return !stopping_;
}

void Session::Run() {
  Random random = SeededRandom();
  absl::Duration pause = absl::Milliseconds(100);
  while (!stopping()) {
    const absl::Status status = RunOnce();
    if (stopping()) break;
    const bool was_admitted = state().admitted;
    SetTrouble(status);
    services_.master->TryNext();
    if (was_admitted) pause = absl::Milliseconds(100);
    // Spread, so that ten thousand servers do not come back at the same moment.
    const double spread = std::uniform_real_distribution<double>(0.5, 1.5)(random);
    if (!SleepUnlessStopping(pause * spread)) break;
    pause = std::min(pause * 2, kMaxBackoff);
  }
}

// Logs the loss of a session and every new reason why there is none, each once.
void Session::SetTrouble(const absl::Status& status) {
  const std::string trouble = status.ToString();
  MutexLock lock(&mutex_);
  if (state_.admitted || state_.trouble != trouble) {
    LogWarning("no_session", {{"master", services_.master->address()}, {"status", status}});
  }
  state_.admitted = false;
  state_.trouble = trouble;
}

absl::Status Session::RunOnce() {
  rpc::BulkLoop loop;
  {
    MutexLock lock(&mutex_);
    loop_ = &loop;
    results_.clear();  // they answer the orders of a session that is over
  }
  absl::Status status = Serve(&loop);
  services_.store->inventory().EndSession();
  MutexLock lock(&mutex_);
  loop_ = nullptr;
  return status;
}

absl::Status Session::Serve(rpc::BulkLoop* loop) {
  rpc::BulkStream* stream =
      loop->Open(services_.master->channel(), kSessionMethod, absl::InfiniteDuration());
  SendRegister(stream);
  next_heartbeat_ = services_.clock->MonotonicNow() + kAdmitTimeout;
  bool admitted = false;
  while (!stopping()) {
    const absl::Time now = services_.clock->MonotonicNow();
    const rpc::BulkEvent event = loop->Next(std::max(next_heartbeat_ - now, absl::ZeroDuration()));
    if (event.kind == Kind::kFinished) {
      return event.status.ok() ? UnavailableError("the master ended the session") : event.status;
    }
    if (event.kind == Kind::kMessage) RETURN_IF_ERROR(OnMessage(stream, event.message, &admitted));
    if (admitted) SendNews(stream);
    if (services_.clock->MonotonicNow() < next_heartbeat_) continue;
    if (!admitted) return DeadlineExceededError("the master does not answer the registration");
    SendHeartbeat(stream, {});
  }
  return absl::OkStatus();
}

// --- From the master.

absl::Status Session::OnMessage(rpc::BulkStream* stream, const grpc::ByteBuffer& buffer,
                                bool* admitted) {
  MasterMessage message;
  RETURN_IF_ERROR(rpc::DecodeMessage(buffer, &message));
  if (message.has_admitted()) {
    RETURN_IF_ERROR(OnAdmitted(message.admitted()));
    *admitted = true;
    return absl::OkStatus();
  }
  if (!*admitted) return InternalError("the master's first message does not admit");
  if (message.has_inventory_wanted()) SendInventory(stream, message.inventory_wanted());
  if (message.has_order()) OnOrder(std::move(*message.mutable_order()));
  if (message.has_progress()) return OnProgress(message.progress().log_index());
  return absl::OkStatus();
}

absl::Status Session::OnAdmitted(const MasterMessage::Admitted& admitted) {
  std::vector<MasterStart> history;
  for (const dfs::v1::MasterStart& start : admitted.history()) {
    history.push_back({start.term(), start.id(), start.first_index(), start.end_index()});
  }
  const OrderGuard::Seen before = guard_.seen();
  RETURN_IF_ERROR(guard_.Admit(admitted.cluster_id(), history));
  if (guard_.seen() != before) {
    RETURN_IF_ERROR(services_.store->SaveSeen(guard_.seen(), WriteMode::kSynced));
  }
  if (admitted.heartbeat_ms() > 0) {
    heartbeat_every_ = absl::Milliseconds(admitted.heartbeat_ms());
  }
  heartbeat_seq_ = 0;
  next_heartbeat_ = services_.clock->MonotonicNow();
  LogInfo("admitted", {{"server", ServerId(admitted.server_id())},
                       {"cluster", admitted.cluster_id()},
                       {"term", admitted.term()},
                       {"master", services_.master->address()}});
  MutexLock lock(&mutex_);
  state_.admitted = true;
  state_.trouble.clear();
  state_.server = ServerId(admitted.server_id());
  state_.cluster_id = admitted.cluster_id();
  state_.term = admitted.term();
  state_.master_http = admitted.http_address();
  return absl::OkStatus();
}

void Session::OnOrder(dfs::v1::Order order) {
  const OrderId id(order.order_id());
  absl::Status status = Obey(order);
  const std::string_view kind = NameOf(order);
  if (status.ok()) status = queue_.Add(std::move(order));
  if (status.ok()) return;
  LogWarning("order_refused", {{"order", id}, {"kind", kind}, {"status", status}});
  OrderResult result;
  result.set_order_id(id.value());
  result.set_code(static_cast<int32_t>(status.code()));
  result.set_message(std::string(Message(status)));
  AddResult(std::move(result));
}

absl::Status Session::Obey(const dfs::v1::Order& order) {
  RETURN_IF_ERROR(guard_.CheckOrder(order.cluster_id(), order.start_id(), order.log_index()));
  return Follow(order.log_index());
}

// So that a server without orders also notices when the master is started from an old copy.
absl::Status Session::OnProgress(uint64_t log_index) {
  const std::string& cluster = guard_.seen().cluster_id;
  RETURN_IF_ERROR(guard_.CheckOrder(cluster, guard_.start_id(), log_index));
  return Follow(log_index);
}

absl::Status Session::Follow(uint64_t log_index) {
  if (!guard_.Advance(log_index)) return absl::OkStatus();
  // Unsynced: what an order itself writes durably comes later in the same logs.
  return services_.store->SaveSeen(guard_.seen(), WriteMode::kUnsynced);
}

// --- To the master.

void Session::SendRegister(rpc::BulkStream* stream) {
  ServerMessage message;
  ServerMessage::Register* reg = message.mutable_register_();
  reg->set_server_uuid(services_.store->server_uuid());
  reg->set_cluster_id(guard_.seen().cluster_id);
  reg->set_max_term(guard_.seen().followed.term);
  reg->set_max_log_index(guard_.seen().followed.log_index);
  reg->set_start_id(guard_.seen().followed.start_id);
  reg->set_boot_id(services_.store->boot_id());
  reg->set_address(self_.address);
  reg->set_http_address(self_.http_address);
  reg->set_node(self_.node);
  reg->set_rack(self_.rack);
  reg->set_version(VersionString());
  for (const DiskStatus& disk : services_.store->Disks()) ToProto(disk, reg->add_disks());
  for (const std::shared_ptr<Replica>& replica : services_.store->List()) {
    reg->set_max_chunk_id(std::max(reg->max_chunk_id(), replica->chunk().value()));
    reg->set_replica_count(reg->replica_count() + 1);
  }
  const InventoryDigests digests = services_.store->inventory().StartSession([this] { Wake(); });
  reg->mutable_digests()->Add(digests.begin(), digests.end());
  stream->Send(rpc::EncodeMessage(message));
}

void Session::SendInventory(rpc::BulkStream* stream, const MasterMessage::InventoryWanted& wanted) {
  std::vector<bool> asked(kInventoryBuckets, false);
  for (const uint32_t bucket : wanted.buckets()) {
    if (bucket < kInventoryBuckets) asked[bucket] = true;
  }
  ServerMessage message;
  ServerMessage::Inventory* page = message.mutable_inventory();
  *page->mutable_buckets() = wanted.buckets();
  for (const std::shared_ptr<Replica>& replica : services_.store->List()) {
    if (!asked[InventoryBucket(replica->chunk())] || !replica->disk().health().ok()) continue;
    if (static_cast<size_t>(page->replicas_size()) == kReplicasPerPage) {
      stream->Send(rpc::EncodeMessage(message));
      page->Clear();  // the buckets stand in the first page only
    }
    ToProto(replica->facts().report, page->add_replicas());
  }
  page->set_last(true);
  stream->Send(rpc::EncodeMessage(message));
}

void Session::SendHeartbeat(rpc::BulkStream* stream, const std::vector<ReplicaReport>& changes) {
  ServerMessage message;
  ServerMessage::Heartbeat* heartbeat = message.mutable_heartbeat();
  heartbeat->set_seq(++heartbeat_seq_);
  for (const DiskStatus& disk : services_.store->Disks()) ToProto(disk, heartbeat->add_disks());
  for (const ReplicaReport& change : changes) ToProto(change, heartbeat->add_deltas());
  heartbeat->set_open_streams(static_cast<uint32_t>(services_.metrics->append_streams.Value()));
  stream->Send(rpc::EncodeMessage(message));
  next_heartbeat_ = services_.clock->MonotonicNow() + heartbeat_every_;
}

void Session::SendNews(rpc::BulkStream* stream) {
  while (true) {
    // Changes before results: whoever hears that an order is done knows what it changed.
    std::deque<OrderResult> results = TakeResults();
    const std::vector<ReplicaReport> changes =
        services_.store->inventory().TakeChanges(kReplicasPerPage);
    if (!changes.empty()) SendHeartbeat(stream, changes);
    for (OrderResult& result : results) {
      ServerMessage message;
      *message.mutable_result() = std::move(result);
      stream->Send(rpc::EncodeMessage(message));
    }
    if (results.empty() && changes.empty()) return;
  }
}

std::deque<Session::OrderResult> Session::TakeResults() {
  MutexLock lock(&mutex_);
  std::deque<OrderResult> taken;
  while (!results_.empty() && taken.size() < kResultsAtOnce) {
    taken.push_back(std::move(results_.front()));
    results_.pop_front();
  }
  return taken;
}

void Session::AddResult(OrderResult result) {
  MutexLock lock(&mutex_);
  if (loop_ == nullptr) return;  // the master will ask again
  results_.push_back(std::move(result));
  loop_->Wake();
}

void Session::Wake() {
  MutexLock lock(&mutex_);
  if (loop_ != nullptr) loop_->Wake();
}

}  // namespace quern::chunkserver
