#include "master/service/session_handler.h"

#include <utility>

#include "common/log.h"
#include "common/rpc/bulk.h"
#include "common/rpc/bulk_codec.h"
#include "common/sizes.h"

namespace quern::master {
namespace {

constexpr absl::Duration kRegisterTimeout = absl::Seconds(10);
// Heartbeats between two words about how far the log has come.
constexpr uint64_t kProgressEvery = 5;

}  // namespace

// Messages wait here until the session's own thread sends them.
class SessionHandler::Pipe : public SessionPipe {
 public:
  explicit Pipe(rpc::BulkLoop* loop) : loop_(loop) {}

  void Send(pb::MasterMessage message) override {
    MutexLock lock(&mutex_);
    if (loop_ == nullptr) return;
    queue_.push_back(std::move(message));
    loop_->Wake();
  }
  void Cancel() override {
    MutexLock lock(&mutex_);
    cancelled_ = true;
    if (loop_ != nullptr) loop_->Wake();
  }
  // The rest is called by the session's thread.
  std::vector<pb::MasterMessage> Take() {
    MutexLock lock(&mutex_);
    return std::exchange(queue_, {});
  }
  bool cancelled() {
    MutexLock lock(&mutex_);
    return cancelled_;
  }
  // The loop is about to end.
  void Close() {
    MutexLock lock(&mutex_);
    loop_ = nullptr;
  }

 private:
  Mutex mutex_;
  rpc::BulkLoop* loop_ ABSL_GUARDED_BY(mutex_);
  std::vector<pb::MasterMessage> queue_ ABSL_GUARDED_BY(mutex_);
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

// How far a session has come. Of its own thread.
struct SessionHandler::Progress {
  std::shared_ptr<Pipe> pipe;
  ServerId server;  // none before it is admitted
  uint64_t last_heartbeat = 0;
  uint64_t told_index = 0;
  // Pages of an inventory that has not ended yet.
  std::vector<uint32_t> buckets;
  std::vector<pb::ReplicaReport> replicas;
};

void SessionHandler::Run(rpc::BulkLoop* loop, rpc::BulkStream* stream) {
  Progress progress;
  progress.pipe = std::make_shared<Pipe>(loop);
  const absl::Status status = Serve(loop, stream, &progress);
  progress.pipe->Close();
  if (progress.server && orders_.Detach(progress.server, progress.pipe.get())) {
    LogWarning("session_ended", {{"server", progress.server}, {"status", status}});
    MutexLock lock(&state_.mutex);
    state_.servers.Disconnect(progress.server);
    state_.Changed();
  } else if (!status.ok()) {
    LogWarning("session_refused", {{"status", status}});
  }
  stream->Finish(status);
}

absl::Status SessionHandler::Serve(rpc::BulkLoop* loop, rpc::BulkStream* stream,
                                   Progress* progress) {
  const absl::Time register_by = clock_.MonotonicNow() + kRegisterTimeout;
  while (true) {
    rpc::BulkEvent event = loop->Next(absl::Seconds(1));
    switch (event.kind) {
      case rpc::BulkEvent::Kind::kMessage: {
        pb::ServerMessage message;
        RETURN_IF_ERROR(rpc::DecodeMessage(event.message, &message));
        RETURN_IF_ERROR(OnMessage(message, progress));
        break;
      }
      case rpc::BulkEvent::Kind::kEndOfMessages:
      case rpc::BulkEvent::Kind::kFinished:
        return absl::OkStatus();
      case rpc::BulkEvent::Kind::kStopping:
        return UnavailableError("the master is shutting down");
      default:
        break;
    }
    for (const pb::MasterMessage& message : progress->pipe->Take()) {
      stream->Send(rpc::EncodeMessage(message));
    }
    if (progress->pipe->cancelled()) return AbortedError("the session is over. Register anew");
    if (!progress->server && clock_.MonotonicNow() > register_by) {
      return DeadlineExceededError("no registration within {}", FormatDuration(kRegisterTimeout));
    }
  }
}

absl::Status SessionHandler::OnMessage(const pb::ServerMessage& message, Progress* progress) {
  if (message.has_register_()) return OnRegister(message.register_(), progress);
  if (!progress->server) return FailedPreconditionError("a session begins with a registration");
  switch (message.kind_case()) {
    case pb::ServerMessage::kHeartbeat:
      return OnHeartbeat(message.heartbeat(), progress);
    case pb::ServerMessage::kInventory:
      OnInventory(message.inventory(), progress);
      return absl::OkStatus();
    case pb::ServerMessage::kResult:
      if (message.result().has_replica()) {
        reports_.OnOrderResult(progress->server, message.result().replica());
      }
      orders_.OnResult(progress->server, message.result());
      return absl::OkStatus();
    default:
      return InvalidArgumentError("a message of a kind that this master does not know");
  }
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
  progress->server = server;
  {
    MutexLock lock(&state_.mutex);
    state_.servers.Admit(server, registration, clock_.MonotonicNow());
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
  for (const pb::ReplicaReport& report : heartbeat.deltas()) {
    reports_.OnDelta(progress->server, report);
  }
  TellProgress(progress);
  return absl::OkStatus();
}

void SessionHandler::OnInventory(const pb::ServerMessage::Inventory& inventory,
                                 Progress* progress) {
  progress->buckets.insert(progress->buckets.end(), inventory.buckets().begin(),
                           inventory.buckets().end());
  progress->replicas.insert(progress->replicas.end(), inventory.replicas().begin(),
                            inventory.replicas().end());
  if (!inventory.last()) return;
  reports_.OnInventory(progress->server, progress->buckets, progress->replicas);
  progress->buckets.clear();
  progress->replicas.clear();
}

}  // namespace quern::master
