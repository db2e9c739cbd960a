#include "mapreduce/coordinator/service/coordinator_services.h"

#include <grpcpp/grpcpp.h>

#include "common/rpc/unary.h"
#include "mapreduce/coordinator/service/rpc/handlers.h"
#include "quern/mr/v1/jobs.grpc.pb.h"

namespace quern::mr {
namespace {

// The streams are left to the bulk server.
using UnaryJobs =
    pb::Jobs::WithGenericMethod_WatchJob<pb::Jobs::WithGenericMethod_GetLog<pb::Jobs::Service>>;

class JobsService final : public UnaryJobs {
 public:
  explicit JobsService(Coordinator* coordinator) : coordinator_(coordinator) {}

  grpc::Status Submit(grpc::ServerContext*, const pb::SubmitRequest* request,
                      pb::SubmitResponse* response) override {
    return Answer(mr::Submit(coordinator_, *request), response);
  }
  grpc::Status SubmitPipeline(grpc::ServerContext*, const pb::SubmitPipelineRequest* request,
                              pb::SubmitPipelineResponse* response) override {
    return Answer(mr::SubmitPipeline(coordinator_, *request), response);
  }
  grpc::Status DropPipeline(grpc::ServerContext*, const pb::DropPipelineRequest* request,
                            pb::DropPipelineResponse* response) override {
    return Answer(mr::DropPipeline(coordinator_, *request), response);
  }
  grpc::Status ListJobs(grpc::ServerContext*, const pb::ListJobsRequest* request,
                        pb::ListJobsResponse* response) override {
    return Answer(mr::ListJobs(coordinator_, *request), response);
  }
  grpc::Status GetJob(grpc::ServerContext*, const pb::GetJobRequest* request,
                      pb::GetJobResponse* response) override {
    return Answer(mr::GetJob(coordinator_, *request), response);
  }
  grpc::Status ListTasks(grpc::ServerContext*, const pb::ListTasksRequest* request,
                         pb::ListTasksResponse* response) override {
    return Answer(mr::ListTasks(coordinator_, *request), response);
  }
  grpc::Status GetTask(grpc::ServerContext*, const pb::GetTaskRequest* request,
                       pb::GetTaskResponse* response) override {
    return Answer(mr::GetTask(coordinator_, *request), response);
  }
  grpc::Status Kill(grpc::ServerContext*, const pb::KillRequest* request,
                    pb::KillResponse* response) override {
    return Answer(mr::Kill(coordinator_, *request), response);
  }
  grpc::Status GetWorkers(grpc::ServerContext*, const pb::GetWorkersRequest* request,
                          pb::GetWorkersResponse* response) override {
    return Answer(mr::GetWorkers(coordinator_, *request), response);
  }

 private:
  template <typename Response>
  static grpc::Status Answer(absl::StatusOr<Response> result, Response* response) {
    if (!result.ok()) return rpc::AnswerOf(result.status());
    *response = *std::move(result);
    return grpc::Status::OK;
  }

  Coordinator* const coordinator_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeJobsService(Coordinator* coordinator) {
  return std::make_unique<JobsService>(coordinator);
}

std::vector<rpc::BulkMethod> CoordinatorStreams(Coordinator* coordinator,
                                                rpc::ChannelCache* channels) {
  return {
      {"/quern.mr.v1.Jobs/WatchJob",
       [=](rpc::BulkLoop* loop, rpc::BulkStream* stream) { WatchJob(coordinator, loop, stream); }},
      {"/quern.mr.v1.Jobs/GetLog",
       [=](rpc::BulkLoop* loop, rpc::BulkStream* stream) {
         GetLog(coordinator, channels, loop, stream);
       }},
      {"/quern.mr.v1.Coordinator/Session",
       [=](rpc::BulkLoop* loop, rpc::BulkStream* stream) {
         WorkerSession(coordinator, loop, stream);
       }},
  };
}

}  // namespace quern::mr
