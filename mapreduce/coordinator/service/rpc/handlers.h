// What the coordinator does for each request: one file per RPC of quern.mr.v1.Jobs and Coordinator.
// Plain functions of the Coordinator, so that tests need no network; coordinator_services.h ties
// them to gRPC.
#pragma once

#include "common/rpc/bulk.h"
#include "common/rpc/channel.h"
#include "common/status.h"
#include "mapreduce/coordinator/service/coordinator.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/jobs.pb.h"

namespace quern::mr {

// Lists stop before they are too long for a message.
inline constexpr size_t kMaxListBytes = size_t{4} << 20;
// Where workers serve logs, and how far a reader of one may be behind.
inline constexpr char kReadLog[] = "/quern.mr.v1.Shuffle/ReadLog";
inline constexpr size_t kMaxUnsentBytes = size_t{4} << 20;

absl::StatusOr<pb::SubmitResponse> Submit(Coordinator* coordinator,
                                          const pb::SubmitRequest& request);
absl::StatusOr<pb::SubmitPipelineResponse> SubmitPipeline(Coordinator* coordinator,
                                                          const pb::SubmitPipelineRequest& request);
absl::StatusOr<pb::DropPipelineResponse> DropPipeline(Coordinator* coordinator,
                                                      const pb::DropPipelineRequest& request);
// Pipelines and jobs together, the newest first; a pipeline before a job of the same moment.
absl::StatusOr<pb::ListJobsResponse> ListJobs(Coordinator* coordinator,
                                              const pb::ListJobsRequest& request);
absl::StatusOr<pb::GetJobResponse> GetJob(Coordinator* coordinator,
                                          const pb::GetJobRequest& request);
absl::StatusOr<pb::ListTasksResponse> ListTasks(Coordinator* coordinator,
                                                const pb::ListTasksRequest& request);
// NotFound, with what to do, when what the task reads is no longer remembered.
absl::StatusOr<pb::GetTaskResponse> GetTask(Coordinator* coordinator,
                                            const pb::GetTaskRequest& request);
// Answers when the job has ended, or after a few seconds with the state so far.
absl::StatusOr<pb::KillResponse> Kill(Coordinator* coordinator, const pb::KillRequest& request);
absl::StatusOr<pb::GetWorkersResponse> GetWorkers(Coordinator* coordinator,
                                                  const pb::GetWorkersRequest& request);

// Streams, each on a thread of its own.
void WatchJob(Coordinator* coordinator, rpc::BulkLoop* loop, rpc::BulkStream* stream);
void GetLog(Coordinator* coordinator, rpc::ChannelCache* channels, rpc::BulkLoop* loop,
            rpc::BulkStream* stream);
// GetLog of somebody who follows.
absl::Status FollowLog(Coordinator* coordinator, rpc::ChannelCache* channels,
                       const pb::GetLogRequest& request, rpc::BulkLoop* loop,
                       rpc::BulkStream* stream);
void WorkerSession(Coordinator* coordinator, rpc::BulkLoop* loop, rpc::BulkStream* stream);

}  // namespace quern::mr
