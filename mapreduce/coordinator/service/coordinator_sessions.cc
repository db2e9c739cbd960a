// The part of Coordinator that workers talk to.
#include <utility>

#include "common/log.h"
#include "common/rpc/outbox.h"
#include "mapreduce/coordinator/service/coordinator.h"

namespace quern::mr {
namespace {

// Acknowledgements that go together.
constexpr int kIdsPerMessage = 10'000;

}  // namespace

pb::CoordinatorMessage Coordinator::MakeAdmitted() const {
  pb::CoordinatorMessage message;
  pb::CoordinatorMessage::Admitted* admitted = message.mutable_admitted();
  admitted->set_cluster_id(journal_->cluster_id());
  admitted->set_term(journal_->term());
  admitted->set_heartbeat_ms(1'000);
  return message;
}

WorkerKey Coordinator::Register(const pb::WorkerMessage::Register& first,
                                const std::shared_ptr<rpc::Outbox>& outbox) {
  LogInfo("worker_registered", {{"worker", first.worker_id()},
                                {"node", first.node()},
                                {"address", first.address()},
                                {"slots", first.slots()},
                                {"held", first.held_size()},
                                {"running", first.running_size()},
                                {"more", first.more()}});
  JobTracker::Effects effects;
  MutexLock lock(&mutex_);
  const WorkerKey worker = tracker_.Register(first, Now());
  Session& session = sessions_[worker];
  if (session.outbox != nullptr) session.outbox->Close();
  session = {outbox, false};
  Deliver(&effects);
  return worker;
}

bool Coordinator::OnMessage(WorkerKey worker, const rpc::Outbox* outbox,
                            const pb::WorkerMessage& message) {
  JobTracker::Effects effects;
  MutexLock lock(&mutex_);
  const auto session = sessions_.find(worker);
  if (stopping_ || session == sessions_.end() || session->second.outbox.get() != outbox) {
    return false;
  }
  switch (message.kind_case()) {
    case pb::WorkerMessage::kRegister:
      tracker_.ContinueRegistration(worker, message.register_(), Now());
      break;
    case pb::WorkerMessage::kHeartbeat:
      tracker_.Heartbeat(worker, message.heartbeat(), Now());
      break;
    case pb::WorkerMessage::kUpdate:
      tracker_.Update(worker, message.update(), Now());
      break;
    case pb::WorkerMessage::kFetchFailure:
      tracker_.FetchFailed(worker, message.fetch_failure(), Now());
      break;
    case pb::WorkerMessage::kWantOutputs:
      tracker_.WantOutputs(worker, message.want_outputs(), Now());
      break;
    default:
      return false;
  }
  Deliver(&effects);
  return true;
}

void Coordinator::OnSessionEnd(WorkerKey worker, const rpc::Outbox* outbox) {
  JobTracker::Effects effects;
  MutexLock lock(&mutex_);
  const auto session = sessions_.find(worker);
  if (session == sessions_.end() || session->second.outbox.get() != outbox) return;
  sessions_.erase(session);
  LogInfo("worker_session_ended", {{"worker", tracker_.state().registry.Get(worker).info.id}});
  tracker_.SessionEnded(worker, Now());
  Deliver(&effects);
}

// Without a session a worker hears of it when it registers again, or its heartbeats show the need.
void Coordinator::Put(WorkerKey worker, const pb::CoordinatorMessage& message) {
  const auto session = sessions_.find(worker);
  if (session == sessions_.end() || !session->second.admitted) return;
  session->second.outbox->Put(message);
}

void Coordinator::DeliverToWorkers(JobTracker::Effects* effects) {
  for (const WorkerKey worker : effects->admitted) {
    const auto session = sessions_.find(worker);
    if (session == sessions_.end()) continue;
    session->second.admitted = true;
    Put(worker, MakeAdmitted());
  }
  pb::CoordinatorMessage acknowledged;
  for (size_t i = 0; i < effects->acknowledged.size(); ++i) {
    const auto& [worker, id] = effects->acknowledged[i];
    *acknowledged.mutable_acknowledged()->add_ids() = id;
    const bool last = i + 1 == effects->acknowledged.size() ||
                      effects->acknowledged[i + 1].first != worker ||
                      acknowledged.acknowledged().ids_size() == kIdsPerMessage;
    if (last) Put(worker, std::exchange(acknowledged, {}));
  }
  for (auto& [worker, order] : effects->orders) {
    pb::CoordinatorMessage message;
    *message.mutable_order() = std::move(order);
    Put(worker, message);
  }
  for (const WorkerKey worker : effects->lost_workers) {
    const auto session = sessions_.find(worker);
    if (session == sessions_.end()) continue;
    session->second.outbox->Close();
    sessions_.erase(session);
  }
}

}  // namespace quern::mr
