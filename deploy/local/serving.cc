#include "deploy/local/serving.h"

#include <algorithm>

#include "common/rpc/channel.h"
#include "common/rpc/unary.h"
#include "quern/dfs/v1/namespace.grpc.pb.h"
#include "quern/mr/v1/jobs.grpc.pb.h"

namespace quern::local {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(2);

absl::Status CheckFileSystem(const ServingQuestion& question) {
  const auto channel = rpc::MakeChannel(question.master, rpc::ChannelKind::kControl);
  const auto stub = dfs::v1::Namespace::NewStub(channel);
  dfs::v1::GetClusterResponse cluster;
  RETURN_IF_ERROR(Annotate(rpc::Call(kCallTimeout,
                                     [&](grpc::ClientContext* context) {
                                       return stub->GetCluster(context, {}, &cluster);
                                     }),
                           "master"));
  const auto alive = std::count_if(cluster.servers().begin(), cluster.servers().end(),
                                   [](const auto& server) { return server.alive(); });
  if (alive < question.chunkservers) {
    return UnavailableError("{} of {} chunkservers have registered with the master", alive,
                            question.chunkservers);
  }
  if (!cluster.writable()) return UnavailableError("the file system is not writable yet");
  return absl::OkStatus();
}

absl::Status CheckJobs(const ServingQuestion& question) {
  const auto channel = rpc::MakeChannel(question.coordinator, rpc::ChannelKind::kControl);
  const auto stub = mr::v1::Jobs::NewStub(channel);
  mr::v1::GetWorkersResponse workers;
  RETURN_IF_ERROR(Annotate(rpc::Call(kCallTimeout,
                                     [&](grpc::ClientContext* context) {
                                       return stub->GetWorkers(context, {}, &workers);
                                     }),
                           "coordinator"));
  const auto alive = std::count_if(workers.workers().begin(), workers.workers().end(),
                                   [](const auto& worker) { return worker.alive(); });
  if (alive < question.workers) {
    return UnavailableError("{} of {} workers have registered with the coordinator", alive,
                            question.workers);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckServing(const ServingQuestion& question) {
  RETURN_IF_ERROR(CheckFileSystem(question));
  return CheckJobs(question);
}

absl::Status WaitUntilServing(const ServingQuestion& question, absl::Duration timeout,
                              const std::function<void()>& step, Clock* clock) {
  const absl::Time deadline = clock->MonotonicNow() + timeout;
  for (;;) {
    absl::Status serving = CheckServing(question);
    if (serving.ok() || clock->MonotonicNow() > deadline) return serving;
    step();
  }
}

}  // namespace quern::local
