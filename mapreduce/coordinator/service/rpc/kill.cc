#include "common/mutex.h"
#include "mapreduce/coordinator/service/rpc/handlers.h"

namespace quern::mr {
namespace {

constexpr absl::Duration kWait = absl::Seconds(5);

}  // namespace

absl::StatusOr<pb::KillResponse> Kill(Coordinator* coordinator, const pb::KillRequest& request) {
  RETURN_IF_ERROR(coordinator->Kill(
      request.job_id(), request.reason().empty() ? "killed by a user" : request.reason()));
  Mutex mutex;
  CondVar changed;
  bool news = true;
  const uint64_t watch = coordinator->Watch(request.job_id(), [&] {
    MutexLock lock(&mutex);
    news = true;
    changed.SignalAll();
  });
  const absl::Time deadline = coordinator->Now() + kWait;
  absl::StatusOr<pb::JobStatus> status = coordinator->GetJob(request.job_id());
  while (status.ok() && !IsOver(*status)) {
    const absl::Duration left = deadline - coordinator->Now();
    if (left <= absl::ZeroDuration()) break;
    {
      MutexLock lock(&mutex);
      if (!news) changed.WaitFor(&mutex, left);
      news = false;
    }
    status = coordinator->GetJob(request.job_id());
  }
  coordinator->Unwatch(watch);
  if (!status.ok()) return status.status();
  pb::KillResponse response;
  *response.mutable_status() = *std::move(status);
  return response;
}

}  // namespace quern::mr
