// Calls of the coordinator, with the errors a person can act on.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/jobs.pb.h"

namespace quern::mr {

// Each call waits 5 s for a coordinator that is not there, or takes connections and says nothing,
// then fails naming its address. Of one that was gone in the middle of a call the time counts from
// then on.
class CoordinatorClient {
 public:
  // HOST:PORTs; the first that answers is asked. The clock is borrowed.
  CoordinatorClient(std::vector<std::string> addresses, Clock* clock);
  ~CoordinatorClient();

  // DeadlineExceeded: nobody knows whether it was accepted (see ExitOfSubmission).
  absl::StatusOr<pb::SubmitResponse> Submit(pb::SubmitRequest request);
  absl::StatusOr<pb::SubmitPipelineResponse> SubmitPipeline(pb::SubmitPipelineRequest request);
  absl::Status DropPipeline(const std::string& pipeline_id);
  absl::StatusOr<pb::JobStatus> GetJob(const std::string& job_id);
  absl::StatusOr<pb::ListJobsResponse> ListJobs(const pb::ListJobsRequest& request);
  absl::StatusOr<pb::ListTasksResponse> ListTasks(const pb::ListTasksRequest& request);
  // A reduce with all of its maps.
  absl::StatusOr<pb::GetTaskResponse> GetTask(pb::GetTaskRequest request);
  absl::StatusOr<pb::JobStatus> Kill(const std::string& job_id, const std::string& reason);
  absl::StatusOr<pb::GetWorkersResponse> GetWorkers();
  // Calls `on_piece` with the pieces of a log; the first one says whose it is.
  absl::Status GetLog(pb::GetLogRequest request,
                      const std::function<void(const pb::GetLogResponse&)>& on_piece);

  // These two outlive a coordinator that restarts within two minutes, and end with Cancelled after
  // CancelWatch. Watch calls `on_status` with every change until the job has ended.
  absl::StatusOr<pb::JobStatus> Watch(const std::string& job_id,
                                      const std::function<void(const pb::JobStatus&)>& on_status);
  // Calls `on_piece` with the pieces of logs until everything that `request` asks to follow has
  // ended. Before it asks again, after a broken stream, `resume` says what has come.
  absl::Status FollowLog(pb::GetLogRequest request,
                         const std::function<void(const pb::GetLogResponse&)>& on_piece,
                         const std::function<void(pb::GetLogRequest*)>& resume);
  // From any thread.
  void CancelWatch();

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

bool HasEnded(const pb::JobStatus& status);

// Of a submission that came to nothing: rejected, unless Submit or SubmitPipeline has said that it
// may have been accepted. What failed before them, an upload that nobody answered, surely was not.
int ExitOfSubmission(const absl::Status& status);

}  // namespace quern::mr
