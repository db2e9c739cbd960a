// What the coordinator does for each request: one file per RPC of quern.mr.v1.Jobs and Coordinator.
// Plain functions of the Coordinator, so that tests need no network; coordinator_services.h ties
// them to gRPC.
#pragma once

#include "common/rpc/bulk.h"
#include "common/rpc/channel.h"
#include "common/status.h"
#include "mapreduce/coordinator/service/coordinator.h"
#include "quern/mr/v1/jobs.pb.h"

namespace quern::mr {

// Lists stop before they are too long for a message.
inline constexpr size_t kMaxListBytes = size_t{4} << 20;

absl::StatusOr<v1::SubmitResponse> Submit(Coordinator* coordinator,
                                          const v1::SubmitRequest& request);
absl::StatusOr<v1::ListJobsResponse> ListJobs(Coordinator* coordinator,
                                              const v1::ListJobsRequest& request);
absl::StatusOr<v1::GetJobResponse> GetJob(Coordinator* coordinator,
                                          const v1::GetJobRequest& request);
absl::StatusOr<v1::ListTasksResponse> ListTasks(Coordinator* coordinator,
                                                const v1::ListTasksRequest& request);
// Answers when the job has ended, or after a few seconds with the state so far.
absl::StatusOr<v1::KillResponse> Kill(Coordinator* coordinator, const v1::KillRequest& request);
absl::StatusOr<v1::GetWorkersResponse> GetWorkers(Coordinator* coordinator,
                                                  const v1::GetWorkersRequest& request);

// Streams, each on a thread of its own.
void WatchJob(Coordinator* coordinator, rpc::BulkLoop* loop, rpc::BulkStream* stream);
void GetLog(Coordinator* coordinator, rpc::ChannelCache* channels, rpc::BulkLoop* loop,
            rpc::BulkStream* stream);
void WorkerSession(Coordinator* coordinator, rpc::BulkLoop* loop, rpc::BulkStream* stream);

}  // namespace quern::mr
