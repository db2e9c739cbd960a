#include "master/service/session_handler.h"

#include <atomic>
#include <limits>
#include <utility>

#include "common/log.h"
#include "common/rpc/bulk_codec.h"
#include "common/sizes.h"

namespace quern::master {
namespace {

constexpr absl::Duration kRegisterTimeout = absl::Seconds(10);
// Heartbeats between two words about how far the log has come.
constexpr uint64_t kProgressEvery = 5;
// Messages of one session that wait for their turn: a long inventory and some minutes of
// heartbeats.
constexpr size_t kMaxWaitingMessages = 10'000;

}  // namespace

class SessionHandler::Pipe : public SessionPipe {
 public:
  explicit Pipe(std::shared_ptr<rpc::SessionStream> stream) : stream_(std::move(stream)) {}
  void Send(pb::MasterMessage message) override { stream_->Send(rpc::EncodeMessage(message)); }
  void Cancel() override { stream_->Finish(AbortedError("the session is over. Register anew")); }

 private:
  const std::shared_ptr<rpc::SessionStream> stream_;
};

// How far a session has come.
struct SessionHandler::Progress {
  std::shared_ptr<Pipe> pipe;
  ServerId server;  // none before it is admitted
  uint64_t session = 0;
  uint64_t last_heartbeat = 0;
  uint64_t told_index = 0;
  std::optional<InventoryCheck> check;  // once it is admitted
  // A listing was asked for in the middle of the session: see ReplicaReports::OnListing.
  std::optional<std::vector<ChunkId>> doubted;
  // Pages of an inventory that has not ended yet.
  std::vector<uint32_t> buckets;
  std::vector<pb::ReplicaReport> replicas;
};

// One session. Its messages are worked off in their order, by any thread.
class SessionHandler::Session {
 public:
  Session(SessionHandler* handler, std::shared_ptr<rpc::SessionStream> stream)
      : handler_(*handler), stream_(stream) {
    progress_.pipe = std::make_shared<Pipe>(std::move(stream));
  }

  void OnMessage(const grpc::ByteBuffer& buffer) {
    if (ended_) return;
    pb::ServerMessage message;
    absl::Status status = rpc::DecodeMessage(buffer, &message);
    if (status.ok()) status = handler_.OnMessage(message, &progress_);
    server_.store(progress_.server.value());
    if (!status.ok()) End(status);
  }
  void End(const absl::Status& status) {
    if (std::exchange(ended_, true)) return;
    handler_.OnEnd(progress_, status);
    stream_->Finish(status);
  }
  // A message has come; it may have to wait for its turn, which is no fault of the server.
  void Heard() {
    const ServerId server(server_.load());
    if (!server) return;
    MutexLock lock(&handler_.state_.mutex);
    handler_.state_.servers.Heard(server, handler_.clock_.MonotonicNow());
  }

 private:
  SessionHandler& handler_;
  const std::shared_ptr<rpc::SessionStream> stream_;
  std::atomic<uint32_t> server_ = 0;  // once it is admitted
  Progress progress_;
  bool ended_ = false;
};

// Takes the messages of a session and puts them into its line.
class SessionHandler::Receiver : public rpc::SessionReceiver {
 public:
  Receiver(SessionHandler* handler, std::shared_ptr<rpc::SessionStream> stream)
      : handler_(*handler),
        stream_(stream),
        session_(std::make_shared<Session>(handler, std::move(stream))),
        register_by_(handler->clock_.MonotonicNow() + kRegisterTimeout) {}

  void OnMessage(const grpc::ByteBuffer& buffer) override {
    spoken_ = true;
    session_->Heard();
    const bool added = handler_.workers_.Add(
        line_, [session = session_, buffer] { session->OnMessage(buffer); }, kMaxWaitingMessages);
    if (!added) stream_->Finish(AbortedError("too many messages wait. Register anew"));
  }
  void OnEndOfMessages(rpc::SessionStream*) override { End(absl::OkStatus()); }
  void OnTick() override {
    if (spoken_ || handler_.clock_.MonotonicNow() <= register_by_) return;
    spoken_ = true;
    End(DeadlineExceededError("no registration within {}", FormatDuration(kRegisterTimeout)));
  }
  void OnOver() override { End(AbortedError("the session is over")); }

