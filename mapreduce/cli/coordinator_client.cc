#include "mapreduce/cli/coordinator_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "common/mutex.h"
#include "common/random.h"
#include "common/rpc/channel.h"
#include "common/rpc/unary.h"
#include "common/sizes.h"
#include "quern/mr/v1/jobs.grpc.pb.h"

namespace quern::mr {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(5);
constexpr absl::Duration kCallTimeout = absl::Seconds(30);
// Planning a job asks the master about every input file.
constexpr absl::Duration kSubmitTimeout = absl::Minutes(10);
constexpr absl::Duration kWatchPatience = absl::Minutes(2);
constexpr absl::Duration kPause = absl::Milliseconds(100);

}  // namespace

struct CoordinatorClient::Impl {
  Clock* clock = nullptr;
  std::vector<std::string> addresses;
  size_t current = 0;
  std::unique_ptr<v1::Jobs::Stub> stub;
  Mutex mutex;
  bool cancelled ABSL_GUARDED_BY(mutex) = false;
  grpc::ClientContext* watching ABSL_GUARDED_BY(mutex) = nullptr;

  void Connect() {
    stub = v1::Jobs::NewStub(
        rpc::MakeChannel(addresses[current % addresses.size()], rpc::ChannelKind::kControl));
  }

  // Repeats a call while nobody is there. All calls are safe to repeat: submissions by their
  // request id, the rest by nature.
  template <typename Invoke>
  absl::Status Call(absl::Duration timeout, Invoke invoke) {
    const absl::Time deadline = clock->MonotonicNow() + kPatience;
    while (true) {
      const absl::Status status =
          rpc::Call(timeout, [&](grpc::ClientContext* context) { return invoke(context); });
      if (status.code() != absl::StatusCode::kUnavailable) return status;
      if (clock->MonotonicNow() > deadline) {
        return UnavailableError(
            "coordinator {}: nobody is there ({}). Try: quern up, or --coordinator HOST:PORT",
            addresses[current % addresses.size()], Message(status));
      }
      clock->Sleep(kPause);
      ++current;
      Connect();
    }
  }
  bool is_cancelled() {
    MutexLock lock(&mutex);
    return cancelled;
  }
};

CoordinatorClient::CoordinatorClient(std::vector<std::string> addresses, Clock* clock)
    : impl_(std::make_unique<Impl>()) {
  impl_->clock = clock;
  impl_->addresses = std::move(addresses);
  impl_->Connect();
}

CoordinatorClient::~CoordinatorClient() = default;

absl::StatusOr<v1::SubmitResponse> CoordinatorClient::Submit(v1::SubmitRequest request) {
  request.mutable_header()->set_client_id(RandomId());
  request.mutable_header()->set_request_id(1);
  v1::SubmitResponse response;
  RETURN_IF_ERROR(impl_->Call(kSubmitTimeout, [&](grpc::ClientContext* context) {
    return impl_->stub->Submit(context, request, &response);
  }));
  return response;
}

absl::StatusOr<v1::JobStatus> CoordinatorClient::GetJob(const std::string& job_id) {
  v1::GetJobRequest request;
  request.set_job_id(job_id);
  v1::GetJobResponse response;
  RETURN_IF_ERROR(impl_->Call(kCallTimeout, [&](grpc::ClientContext* context) {
    return impl_->stub->GetJob(context, request, &response);
  }));
  return response.status();
}

absl::StatusOr<v1::ListJobsResponse> CoordinatorClient::ListJobs(uint32_t limit) {
  v1::ListJobsRequest request;
  request.set_limit(limit);
  v1::ListJobsResponse response;
  RETURN_IF_ERROR(impl_->Call(kCallTimeout, [&](grpc::ClientContext* context) {
    return impl_->stub->ListJobs(context, request, &response);
  }));
  return response;
}

absl::StatusOr<v1::ListTasksResponse> CoordinatorClient::ListTasks(
    const v1::ListTasksRequest& request) {
  v1::ListTasksResponse response;
  RETURN_IF_ERROR(impl_->Call(kCallTimeout, [&](grpc::ClientContext* context) {
    return impl_->stub->ListTasks(context, request, &response);
  }));
  return response;
}

absl::StatusOr<v1::JobStatus> CoordinatorClient::Kill(const std::string& job_id,
                                                      const std::string& reason) {
  v1::KillRequest request;
  request.set_job_id(job_id);
  request.set_reason(reason);
  v1::KillResponse response;
  RETURN_IF_ERROR(impl_->Call(kCallTimeout, [&](grpc::ClientContext* context) {
    return impl_->stub->Kill(context, request, &response);
  }));
  return response.status();
}

absl::StatusOr<v1::GetWorkersResponse> CoordinatorClient::GetWorkers() {
  v1::GetWorkersResponse response;
  RETURN_IF_ERROR(impl_->Call(kCallTimeout, [&](grpc::ClientContext* context) {
    return impl_->stub->GetWorkers(context, v1::GetWorkersRequest(), &response);
  }));
  return response;
}

absl::Status CoordinatorClient::GetLog(const v1::GetLogRequest& request,
                                       const std::function<void(const std::string&)>& sink) {
  return impl_->Call(absl::Minutes(10), [&](grpc::ClientContext* context) {
    const auto reader = impl_->stub->GetLog(context, request);
    v1::GetLogResponse piece;
    while (reader->Read(&piece)) sink(piece.data());
    return reader->Finish();
  });
}

absl::StatusOr<v1::JobStatus> CoordinatorClient::Watch(
    const std::string& job_id, const std::function<void(const v1::JobStatus&)>& on_status) {
  v1::GetJobRequest request;
  request.set_job_id(job_id);
  v1::JobStatus last;
  absl::Time heard = impl_->clock->MonotonicNow();
  while (true) {
    grpc::ClientContext context;
    {
      MutexLock lock(&impl_->mutex);
      if (impl_->cancelled) return CancelledError("interrupted");
      impl_->watching = &context;
    }
    const auto reader = impl_->stub->WatchJob(&context, request);
    v1::GetJobResponse response;
    while (reader->Read(&response)) {
      heard = impl_->clock->MonotonicNow();
      last = std::move(*response.mutable_status());
      on_status(last);
    }
    const absl::Status status = rpc::FromGrpc(reader->Finish());
    {
      MutexLock lock(&impl_->mutex);
      impl_->watching = nullptr;
    }
    if (impl_->is_cancelled()) return CancelledError("interrupted");
    if (status.ok() && HasEnded(last)) return last;
    if (!status.ok() && !IsRetryable(status)) return status;
    if (impl_->clock->MonotonicNow() - heard > kWatchPatience) {
      return UnavailableError("{}: the coordinator has been away for {}. Try: mr watch {}", job_id,
                              HumanDuration(kWatchPatience), job_id);
    }
    impl_->clock->Sleep(kPause);
    ++impl_->current;
    impl_->Connect();
  }
}

void CoordinatorClient::CancelWatch() {
  MutexLock lock(&impl_->mutex);
  impl_->cancelled = true;
  if (impl_->watching != nullptr) impl_->watching->TryCancel();
}

bool HasEnded(const v1::JobStatus& status) {
  return status.state() == v1::JOB_STATE_SUCCEEDED || status.state() == v1::JOB_STATE_FAILED ||
         status.state() == v1::JOB_STATE_KILLED;
}

}  // namespace quern::mr
