// The part of JobTracker about workers: registrations, heartbeats, losses.
#include <algorithm>

#include "common/clean_text.h"
#include "common/log.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/job_tracker.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

constexpr size_t kMaxNameBytes = 300;

WorkerInfo InfoOf(const pb::WorkerMessage::Register& message) {
  return {CleanLine(message.worker_id(), kMaxNameBytes),
          CleanLine(message.address(), kMaxNameBytes),
          CleanLine(message.http_address(), kMaxNameBytes),
          CleanLine(message.node(), kMaxNameBytes),
          CleanLine(message.rack(), kMaxNameBytes),
          message.slots(),
          message.process(),
          ""};
}

}  // namespace

WorkerKey JobTracker::Register(const pb::WorkerMessage::Register& first, absl::Time now) {
  WorkerInfo info = InfoOf(first);
  const std::string address = info.address;
  const WorkerSlots slots{state_.PlaceOf(NodePlace(info.node)),
                          state_.PlaceOf(RackPlace(info.rack)), info.slots};
  const std::string before = state_.registry.AddressOf(info.id);
  const bool same = info.process != 0 && info.process == state_.registry.ProcessOf(info.id);
  const WorkerKey worker = state_.registry.Register(std::move(info), now);
  state_.scheduler.SetWorker(worker, slots);
  // Nothing starts there before it is known what is there.
  state_.scheduler.PauseWorker(worker);
  orders_.BeginSession(worker);
  Registration& registration = registrations_[worker];
  registration = {};
  registration.moved = before != address;
  registration.stranger = !first.cluster_id().empty() && first.cluster_id() != orders_.cluster_id();
  registration.how = same ? Comeback::kSameProcess : Comeback::kNewProcess;
  for (const AttemptRef& ref : state_.scheduler.CameBack(worker, registration.how)) {
    records_.Stopped(*state_.jobs.Find(ref.job), ref, Stop::kKilled, "its worker is back", now);
  }
  SetHealth(worker, first.unhealthy());
  ContinueRegistration(worker, first, now);
  return worker;
}

void JobTracker::ContinueRegistration(WorkerKey worker, const pb::WorkerMessage::Register& piece,
                                      absl::Time now) {
  const auto it = registrations_.find(worker);
  if (it == registrations_.end()) return;
  state_.registry.Heartbeat(worker, now);
  if (!it->second.stranger) TakeUp(worker, piece, &it->second, now);
  if (!piece.more()) FinishRegistration(worker, now);
  // After a piece as well: it may have ended a job.
  Dispatch(now);
}

void JobTracker::TakeUp(WorkerKey worker, const pb::WorkerMessage::Register& piece,
                        Registration* registration, absl::Time now) {
  const auto report = [&](const pb::WorkerMessage::AttemptUpdate& update) {
    NotePresent(worker, update.id(), registration, now);
    registration->acknowledged.push_back(update.id());
    AttemptRef ref;
    Job* job = Resolve(update.id(), &ref);
    if (job != nullptr && registration->present.contains(ref)) OnFinal(job, ref, update, now);
  };
  for (const auto& held : piece.held()) {
    pb::WorkerMessage::AttemptUpdate update;
    *update.mutable_id() = held.id();
    update.set_state(pb::ATTEMPT_STATE_SUCCEEDED);
    *update.mutable_result() = held.result();
    report(update);
  }
  for (const auto& ended : piece.ended()) report(ended);
  for (const pb::AttemptId& id : piece.running()) {
    NotePresent(worker, id, registration, now);
    AttemptRef ref;
    Job* job = Resolve(id, &ref);
    if (job != nullptr && Runs(ref, worker)) {
      state_.scheduler.running()->Launched(ref, worker, 0, SilenceOf(*job), now);
    } else {
      registration->unwanted.push_back(id);
    }
  }
}

// What the worker has stays; what nobody knows of is taken up, if it can be used.
void JobTracker::NotePresent(WorkerKey worker, const pb::AttemptId& id, Registration* registration,
                             absl::Time now) {
  AttemptRef ref;
  const Job* job = Resolve(id, &ref);
  if (job == nullptr) {
    registration->forget.insert(id.job_id());
    return;
  }
  Adopt(worker, *job, ref, now);
  const Attempt* attempt = state_.scheduler.job(ref.job)->Find(ref.kind, ref.task, ref.number);
  if (attempt != nullptr && attempt->worker == worker) registration->present.insert(ref);
}

