#include "mapreduce/cli/coordinator_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/cli/cli.h"
#include "common/mutex.h"
#include "common/random.h"
#include "common/rpc/channel.h"
#include "common/rpc/unary.h"
#include "common/sizes.h"
#include "mapreduce/cli/call_patience.h"
#include "mapreduce/plan/job_spec_rules.h"
#include "quern/mr/v1/jobs.grpc.pb.h"

namespace quern::mr {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(30);
// Planning a job asks the master about every input file.
constexpr absl::Duration kSubmitTimeout = absl::Minutes(10);
constexpr absl::Duration kWatchPatience = absl::Minutes(2);
constexpr absl::Duration kPause = absl::Milliseconds(100);

constexpr char kMayBeAccepted[] = "quern/may_be_accepted";

bool IsBeingAccepted(const absl::Status& status) { return Message(status) == kBeingAccepted; }

}  // namespace

struct CoordinatorClient::Impl {
  Clock* clock = nullptr;
  std::vector<std::string> addresses;
  size_t current = 0;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<pb::Jobs::Stub> stub;
  Mutex mutex;
  bool cancelled ABSL_GUARDED_BY(mutex) = false;
  grpc::ClientContext* listening ABSL_GUARDED_BY(mutex) = nullptr;

  void Connect() {
    channel = rpc::MakeChannel(address(), rpc::ChannelKind::kControl);
    stub = pb::Jobs::NewStub(channel);
  }

  const std::string& address() const { return addresses[current % addresses.size()]; }

  // Repeats a call while nobody is there (call_patience.h). All calls are safe to repeat:
  // submissions by their request id, the rest by nature. `outcome_unknown` is set when a call
  // reached somebody and had no answer.
  template <typename Invoke>
  absl::Status Call(absl::Duration timeout, Invoke invoke, bool* outcome_unknown = nullptr) {
    CallPatience patience(clock->MonotonicNow(), timeout);
    absl::Status last = UnavailableError("it takes no connection");
    bool answered = false;  // by `last`
    while (true) {
      const absl::Time begun = clock->MonotonicNow();
      if (!rpc::AwaitConnection(channel.get(), patience.ToReach(begun))) break;
      answered = false;
      last = rpc::Call(timeout, [&](grpc::ClientContext* context) {
        const grpc::Status raw = invoke(context);
        answered = rpc::IsAnswer(raw);
        return raw;
      });
      const bool is_unclear = absl::IsUnavailable(last) || absl::IsDeadlineExceeded(last);
      const CallPatience::Failure how = HowFailed(last, answered);
      if (outcome_unknown != nullptr && is_unclear && how != CallPatience::Failure::kNeverReached &&
          !answered) {
        *outcome_unknown = true;
      }
      if (!absl::IsUnavailable(last)) break;
      if (!patience.Failed(how, begun, clock->MonotonicNow())) break;
      clock->Sleep(kPause);
      ++current;
      Connect();
    }
    // Also what gRPC says of a call that took too long; streams have reasons of their own for that.
    const bool is_silent = absl::IsUnavailable(last) || Message(last) == "Deadline Exceeded";
    return is_silent && !answered ? DoesNotAnswer(last) : last;
  }

  static CallPatience::Failure HowFailed(const absl::Status& status, bool answered) {
    if (!answered && rpc::NeverReached(status)) return CallPatience::Failure::kNeverReached;
    if (IsBeingAccepted(status)) return CallPatience::Failure::kInWork;
    return answered ? CallPatience::Failure::kAnswered : CallPatience::Failure::kBroken;
  }

  absl::Status DoesNotAnswer(const absl::Status& status) const {
    return MakeStatus(status.code(),
                      fmt::format("the coordinator at {} does not answer ({}). Try: quern status, "
                                  "or --coordinator HOST:PORT",
                                  address(), rpc::WhyNoAnswer(status)));
  }

  // Nobody is told that something was rejected that may be running.
  template <typename Invoke>
  absl::Status Submit(bool dry_run, Invoke invoke) {
    bool outcome_unknown = false;
    absl::Status status = Call(kSubmitTimeout, invoke, &outcome_unknown);
    const bool is_unclear = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
    if (!is_unclear) return status;
    // The coordinator itself has said so, of the master.
    if (dry_run || !outcome_unknown) return UnavailableError("{}", Message(status));
    status = DeadlineExceededError(
        "the coordinator at {} was gone before it had answered: this may have been accepted. Try: "
        "mr list, before it is submitted again",
        address());
    status.SetPayload(kMayBeAccepted, absl::Cord());
    return status;
  }

