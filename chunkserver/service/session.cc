#include "chunkserver/service/session.h"

#include <algorithm>

#include "chunkserver/service/convert.h"
#include "common/log.h"
#include "common/rpc/bulk_codec.h"
#include "common/version.h"

namespace quern::chunkserver {
namespace {

using pb::MasterMessage;
using pb::ServerMessage;

constexpr size_t kReplicasPerPage = 5'000;               // about 150 KB
constexpr absl::Duration kHeartbeat = absl::Seconds(1);  // when the master does not say

}  // namespace

Session::Session(const Services& services)
    : services_(services),
      executor_(services),
      queue_(
          {.disks = services.store->disk_count(),
           .threads = services.limits.order_threads,
           .copy_threads = services.limits.copy_threads,
           .max_waiting = services.limits.max_waiting_orders},
          [this](const pb::Order& order) { return executor_.Route(order); },
          [this](const pb::Order& order, std::optional<size_t> disk) {
            return executor_.Execute(order, disk);
          }),
      keeper_(services.store, services.limits.disk_look),
      guard_(services.store->seen_at_start()),
      client_({.peer = "master", .method = kSessionMethod, .clock = services.clock}, this) {}

Session::~Session() { Stop(); }

void Session::Start(Self self) {
  self_ = std::move(self);
  client_.Start();
}

void Session::Stop() {
  executor_.Stop();
  queue_.Stop();
  keeper_.Stop();
  client_.Stop();
}

Session::State Session::state() const {
  const rpc::SessionClient::State session = client_.state();
  MutexLock lock(&mutex_);
  State state = state_;
  state.admitted = session.admitted;
  state.trouble = session.trouble;
  state.master = services_.master->address();
  state.orders = queue_.size();
  return state;
}

rpc::SessionClient::Target Session::Connect() {
  if (tried_) services_.master->TryNext();
  tried_ = true;
  return {services_.master->address(), services_.master->channel()};
}

void Session::OnEnd() {
  // Its master does not know what became of them and orders anew what is still to be done.
  queue_.DropWaiting();
  results_ = nullptr;
  services_.store->inventory().EndSession();
  listing_.reset();
  digests_wanted_ = false;
}

void Session::WithholdLeaving() {
  for (const ChunkId chunk : queue_.Removals()) {
    const auto replica = services_.store->Find(chunk);
    if (!replica.ok()) continue;
    withheld_[chunk] = *replica;
    (*replica)->Withhold();
  }
}

void Session::TellStayed() {
  if (withheld_.empty()) return;
  const std::vector<ChunkId> removals = queue_.Removals();
  absl::erase_if(withheld_, [&](const auto& entry) {
    if (std::ranges::find(removals, entry.first) != removals.end()) return false;
    entry.second->Tell();
    return true;
  });
}

// --- From the master.

absl::Status Session::OnMessage(rpc::BulkStream* /*stream*/, const grpc::ByteBuffer& buffer) {
  MasterMessage message;
  RETURN_IF_ERROR(rpc::DecodeMessage(buffer, &message));
  if (message.has_admitted()) return OnAdmitted(message.admitted());
  if (!client_.state().admitted) return InternalError("the master's first message does not admit");
  if (message.has_inventory_wanted()) StartInventory(message.inventory_wanted());
  if (message.has_digests_wanted()) digests_wanted_ = true;
  for (pb::Order& order : *message.mutable_orders()->mutable_orders()) {
    OnOrder(std::move(order));
  }
  if (message.has_progress()) return OnProgress(message.progress().log_index());
  return absl::OkStatus();
}

absl::Status Session::OnAdmitted(const MasterMessage::Admitted& admitted) {
  std::vector<MasterStart> history;
  for (const pb::MasterStart& start : admitted.history()) {
    history.push_back({start.term(), start.id(), start.first_index(), start.end_index()});
  }
  const OrderGuard::Seen before = guard_.seen();
  RETURN_IF_ERROR(guard_.Admit(admitted.cluster_id(), history));
  if (guard_.seen() != before) Remember();
  heartbeat_seq_ = 0;
  LogInfo("admitted", {{"server", ServerId(admitted.server_id())},
                       {"cluster", admitted.cluster_id()},
                       {"term", admitted.term()},
                       {"master", services_.master->address()}});
  {
    MutexLock lock(&mutex_);
    state_.server = ServerId(admitted.server_id());
    state_.cluster_id = admitted.cluster_id();
    state_.term = admitted.term();
    state_.master_http = admitted.http_address();
  }
  const uint32_t heartbeat_ms = admitted.heartbeat_ms();
  client_.Admit(heartbeat_ms > 0 ? absl::Milliseconds(heartbeat_ms) : kHeartbeat);
  return absl::OkStatus();
}

void Session::OnOrder(pb::Order order) {
  const OrderId id(order.order_id());
  const std::string_view kind = NameOf(order);
  // The answer belongs to this session: the next master may give its orders the same numbers.
  absl::Status status = Obey(order);
  if (status.ok()) {
    status = queue_.Add(std::move(order), [results = results_](OrderResults::Result result) {
      results->Add(std::move(result));
    });
  }
  if (status.ok()) return;
  LogWarning("order_refused", {{"order", id}, {"kind", kind}, {"status", status}});
  OrderResults::Result refusal;
  refusal.set_order_id(id.value());
  refusal.set_code(static_cast<int32_t>(status.code()));
  refusal.set_message(std::string(Message(status)));
  results_->Add(std::move(refusal));
}

void Session::Collect(rpc::Outbox* outbox) {
  while (const std::optional<ServerMessage> message = results_->Take()) outbox->Put(*message);
}

absl::Status Session::Obey(const pb::Order& order) {
  RETURN_IF_ERROR(guard_.CheckOrder(order.cluster_id(), order.start_id(), order.log_index()));
  // The disk of the order has it before the order changes anything there; the others hear of it at
  // their next look.
  if (guard_.Advance(order.log_index())) services_.store->Follow(guard_.seen());
  return absl::OkStatus();
}

// So that a server without orders also notices when the master is started from an old copy.
absl::Status Session::OnProgress(uint64_t log_index) {
  const std::string& cluster = guard_.seen().cluster_id;
  RETURN_IF_ERROR(guard_.CheckOrder(cluster, guard_.start_id(), log_index));
  if (guard_.Advance(log_index)) Remember();
  return absl::OkStatus();
}

// Disks that get no orders hear of it too, so that it outlives any of them.
void Session::Remember() {
  services_.store->Follow(guard_.seen());
  keeper_.Wake();
}

// --- To the master.

void Session::Register(rpc::BulkStream* stream) {
  results_ = std::make_shared<OrderResults>([this] { client_.Wake(); });
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
  for (const DiskStatus& disk : services_.store->Disks()) {
    if (!disk.elsewhere) ToProto(disk, reg->add_disks());
  }
  WithholdLeaving();
  for (const std::shared_ptr<Replica>& replica : services_.store->List()) {
    reg->set_max_chunk_id(std::max(reg->max_chunk_id(), replica->chunk().value()));
    reg->set_replica_count(reg->replica_count() + 1);
  }
  const InventoryDigests digests =
      services_.store->inventory().StartSession([this] { client_.Wake(); });
  reg->mutable_digests()->Add(digests.begin(), digests.end());
  stream->Send(rpc::EncodeMessage(message));
}

void Session::StartInventory(const MasterMessage::InventoryWanted& wanted) {
  std::vector<bool> asked(kInventoryBuckets, false);
  for (const uint32_t bucket : wanted.buckets()) {
    if (bucket < kInventoryBuckets) asked[bucket] = true;
  }
  if (!listing_) listing_.emplace();
  listing_->page.mutable_buckets()->MergeFrom(wanted.buckets());
  for (std::shared_ptr<Replica>& replica : services_.store->List()) {
    if (asked[InventoryBucket(replica->chunk())]) listing_->left.push_back(std::move(replica));
  }
}

void Session::SendInventoryPage(rpc::BulkStream* stream) {
  ServerMessage message;
  ServerMessage::Inventory* page = message.mutable_inventory();
  page->Swap(&listing_->page);  // what stands there already: the buckets, in the first page only
  std::vector<std::shared_ptr<Replica>>& left = listing_->left;
  while (!left.empty() && static_cast<size_t>(page->replicas_size()) < kReplicasPerPage) {
    const Replica& replica = *left.back();
    const auto withheld = withheld_.find(replica.chunk());
    const bool told = withheld == withheld_.end() || withheld->second.get() != &replica;
    if (told && replica.disk().Counts()) ToProto(replica.facts().report, page->add_replicas());
    left.pop_back();
  }
  page->set_last(left.empty());
  if (left.empty()) listing_.reset();
  stream->Send(rpc::EncodeMessage(message));
}

void Session::SendHeartbeat(rpc::BulkStream* stream, const std::vector<ReplicaReport>& changes) {
  ServerMessage message;
  ServerMessage::Heartbeat* heartbeat = message.mutable_heartbeat();
  heartbeat->set_seq(++heartbeat_seq_);
  const std::vector<DiskStatus> disks = services_.store->Disks();
  for (size_t i = 0; i < disks.size(); ++i) {
    if (!disks[i].elsewhere) ToProto(disks[i], heartbeat->add_disks());
    if (!disks[i].answers.ok()) queue_.Abandon(i);
  }
  for (const ReplicaReport& change : changes) ToProto(change, heartbeat->add_deltas());
  heartbeat->set_open_streams(static_cast<uint32_t>(services_.metrics->append_streams.Value()));
  // Only now: what happens from here on is told by the next one.
  if (digests_wanted_ && !listing_) AddDigests(heartbeat);
  stream->Send(rpc::EncodeMessage(message));
}

void Session::AddDigests(ServerMessage::Heartbeat* heartbeat) {
  const auto digests = services_.store->inventory().DigestsWhenTold();
  if (!digests) return;
  heartbeat->mutable_digests()->Add(digests->begin(), digests->end());
  digests_wanted_ = false;
}

void Session::SendHeartbeat(rpc::BulkStream* stream) {
  TellStayed();
  if (listing_) return SendHeartbeat(stream, {});
  const auto changes = services_.store->inventory().TakeChanges(kReplicasPerPage);
  SendHeartbeat(stream, changes.value_or(std::vector<ReplicaReport>()));
}

absl::StatusOr<bool> Session::SendNews(rpc::BulkStream* stream) {
  // Nothing may come between the pages: the master takes them in as one state, and what changes
  // meanwhile is newer.
  if (listing_) {
    SendInventoryPage(stream);
    return false;
  }
  Inventory& inventory = services_.store->inventory();
  if (!inventory.pressing()) return true;
  ASSIGN_OR_RETURN(const std::vector<ReplicaReport> changes,
                   inventory.TakeChanges(kReplicasPerPage));
  SendHeartbeat(stream, changes);
  return !inventory.pressing();
}

}  // namespace quern::chunkserver