void JobTracker::FinishRegistration(WorkerKey worker, absl::Time now) {
  const Registration registration = std::move(registrations_[worker]);
  registrations_.erase(worker);
  effects_.admitted.push_back(worker);
  for (const std::string& job_id : registration.forget) orders_.Forget(worker, job_id);
  for (const pb::AttemptId& id : registration.unwanted) {
    AttemptRef ref;
    Resolve(id, &ref);
    orders_.Kill(worker, id.job_id(), ref, "nobody asked for it");
  }
  for (const pb::AttemptId& id : registration.acknowledged) {
    effects_.acknowledged.emplace_back(worker, id);
  }
  const bool restarted = registration.how == Comeback::kNewProcess;
  OnLoss(state_.scheduler.Reconcile(worker, registration.present, registration.how, now),
         restarted ? "its worker restarted" : "its worker does not have it", now);
  if (registration.moved) MoveOutputs(worker);
  // A stranger hears now whose coordinator this is, and registers anew.
  if (!registration.stranger && state_.registry.Get(worker).info.unhealthy.empty()) {
    state_.scheduler.ResumeWorker(worker);
  }
}

// Reduces that are fetching have to hear where its outputs can be had now.
void JobTracker::MoveOutputs(WorkerKey worker) {
  for (const auto& [key, job] : state_.jobs.all()) {
    if (job->ended()) continue;
    for (const AttemptRef& map : state_.scheduler.OutputsOn(worker, key)) {
      AddOutput(job.get(), map.task);
    }
  }
}

void JobTracker::SessionEnded(WorkerKey worker, absl::Time now) {
  registrations_.erase(worker);
  state_.registry.Disconnected(worker, now);
  state_.scheduler.PauseWorker(worker);
  for (const JobKey job : told_jobs_) state_.jobs.Find(job)->readers.Remove(worker);
  Dispatch(now);
}

void JobTracker::SetHealth(WorkerKey worker, std::string_view unhealthy) {
  const std::string text = CleanLine(unhealthy, kMaxNameBytes);
  const std::string& before = state_.registry.Get(worker).info.unhealthy;
  if (text == before) return;
  LogWarning("worker_health", {{"worker", state_.registry.Get(worker).info.id},
                               {"unhealthy", text.empty() ? "no" : text}});
  state_.registry.SetUnhealthy(worker, text);
  if (registrations_.contains(worker)) return;  // still paused
  if (text.empty()) {
    state_.scheduler.ResumeWorker(worker);
  } else {
    state_.scheduler.PauseWorker(worker);
  }
}

void JobTracker::Heartbeat(WorkerKey worker, const pb::WorkerMessage::Heartbeat& heartbeat,
                           absl::Time now) {
  state_.registry.Heartbeat(worker, now);
  SetHealth(worker, heartbeat.unhealthy());
  for (const auto& update : heartbeat.progress()) OnProgress(worker, update, now);
  Compare(worker, heartbeat, now);
  Dispatch(now);
}

// What runs there against what should.
void JobTracker::Compare(WorkerKey worker, const pb::WorkerMessage::Heartbeat& heartbeat,
                         absl::Time now) {
  std::set<AttemptRef> listed;
  for (const pb::AttemptId& id : heartbeat.running()) {
    AttemptRef ref;
    if (Resolve(id, &ref) == nullptr) {
      orders_.Forget(worker, id.job_id());
    } else if (Runs(ref, worker)) {
      listed.insert(ref);
    } else {
      orders_.Kill(worker, id.job_id(), ref, "nobody needs it");
    }
  }
  for (const AttemptRef& ref :
       state_.scheduler.running()->Missing(worker, listed, heartbeat.last_order())) {
    pb::AttemptFailure failure;
    failure.set_message("its worker has lost it");
    failure.set_environment(true);
    OnFailure(state_.jobs.Find(ref.job), ref, std::move(failure), now);
  }
}

// Those whose worker lives and says that they run, without ever getting anywhere.
void JobTracker::GiveUpSilent(absl::Time now) {
  for (const auto& [ref, worker] : state_.scheduler.running()->Silent(now)) {
    Job* job = state_.jobs.Find(ref.job);
    pb::AttemptFailure failure;
    failure.set_message(fmt::format("nothing was heard of it for {}: its worker does not end it",
                                    absl::FormatDuration(SilenceOf(*job))));
    failure.set_environment(true);
    orders_.Kill(worker, job->id, ref, failure.message());
    OnFailure(job, ref, std::move(failure), now);
  }
}

// Writes down what the scheduler has undone already.
void JobTracker::OnLoss(const WorkerLoss& loss, std::string_view why, absl::Time now) {
  for (const WorkerLoss::Interrupted& one : loss.interrupted) {
    OnStopped(one.attempt, one.why, one.fatal, why, now);
  }
  for (const AttemptRef& map : loss.lost) {
    const Job* job = state_.jobs.Find(map.job);
    records_.OutputLost(*job, map.task, Loss::kWorkerLost, why, now);
    Changed(*job);
  }
}

}  // namespace quern::mr