  // Nobody may cancel the call of this context any more.
  bool EndStream() {
    MutexLock lock(&mutex);
    listening = nullptr;
    return cancelled;
  }

  // Hands the messages of a stream to `on_message`, and opens it again when it breaks, until it
  // ends well and `complete`. `command` is what to try when the coordinator stays away.
  template <typename Message, typename Open, typename OnMessage, typename Complete>
  absl::Status Listen(const std::string& job_id, std::string_view command, Open open,
                      OnMessage on_message, Complete complete) {
    absl::Time heard = clock->MonotonicNow();
    while (true) {
      grpc::ClientContext context;
      {
        MutexLock lock(&mutex);
        if (cancelled) return CancelledError("interrupted");
        listening = &context;
      }
      const auto reader = open(&context);
      Message message;
      while (reader->Read(&message)) {
        heard = clock->MonotonicNow();
        on_message(&message);
      }
      const absl::Status status = rpc::FromGrpc(reader->Finish());
      if (EndStream()) return CancelledError("interrupted");
      if (status.ok() && complete()) return absl::OkStatus();
      if (!status.ok() && !IsRetryable(status)) return status;
      if (clock->MonotonicNow() - heard > kWatchPatience) {
        return UnavailableError("{}: the coordinator has been away for {}. Try: {} {}", job_id,
                                HumanDuration(kWatchPatience), command, job_id);
      }
      clock->Sleep(kPause);
      ++current;
      Connect();
    }
  }
};

CoordinatorClient::CoordinatorClient(std::vector<std::string> addresses, Clock* clock)
    : impl_(std::make_unique<Impl>()) {
  impl_->clock = clock;
  impl_->addresses = std::move(addresses);
  impl_->Connect();
}

CoordinatorClient::~CoordinatorClient() = default;

absl::StatusOr<pb::SubmitResponse> CoordinatorClient::Submit(pb::SubmitRequest request) {
  request.mutable_header()->set_client_id(RandomId());
  request.mutable_header()->set_request_id(1);
  pb::SubmitResponse response;
  RETURN_IF_ERROR(impl_->Submit(request.dry_run(), [&](grpc::ClientContext* context) {
    return impl_->stub->Submit(context, request, &response);
  }));
  return response;
}

absl::StatusOr<pb::SubmitPipelineResponse> CoordinatorClient::SubmitPipeline(
    pb::SubmitPipelineRequest request) {
  request.mutable_header()->set_client_id(RandomId());
  request.mutable_header()->set_request_id(1);
  pb::SubmitPipelineResponse response;
  RETURN_IF_ERROR(impl_->Submit(request.dry_run(), [&](grpc::ClientContext* context) {
    return impl_->stub->SubmitPipeline(context, request, &response);
  }));
  return response;
}

absl::Status CoordinatorClient::DropPipeline(const std::string& pipeline_id) {
  pb::DropPipelineRequest request;
  request.set_pipeline_id(pipeline_id);
  pb::DropPipelineResponse response;
  return impl_->Call(kSubmitTimeout, [&](grpc::ClientContext* context) {
    return impl_->stub->DropPipeline(context, request, &response);
  });
}

absl::StatusOr<pb::JobStatus> CoordinatorClient::GetJob(const std::string& job_id) {
  pb::GetJobRequest request;
  request.set_job_id(job_id);
  pb::GetJobResponse response;
  RETURN_IF_ERROR(impl_->Call(kCallTimeout, [&](grpc::ClientContext* context) {
    return impl_->stub->GetJob(context, request, &response);
  }));
  return response.status();
}

absl::StatusOr<pb::ListJobsResponse> CoordinatorClient::ListJobs(
    const pb::ListJobsRequest& request) {
  pb::ListJobsResponse response;
  RETURN_IF_ERROR(impl_->Call(kCallTimeout, [&](grpc::ClientContext* context) {
    return impl_->stub->ListJobs(context, request, &response);
  }));
  return response;
}

absl::StatusOr<pb::ListTasksResponse> CoordinatorClient::ListTasks(
    const pb::ListTasksRequest& request) {
  pb::ListTasksResponse response;
  RETURN_IF_ERROR(impl_->Call(kCallTimeout, [&](grpc::ClientContext* context) {
    return impl_->stub->ListTasks(context, request, &response);
  }));
  return response;
}