 private:
  void End(const absl::Status& status) {
    handler_.workers_.Add(
        line_, [session = session_, status] { session->End(status); },
        std::numeric_limits<size_t>::max());
  }

  SessionHandler& handler_;
  const std::shared_ptr<rpc::SessionStream> stream_;
  const std::shared_ptr<Session> session_;
  const std::shared_ptr<SerialWorkers::Line> line_ = std::make_shared<SerialWorkers::Line>();
  const absl::Time register_by_;
  bool spoken_ = false;
};

std::unique_ptr<rpc::SessionReceiver> SessionHandler::Open(
    std::shared_ptr<rpc::SessionStream> stream) {
  return std::make_unique<Receiver>(this, std::move(stream));
}

void SessionHandler::OnEnd(const Progress& progress, const absl::Status& status) {
  if (progress.server) {
    // Before its orders fail: what is decided then must not count on a server that is gone.
    MutexLock lock(&state_.mutex);
    const ServerInfo* info = state_.servers.Find(progress.server);
    if (info != nullptr && info->session == progress.session) {
      state_.servers.Disconnect(progress.server);
      state_.Changed();
    }
  }
  if (progress.server && orders_.Detach(progress.server, progress.pipe.get())) {
    LogWarning("session_ended", {{"server", progress.server}, {"status", status}});
  } else if (!status.ok()) {
    LogWarning("session_refused", {{"status", status}});
  }
}

absl::Status SessionHandler::OnMessage(const pb::ServerMessage& message, Progress* progress) {
  if (message.has_register_()) return OnRegister(message.register_(), progress);
  if (!progress->server) return FailedPreconditionError("a session begins with a registration");
  const std::shared_ptr<Mutex> turn = TurnOf(progress->server);
  MutexLock in_turn(turn.get());
  if (!IsPresent(*progress)) {
    return AbortedError("{}: has begun another session", progress->server);
  }
  switch (message.kind_case()) {
    case pb::ServerMessage::kHeartbeat:
      return OnHeartbeat(message.heartbeat(), progress);
    case pb::ServerMessage::kInventory:
      OnInventory(message.inventory(), progress);
      return absl::OkStatus();
    case pb::ServerMessage::kResults:
      for (const auto& result : message.results().results()) {
        orders_.OnResult(progress->server, result);
      }
      return absl::OkStatus();
    default:
      return InvalidArgumentError("a message of a kind that this master does not know");
  }
}

std::shared_ptr<Mutex> SessionHandler::TurnOf(ServerId server) {
  MutexLock lock(&mutex_);
  std::shared_ptr<Mutex>& turn = turns_[server];
  if (turn == nullptr) turn = std::make_shared<Mutex>();
  return turn;
}

bool SessionHandler::IsPresent(const Progress& progress) {
  MutexLock lock(&state_.mutex);
  const ServerInfo* info = state_.servers.Find(progress.server);
  return info != nullptr && info->session == progress.session;
}

absl::Status SessionHandler::CheckAllegiance(
    const pb::ServerMessage::Register& registration) const {
  if (registration.server_uuid().empty() || registration.address().empty()) {
    return InvalidArgumentError("a registration needs server_uuid and address");
  }
  if (!registration.cluster_id().empty() && registration.cluster_id() != identity_.cluster_id) {
    return FailedPreconditionError(
        "{}: belongs to cluster {}, this master to {}. Try: the right --master, or an empty --dir",
        registration.address(), registration.cluster_id(), identity_.cluster_id);
  }
  return absl::OkStatus();
}

absl::Status SessionHandler::CheckStanding(const pb::ServerMessage::Register& registration) {
  absl::Status conflict;
  bool changed = false;
  absl::Status status;
  {
    MutexLock lock(&state_.mutex);
    const size_t before = state_.standing.conflicts().size();
    conflict = state_.standing.Register(registration);
    changed = before != state_.standing.conflicts().size();
    status = state_.standing.status();
  }
  if (!conflict.ok() && changed) {
    LogError("server_knows_more", {{"server", registration.address()}, {"status", conflict}});
  }
  if (changed) on_standing_();
  return conflict.ok() ? status : conflict;
}

absl::StatusOr<ServerId> SessionHandler::IdOf(const pb::ServerMessage::Register& registration) {
  {
    MutexLock lock(&mutex_);
    if (!registering_.insert(registration.server_uuid()).second) {
      return AbortedError("{}: its last registration is not done yet. Register anew",
                          registration.address());
    }
  }
  absl::StatusOr<ServerId> id = FindOrLogId(registration);
  MutexLock lock(&mutex_);
  registering_.erase(registration.server_uuid());
  return id;
}

absl::StatusOr<ServerId> SessionHandler::FindOrLogId(
    const pb::ServerMessage::Register& registration) {
  pb::ServerRow row;
  row.set_uuid(registration.server_uuid());
  row.set_address(registration.address());
  row.set_http_address(registration.http_address());
  row.set_node(registration.node());
  row.set_rack(registration.rack());
  std::optional<ServerId> known;
  {
    MutexLock lock(&state_.mutex);
    known = state_.servers.FindByUuid(row.uuid());
  }
  ServerId id;
  RETURN_IF_ERROR(committer_.Commit(
      [&](const MetadataView& view) -> absl::StatusOr<std::optional<pb::LogRecord>> {
        id = known.value_or(ServerId(view.Meta().next_server()));
        const std::optional<pb::ServerRow> logged = view.Server(id);
        if (logged.has_value() && logged->SerializeAsString() == row.SerializeAsString()) {
          return std::nullopt;
        }
        pb::LogRecord record;
        record.mutable_register_server()->set_server_id(id.value());
        *record.mutable_register_server()->mutable_server() = row;
        return record;
      }));
  return id;
}

pb::MasterMessage SessionHandler::Admission(const pb::ServerMessage::Register& registration,
                                            ServerId server) {
  pb::MasterMessage message;
  pb::MasterMessage::Admitted* admitted = message.mutable_admitted();
  admitted->set_cluster_id(identity_.cluster_id);
  admitted->set_server_id(server.value());
  admitted->set_heartbeat_ms(static_cast<uint32_t>(absl::ToInt64Milliseconds(options_.heartbeat)));
  admitted->set_http_address(identity_.http_address);
  MutexLock lock(&state_.mutex);
  admitted->set_term(state_.standing.start().term);
  const FollowedMaster followed = {.start_id = registration.start_id()};
  for (const MasterStart& start : state_.standing.HistoryFor(followed)) {
    pb::MasterStart* told = admitted->add_history();
    told->set_term(start.term);
    told->set_id(start.id);
    told->set_first_index(start.first_index);
    told->set_end_index(start.end_index);
  }
  return message;
}

void SessionHandler::TellProgress(Progress* progress) {
  const uint64_t index = committer_.committed_index();
  if (progress->last_heartbeat % kProgressEvery != 0 || index == progress->told_index) return;
  if (orders_.holds()) return;  // to hear of it is to follow
  progress->told_index = index;
  pb::MasterMessage message;
  message.mutable_progress()->set_log_index(index);
  progress->pipe->Send(std::move(message));
}

absl::Status SessionHandler::OnRegister(const pb::ServerMessage::Register& registration,
                                        Progress* progress) {
  if (progress->server) return FailedPreconditionError("registered already");
  RETURN_IF_ERROR(CheckAllegiance(registration));
  RETURN_IF_ERROR(CheckStanding(registration));
  ASSIGN_OR_RETURN(const ServerId server, IdOf(registration));
  const std::shared_ptr<Mutex> turn = TurnOf(server);
  MutexLock in_turn(turn.get());
  const absl::Time now = clock_.MonotonicNow();
  progress->server = server;
  progress->check.emplace(options_.inventory_check, now);
  {
    MutexLock lock(&state_.mutex);
    state_.servers.Admit(server, registration, now);
    progress->session = state_.servers.Find(server)->session;
  }
  progress->pipe->Send(Admission(registration, server));
  // Orders may follow from here on; what the digests say may lead to some at once.
  orders_.Attach(server, progress->pipe);
  const std::vector<uint32_t> differing = reports_.OnDigests(
      server, {registration.digests().data(), static_cast<size_t>(registration.digests_size())});
  if (!differing.empty()) {
    pb::MasterMessage wanted;
    wanted.mutable_inventory_wanted()->mutable_buckets()->Add(differing.begin(), differing.end());
    progress->pipe->Send(std::move(wanted));
  }
  {
    MutexLock lock(&state_.mutex);
    state_.Changed();
  }
  LogInfo("server_registered", {{"server", server},
                                {"address", registration.address()},
                                {"node", registration.node()},
                                {"rack", registration.rack()},
                                {"buckets_to_list", differing.size()}});
  return absl::OkStatus();
}

absl::Status SessionHandler::OnHeartbeat(const pb::ServerMessage::Heartbeat& heartbeat,
                                         Progress* progress) {
  if (progress->last_heartbeat != 0 && heartbeat.seq() != progress->last_heartbeat + 1) {
    return AbortedError("heartbeat {} after {}: some are missing. Register anew", heartbeat.seq(),
                        progress->last_heartbeat);
  }
  progress->last_heartbeat = heartbeat.seq();
  {
    MutexLock lock(&state_.mutex);
    state_.servers.Heartbeat(progress->server, heartbeat, clock_.MonotonicNow());
  }
  reports_.OnDeltas(progress->server, {heartbeat.deltas().begin(), heartbeat.deltas().end()});
  if (heartbeat.digests_size() > 0) CompareDigests(heartbeat, progress);
  AskForDigests(progress);
  TellProgress(progress);
  return absl::OkStatus();
}

void SessionHandler::AskForDigests(Progress* progress) {
  const absl::Time now = clock_.MonotonicNow();
  {
    // The listing of its beginning comes first.
    MutexLock lock(&state_.mutex);
    const ServerInfo* info = state_.servers.Find(progress->server);
    if (info == nullptr || !info->confirmed) return;
  }
  if (progress->doubted.has_value() || !progress->check->Due(now)) return;
  pb::MasterMessage wanted;
  wanted.mutable_digests_wanted();
  progress->pipe->Send(std::move(wanted));
}

void SessionHandler::CompareDigests(const pb::ServerMessage::Heartbeat& heartbeat,
                                    Progress* progress) {
  // Asked for twice. A listing is on its way, and must be held against what it was asked for.
  if (progress->doubted.has_value()) return;
  const std::span<const uint64_t> told(heartbeat.digests().data(),
                                       static_cast<size_t>(heartbeat.digests_size()));
  std::vector<uint32_t> buckets;
  std::vector<ChunkId> doubted;
  {
    MutexLock lock(&state_.mutex);
    buckets = progress->check->Compare(told, state_.chunks.Digests(progress->server));
    for (const uint32_t bucket : buckets) {
      const std::vector<ChunkId> chunks = state_.chunks.InBucket(progress->server, bucket);
      doubted.insert(doubted.end(), chunks.begin(), chunks.end());
    }
  }
  if (buckets.empty()) return;
  LogInfo("inventory_differs", {{"server", progress->server}, {"buckets", buckets.size()}});
  progress->doubted = std::move(doubted);
  pb::MasterMessage wanted;
  wanted.mutable_inventory_wanted()->mutable_buckets()->Add(buckets.begin(), buckets.end());
  progress->pipe->Send(std::move(wanted));
}

void SessionHandler::OnInventory(const pb::ServerMessage::Inventory& inventory,
                                 Progress* progress) {
  progress->buckets.insert(progress->buckets.end(), inventory.buckets().begin(),
                           inventory.buckets().end());
  progress->replicas.insert(progress->replicas.end(), inventory.replicas().begin(),
                            inventory.replicas().end());
  if (!inventory.last()) return;
  if (progress->doubted.has_value()) {
    reports_.OnListing(progress->server, *progress->doubted, progress->replicas);
    progress->doubted.reset();
  } else {
    reports_.OnInventory(progress->server, progress->buckets, progress->replicas);
  }
  progress->buckets.clear();
  progress->replicas.clear();
}

}  // namespace quern::master
