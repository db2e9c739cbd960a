// Logs while they are written: the coordinator follows the workers' for a user who follows the job.
// What is to be followed, and when a follower has had everything, is decided by logic/log_follow.h.
#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "common/rpc/bulk_codec.h"
#include "mapreduce/coordinator/logic/log_follow.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/rpc/handlers.h"
#include "mapreduce/engine/task_id.h"
#include "quern/mr/v1/shuffle.pb.h"

namespace quern::mr {
namespace {

using Kind = rpc::BulkEvent::Kind;

// A worker says something more often than this while it lives.
constexpr absl::Duration kSignOfLife = absl::Seconds(5);
// The state of a large job changes all the time, and looking at it takes the coordinator's lock.
constexpr absl::Duration kLookInterval = absl::Milliseconds(100);
// Of a job that has ended before anybody followed it: so many of its newest attempts.
constexpr size_t kMaxEnded = 100;
constexpr std::array kKinds = {TaskKind::kSample, TaskKind::kMap, TaskKind::kReduce};

LogFollow::Worker StandingOf(WorkerRegistry::State state) {
  switch (state) {
    case WorkerRegistry::State::kConnected:
      return LogFollow::Worker::kThere;
    case WorkerRegistry::State::kAway:
      return LogFollow::Worker::kAway;
    case WorkerRegistry::State::kLost:
      break;
  }
  return LogFollow::Worker::kGone;
}

std::string CauseOf(const Job& job, const AttemptRef& attempt) {
  const auto failure = job.failures.find(attempt);
  return failure == job.failures.end() ? "" : DescribeFailure(failure->second);
}

class LogRelay {
 public:
  LogRelay(Coordinator* coordinator, rpc::ChannelCache* channels, const pb::GetLogRequest& request,
           rpc::BulkLoop* loop, rpc::BulkStream* stream)
      : coordinator_(coordinator),
        channels_(channels),
        request_(request),
        loop_(loop),
        stream_(stream) {}

  absl::Status Run();

 private:
  enum class Scope { kJob, kTask, kAttempt };
  struct Place {
    std::string address;
    std::string node;
    AttemptState state = AttemptState::kRunning;
    std::string cause;  // of a failure
  };
  struct Source {
    AttemptRef attempt;
    pb::AttemptId id;
    Place place;
  };

  Scope scope() const {
    if (request_.id().kind() == pb::TASK_KIND_UNSPECIFIED) return Scope::kJob;
    return request_.newest_attempt() ? Scope::kTask : Scope::kAttempt;
  }
  // What has happened since the last call is taken up: attempts that started, streams to be opened,
  // attempts of which nothing more comes.
  absl::Status Look();
  absl::Status Begin(const Job& job, const JobTasks& tasks);
  absl::Status BeginTask(const Job& job, const JobTasks& tasks);
  void AddStarted(const Job& job, const JobTasks& tasks);
  void Note(const Job& job, const AttemptRef& ref, const Attempt& attempt,
            const WorkerInfo& worker);
  bool IsOver(const Job& job, const JobTasks* tasks) const;
  void OpenSource(const LogFollow::Open& open, const Place& place);
  void End(const LogFollow::End& end);
  void OnEvent(const rpc::BulkEvent& event);
  void PassOn(const Source& source, const grpc::ByteBuffer& message);
  void Send(const pb::GetLogResponse& response) { stream_->Send(rpc::EncodeMessage(response)); }

  Coordinator* const coordinator_;
  rpc::ChannelCache* const channels_;
  const pb::GetLogRequest& request_;
  rpc::BulkLoop* const loop_;
  rpc::BulkStream* const stream_;

