// The part of Coordinator that workers talk to.
#include <utility>

#include "common/log.h"
#include "common/rpc/outbox.h"
#include "mapreduce/coordinator/service/coordinator.h"

namespace quern::mr {

WorkerKey Coordinator::Register(const v1::WorkerMessage::Register& message,
                                const std::shared_ptr<rpc::Outbox>& outbox) {
  v1::CoordinatorMessage admitted;
  admitted.mutable_admitted()->set_cluster_id(journal_->cluster_id());
  admitted.mutable_admitted()->set_term(journal_->term());
  admitted.mutable_admitted()->set_heartbeat_ms(1'000);
  admitted.mutable_admitted()->set_http_address(options_.http_address);
  outbox->Put(admitted);
  LogInfo("worker_registered", {{"worker", message.worker_id()},
                                {"node", message.node()},
                                {"address", message.address()},
                                {"slots", message.slots()},
                                {"held", message.held_size()},
                                {"running", message.running_size()}});
  MutexLock lock(&mutex_);
  const WorkerKey worker = tracker_.Register(message, Now());
  std::shared_ptr<rpc::Outbox>& session = sessions_[worker];
  if (session != nullptr) session->Close();
  session = outbox;
  Deliver(tracker_.TakeEffects());
  return worker;
}

bool Coordinator::OnMessage(WorkerKey worker, const rpc::Outbox* outbox,
                            const v1::WorkerMessage& message) {
  MutexLock lock(&mutex_);
  const auto session = sessions_.find(worker);
  if (stopping_ || session == sessions_.end() || session->second.get() != outbox) return false;
  switch (message.kind_case()) {
    case v1::WorkerMessage::kHeartbeat:
      tracker_.Heartbeat(worker, Now());
      for (const auto& update : message.heartbeat().progress()) {
        tracker_.Update(worker, update, Now());
      }
      break;
    case v1::WorkerMessage::kUpdate:
      tracker_.Update(worker, message.update(), Now());
      break;
    case v1::WorkerMessage::kFetchFailure:
      tracker_.FetchFailed(message.fetch_failure(), Now());
      break;
    case v1::WorkerMessage::kWantOutputs:
      return true;  // they are told without being asked
    default:
      return false;
  }
  Deliver(tracker_.TakeEffects());
  return true;
}

void Coordinator::OnSessionEnd(WorkerKey worker, const rpc::Outbox* outbox) {
  MutexLock lock(&mutex_);
  const auto session = sessions_.find(worker);
  if (session == sessions_.end() || session->second.get() != outbox) return;
  sessions_.erase(session);
  LogInfo("worker_session_ended", {{"worker", tracker_.registry().Get(worker).info.id}});
  tracker_.SessionEnded(worker, Now());
  Deliver(tracker_.TakeEffects());
}

}  // namespace quern::mr
