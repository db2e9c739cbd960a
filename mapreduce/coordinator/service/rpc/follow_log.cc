// Logs while they are written: the coordinator follows the workers' for a user who follows the job.
// Which attempts are to be followed is found by followed_jobs.h; when a follower has had everything
// is decided by logic/log_follow.h.
#include <algorithm>
#include <map>
#include <utility>

#include "common/rpc/bulk_codec.h"
#include "mapreduce/coordinator/logic/log_follow.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/rpc/followed_jobs.h"
#include "mapreduce/coordinator/service/rpc/handlers.h"
#include "quern/mr/v1/shuffle.pb.h"

namespace quern::mr {
namespace {

using Kind = rpc::BulkEvent::Kind;

// A worker says something more often than this while it lives.
constexpr absl::Duration kSignOfLife = absl::Seconds(5);
// The state of a large job changes all the time, and looking at it takes the coordinator's lock.
constexpr absl::Duration kLookInterval = absl::Milliseconds(100);

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
        stream_(stream),
        followed_(request) {}

  absl::Status Run();

 private:
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

  // What has happened since the last call is taken up: attempts that started, streams to be opened,
  // attempts of which nothing more comes.
  absl::Status Look();
  absl::StatusOr<bool> PipelineEnded() const;
  LogFollow::Standing StandingNow(const TrackerState& state, const AttemptRef& ref);
  void Note(const Job& job, const AttemptRef& ref, const Attempt& attempt,
            const WorkerInfo& worker);
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

  FollowedJobs followed_;
  LogFollow follow_;
  std::map<AttemptRef, Place> places_;  // where they ran, for the lines about their end
  std::map<rpc::BulkStream*, Source> sources_;
};

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

absl::StatusOr<bool> LogRelay::PipelineEnded() const {
  if (!followed_.of_pipeline()) return false;
  ASSIGN_OR_RETURN(const pb::JobStatus pipeline,
                   coordinator_->pipelines().Get(request_.id().job_id()));
  return IsOver(pipeline);
}

LogFollow::Standing LogRelay::StandingNow(const TrackerState& state, const AttemptRef& ref) {
  const Job* job = state.jobs.Find(ref.job);
  const JobTasks* tasks = job == nullptr ? nullptr : state.Tasks(*job);
  const Attempt* attempt = tasks == nullptr ? nullptr : tasks->Find(ref.kind, ref.task, ref.number);
  if (attempt == nullptr) return {};
  const WorkerRegistry::Worker& worker = state.registry.Get(attempt->worker);
  Note(*job, ref, *attempt, worker.info);
  return {.runs = attempt->state == AttemptState::kRunning, .worker = StandingOf(worker.state)};
}

absl::Status LogRelay::Look() {
  const absl::Time now = coordinator_->Now();
  // Before the state: what a pipeline that has ended has started can be seen there.
  ASSIGN_OR_RETURN(const bool pipeline_ended, PipelineEnded());
  LogFollow::Steps steps;
  const absl::Status looked = coordinator_->Read([&](const TrackerState& state) -> absl::Status {
    RETURN_IF_ERROR(followed_.Look(state, pipeline_ended, &follow_));
    steps = follow_.Look([&](const AttemptRef& ref) { return StandingNow(state, ref); }, now);
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(looked);
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
  *response.mutable_id() = ToProto(followed_.IdOf(end.attempt.job), end.attempt);
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
  const pb::AttemptId id = ToProto(followed_.IdOf(open.attempt.job), open.attempt);
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
    if (followed_.over() && follow_.done()) return absl::OkStatus();
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