  LogFollow follow_;
  bool begun_ = false;
  bool over_ = false;  // nothing is added any more
  // Attempts of each kind that were looked at, in the order in which they started.
  std::array<size_t, kTaskKinds> seen_{};
  std::map<AttemptRef, Place> places_;  // where they ran, for the lines about their end
  std::map<rpc::BulkStream*, Source> sources_;
};

absl::Status LogRelay::Begin(const Job& job, const JobTasks& tasks) {
  for (const pb::GetLogRequest::Had& had : request_.had()) {
    const AttemptRef ref{job.key, FromProto(had.id().kind()), had.id().task(), had.id().attempt()};
    if (tasks.Find(ref.kind, ref.task, ref.number) != nullptr) follow_.Add(ref, had.bytes());
  }
  if (scope() != Scope::kJob) return BeginTask(job, tasks);
  for (const TaskKind kind : kKinds) {
    const std::vector<Attempt>& attempts = tasks.attempts(kind);
    seen_[static_cast<size_t>(kind)] = attempts.size();
    for (size_t i = 0; i < attempts.size(); ++i) {
      const bool ended = job.ended() && !request_.resumed() && attempts.size() - i <= kMaxEnded;
      if (ended || attempts[i].state == AttemptState::kRunning) {
        follow_.Add({job.key, kind, attempts[i].task, attempts[i].number});
      }
    }
  }
  return absl::OkStatus();
}

absl::Status LogRelay::BeginTask(const Job& job, const JobTasks& tasks) {
  const pb::AttemptId& id = request_.id();
  const TaskKind kind = FromProto(id.kind());
  const std::string name = FormatTask(id.kind(), id.task());
  if (id.task() >= tasks.counts(kind).total) {
    return NotFoundError("{}: no such task in {}. Try: mr tasks {}", name, job.id, job.id);
  }
  seen_[static_cast<size_t>(kind)] = tasks.attempts(kind).size();
  if (request_.resumed() && scope() == Scope::kAttempt) return absl::OkStatus();
  if (scope() == Scope::kAttempt) {
    if (tasks.Find(kind, id.task(), id.attempt()) == nullptr) {
      return NotFoundError("{}: has no such attempt yet. Try: mr tasks {}", name, job.id);
    }
    follow_.Add({job.key, kind, id.task(), id.attempt()});
    return absl::OkStatus();
  }
  for (const uint32_t number : tasks.RunningNumbers(kind, id.task())) {
    follow_.Add({job.key, kind, id.task(), number});
  }
  const Attempt* newest = tasks.Newest(kind, id.task());
  if (newest != nullptr && !request_.resumed()) {
    follow_.Add({job.key, kind, id.task(), newest->number});
  }
  return absl::OkStatus();
}

void LogRelay::AddStarted(const Job& job, const JobTasks& tasks) {
  if (scope() == Scope::kAttempt) return;
  for (const TaskKind kind : kKinds) {
    if (scope() == Scope::kTask && kind != FromProto(request_.id().kind())) continue;
    const std::vector<Attempt>& attempts = tasks.attempts(kind);
    for (size_t& i = seen_[static_cast<size_t>(kind)]; i < attempts.size(); ++i) {
      if (scope() == Scope::kTask && attempts[i].task != request_.id().task()) continue;
      follow_.Add({job.key, kind, attempts[i].task, attempts[i].number});
    }
  }
}

bool LogRelay::IsOver(const Job& job, const JobTasks* tasks) const {
  if (job.ended() || tasks == nullptr || scope() == Scope::kAttempt) return true;
  if (scope() == Scope::kJob) return false;
  return tasks->Chosen(FromProto(request_.id().kind()), request_.id().task()) != nullptr;
}

// Only what is new: there may be thousands, and the coordinator's lock is held.
void LogRelay::Note(const Job& job, const AttemptRef& ref, const Attempt& attempt,
                    const WorkerInfo& worker) {
  Place& place = places_[ref];
  if (place.address != worker.address) {
    place.address = worker.address;
    place.node = worker.node;
  }
  if (place.state == attempt.state) return;
  place.state = attempt.state;
  place.cause = CauseOf(job, ref);
}

absl::Status LogRelay::Look() {
  const absl::Time now = coordinator_->Now();
  LogFollow::Steps steps;
  const absl::Status status = coordinator_->Read([&](const TrackerState& state) -> absl::Status {
    const Job* job = state.jobs.Find(request_.id().job_id());
    if (job == nullptr) return NoSuchJob(request_.id().job_id());
    const JobTasks* tasks = state.Tasks(*job);
    if (!begun_ && tasks == nullptr) {
      return FailedPreconditionError("{}: has ended, there is nothing to follow. Try: mr logs {}",
                                     job->id, job->id);
    }
    if (!std::exchange(begun_, true)) RETURN_IF_ERROR(Begin(*job, *tasks));
    if (tasks != nullptr) AddStarted(*job, *tasks);
    over_ = IsOver(*job, tasks);
    steps = follow_.Look(
        [&](const AttemptRef& ref) {
          const Attempt* attempt =
              tasks == nullptr ? nullptr : tasks->Find(ref.kind, ref.task, ref.number);
          if (attempt == nullptr) return LogFollow::Standing();
          const WorkerRegistry::Worker& worker = state.registry.Get(attempt->worker);
          Note(*job, ref, *attempt, worker.info);
          return LogFollow::Standing{.runs = attempt->state == AttemptState::kRunning,
                                     .worker = StandingOf(worker.state)};
        },
        now);
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(status);
  for (const LogFollow::Open& open : steps.open) OpenSource(open, places_[open.attempt]);
  for (const LogFollow::End& end : steps.ended) End(end);
  return absl::OkStatus();
}

void LogRelay::End(const LogFollow::End& end) {
  const auto source = std::find_if(sources_.begin(), sources_.end(), [&](const auto& open) {
    return open.second.attempt == end.attempt;
  });
  if (source != sources_.end()) {
    loop_->Close(source->first);
    sources_.erase(source);
  }
  pb::GetLogResponse response;
  *response.mutable_id() = ToProto(request_.id().job_id(), end.attempt);
  const Place place = std::move(places_[end.attempt]);
  places_.erase(end.attempt);
  response.set_node(place.node);
  response.set_ended(true);
  response.set_missing(end.missing);
  response.set_state(ToProto(place.state));
  response.set_cause(place.cause);
  Send(response);
}

void LogRelay::OpenSource(const LogFollow::Open& open, const Place& place) {
  rpc::BulkStream* source = loop_->Open(channels_->Get(place.address, rpc::ChannelKind::kControl),
                                        kReadLog, absl::InfiniteDuration());
  const pb::AttemptId id = ToProto(request_.id().job_id(), open.attempt);
  sources_[source] = {open.attempt, id, place};
  pb::ReadLogRequest read;
  *read.mutable_id() = id;
  read.set_follow(true);
  read.set_offset(open.offset);
  source->Send(rpc::EncodeMessage(read));
  source->CloseSend();
}

void LogRelay::PassOn(const Source& source, const grpc::ByteBuffer& message) {
  pb::ReadLogResponse piece;
  if (!rpc::DecodeMessage(message, &piece).ok()) return;
  if (piece.data().empty() && !piece.restarted()) return;
  follow_.Received(source.attempt, piece.data().size(), piece.restarted());
  pb::GetLogResponse response;
  *response.mutable_id() = source.id;
  response.set_node(source.place.node);
  response.set_data(std::move(*piece.mutable_data()));
  response.set_restarted(piece.restarted());
  Send(response);
}

void LogRelay::OnEvent(const rpc::BulkEvent& event) {
  if (event.kind == Kind::kTimeout) Send({});
  const auto source = sources_.find(event.stream);
  if (event.kind == Kind::kMessage && source != sources_.end())
    PassOn(source->second, event.message);
  if (event.kind == Kind::kFinished && source != sources_.end()) {
    follow_.Finished(source->second.attempt, event.status, coordinator_->Now());
    if (!event.status.ok()) channels_->Forget(source->second.place.address);
    loop_->Close(source->first);
    sources_.erase(source);
  }
  const bool full = stream_->unsent_bytes() > kMaxUnsentBytes;
  for (const auto& [open, unused] : sources_) {
    if (full) {
      open->PauseReading();
    } else if (event.kind == Kind::kSent) {
      open->ResumeReading();
    }
  }
}

absl::Status LogRelay::Run() {
  while (true) {
    const absl::Time looked = coordinator_->Now();
    RETURN_IF_ERROR(Look());
    if (over_ && follow_.done()) return absl::OkStatus();
    absl::Time look_at = std::min(looked + kSignOfLife, follow_.NextLook());
    for (absl::Time now = looked; now < look_at; now = coordinator_->Now()) {
      const rpc::BulkEvent event = loop_->Next(look_at - now);
      if (coordinator_->stopping()) return UnavailableError("the coordinator is stopping");
      OnEvent(event);
      if (stream_->failed()) return CancelledError("the caller is gone");
      if (event.kind == Kind::kWoken || event.kind == Kind::kFinished) {
        look_at = std::min(look_at, looked + kLookInterval);
      }
    }
  }
}

}  // namespace

absl::Status FollowLog(Coordinator* coordinator, rpc::ChannelCache* channels,
                       const pb::GetLogRequest& request, rpc::BulkLoop* loop,
                       rpc::BulkStream* stream) {
  const uint64_t watch = coordinator->Watch(request.id().job_id(), [loop] { loop->Wake(); });
  const absl::Status status = LogRelay(coordinator, channels, request, loop, stream).Run();
  coordinator->Unwatch(watch);
  return status;
}

}  // namespace quern::mr