absl::StatusOr<pb::GetTaskResponse> CoordinatorClient::GetTask(pb::GetTaskRequest request) {
  pb::GetTaskResponse all;
  while (true) {
    pb::GetTaskResponse page;
    RETURN_IF_ERROR(impl_->Call(kCallTimeout, [&](grpc::ClientContext* context) {
      return impl_->stub->GetTask(context, request, &page);
    }));
    const bool more = page.more() && page.maps_size() > 0;
    all.MergeFrom(page);
    if (!more) return all;
    request.set_first_map(static_cast<uint32_t>(all.maps_size()));
    all.clear_task();  // each page has it
  }
}

absl::StatusOr<pb::JobStatus> CoordinatorClient::Kill(const std::string& job_id,
                                                      const std::string& reason) {
  pb::KillRequest request;
  request.set_job_id(job_id);
  request.set_reason(reason);
  pb::KillResponse response;
  RETURN_IF_ERROR(impl_->Call(kCallTimeout, [&](grpc::ClientContext* context) {
    return impl_->stub->Kill(context, request, &response);
  }));
  return response.status();
}

absl::StatusOr<pb::GetWorkersResponse> CoordinatorClient::GetWorkers() {
  pb::GetWorkersResponse response;
  RETURN_IF_ERROR(impl_->Call(kCallTimeout, [&](grpc::ClientContext* context) {
    return impl_->stub->GetWorkers(context, pb::GetWorkersRequest(), &response);
  }));
  return response;
}

absl::Status CoordinatorClient::GetLog(
    pb::GetLogRequest request, const std::function<void(const pb::GetLogResponse&)>& on_piece) {
  // A call that is repeated goes on where it was, with the same attempt.
  uint64_t had = 0;
  return impl_->Call(absl::Minutes(10), [&](grpc::ClientContext* context) {
    const auto reader = impl_->stub->GetLog(context, request);
    pb::GetLogResponse piece;
    for (uint64_t skip = had; reader->Read(&piece);) {
      if (piece.has_id()) {
        *request.mutable_id() = piece.id();
        request.set_newest_attempt(false);
      }
      const size_t known = std::min<uint64_t>(skip, piece.data().size());
      piece.mutable_data()->erase(0, known);
      skip -= known;
      had += piece.data().size();
      on_piece(piece);
    }
    return reader->Finish();
  });
}

absl::StatusOr<pb::JobStatus> CoordinatorClient::Watch(
    const std::string& job_id, const std::function<void(const pb::JobStatus&)>& on_status) {
  pb::GetJobRequest request;
  request.set_job_id(job_id);
  pb::JobStatus last;
  RETURN_IF_ERROR(impl_->Listen<pb::GetJobResponse>(
      job_id, "mr watch",
      [&](grpc::ClientContext* context) { return impl_->stub->WatchJob(context, request); },
      [&](pb::GetJobResponse* response) {
        last = std::move(*response->mutable_status());
        on_status(last);
      },
      [&] { return HasEnded(last); }));
  return last;
}

absl::Status CoordinatorClient::FollowLog(
    pb::GetLogRequest request, const std::function<void(const pb::GetLogResponse&)>& on_piece,
    const std::function<void(pb::GetLogRequest*)>& resume) {
  request.set_follow(true);
  bool begun = false;
  return impl_->Listen<pb::GetLogResponse>(
      request.id().job_id(), "mr logs -f",
      [&](grpc::ClientContext* context) {
        request.set_resumed(begun);
        if (begun) resume(&request);
        return impl_->stub->GetLog(context, request);
      },
      [&](pb::GetLogResponse* piece) {
        begun = true;
        on_piece(*piece);
      },
      [] { return true; });
}

void CoordinatorClient::CancelWatch() {
  MutexLock lock(&impl_->mutex);
  impl_->cancelled = true;
  if (impl_->listening != nullptr) impl_->listening->TryCancel();
}

bool HasEnded(const pb::JobStatus& status) {
  return status.state() == pb::JOB_STATE_SUCCEEDED || status.state() == pb::JOB_STATE_FAILED ||
         status.state() == pb::JOB_STATE_KILLED;
}

int ExitOfSubmission(const absl::Status& status) {
  return status.GetPayload(kMayBeAccepted).has_value() ? kExitFailed : kExitRejected;
}

}  // namespace quern::mr
