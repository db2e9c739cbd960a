#include "mapreduce/worker/coordinator_session.h"

#include <utility>

#include "common/log.h"
#include "common/rpc/bulk.h"
#include "common/rpc/bulk_codec.h"
#include "common/rpc/channel.h"
#include "mapreduce/worker/registration.h"

namespace quern::mr {
namespace {

// Of one message of a registration.
constexpr size_t kRegistrationBytes = size_t{1} << 20;
constexpr absl::Duration kHeartbeat = absl::Seconds(1);

bool IsSendable(const pb::WorkerMessage& message) {
  const absl::Status status = rpc::CheckSendable(message);
  if (status.ok()) return true;
  LogError("message_dropped",
           {{"kind", static_cast<int>(message.kind_case())}, {"status", status}});
  return false;
}

}  // namespace

CoordinatorSession::CoordinatorSession(std::vector<std::string> addresses, Handlers handlers)
    : addresses_(std::move(addresses)),
      handlers_(std::move(handlers)),
      session_({.peer = "coordinator",
                .method = "/quern.mr.v1.Coordinator/Session",
                .first_pause = absl::Milliseconds(50),
                .longest_pause = absl::Seconds(1)},
               this) {}

void CoordinatorSession::Send(const pb::WorkerMessage& message) {
  if (IsSendable(message)) session_.Put(message);
}

rpc::SessionClient::Target CoordinatorSession::Connect() {
  const std::string& address = addresses_[tries_++ % addresses_.size()];
  // A channel of its own for each try: a kept one would wait for gRPC's own back-off.
  return {address, rpc::MakeChannel(address, rpc::ChannelKind::kControl)};
}

void CoordinatorSession::Register(rpc::BulkStream* stream) {
  beats_ = 0;
  for (auto& piece : SplitRegistration(handlers_.make_register(), kRegistrationBytes)) {
    pb::WorkerMessage message;
    *message.mutable_register_() = std::move(piece);
    if (IsSendable(message)) stream->Send(rpc::EncodeMessage(message));
  }
}

void CoordinatorSession::SendHeartbeat(rpc::BulkStream* /*stream*/) {
  for (const pb::WorkerMessage& message : handlers_.late_reports()) Send(message);
  pb::WorkerMessage beat;
  *beat.mutable_heartbeat() = handlers_.make_heartbeat();
  beat.mutable_heartbeat()->set_seq(++beats_);
  // Through the outbox like all else: the report of an attempt that the heartbeat does not name any
  // more was put there before it.
  Send(beat);
}

absl::Status CoordinatorSession::OnMessage(rpc::BulkStream* /*stream*/,
                                           const grpc::ByteBuffer& buffer) {
  pb::CoordinatorMessage message;
  RETURN_IF_ERROR(rpc::DecodeMessage(buffer, &message));
  if (message.has_admitted()) return OnAdmitted(message.admitted());
  if (message.has_acknowledged()) handlers_.acknowledged(message.acknowledged());
  if (message.has_order()) OnOrder(message.order());
  return absl::OkStatus();
}

absl::Status CoordinatorSession::OnAdmitted(const pb::CoordinatorMessage::Admitted& admitted) {
  if (admitted.cluster_id() == cluster_id_ && admitted.term() < term_) {
    return FailedPreconditionError("a coordinator of term {}, {} was here before", admitted.term(),
                                   term_);
  }
  cluster_id_ = admitted.cluster_id();
  term_ = admitted.term();
  if (handlers_.admitted(admitted)) return AbortedError("another cluster: registering anew");
  LogInfo("admitted", {{"cluster", cluster_id_}, {"term", term_}});
  session_.Admit(kHeartbeat);
  return absl::OkStatus();
}

void CoordinatorSession::OnOrder(const pb::WorkerOrder& order) {
  if (order.cluster_id() == cluster_id_ && order.term() == term_) return handlers_.order(order);
  LogWarning("order_refused", {{"cluster", order.cluster_id()}, {"term", order.term()}});
}

}  // namespace quern::mr
