#include "deploy/local/serving.h"

#include <algorithm>

#include "common/rpc/channel.h"
#include "common/rpc/unary.h"
#include "common/write_trouble.h"
#include "quern/dfs/v1/namespace.grpc.pb.h"
#include "quern/mr/v1/jobs.grpc.pb.h"

namespace quern::local {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(2);

// The servers of a local cluster share a disk, mostly, and one that is full is in the way of all
// that want a replica there: of the least free share of all that are alive.
WriteAbility AbilityOf(const dfs::v1::GetClusterResponse& cluster, size_t alive) {
  WriteAbility ability{.writable = cluster.writable(),
                       .halted = cluster.halted(),
                       .servers_alive = alive,
                       .servers_known = static_cast<size_t>(cluster.servers_size()),
                       .min_write_replicas = cluster.min_write_replicas(),
                       .default_replication = cluster.default_replication(),
                       .capacity_bytes = 0,
                       .free_bytes = 0};
  double least = 2;
  for (const auto& server : cluster.servers()) {
    if (!server.alive() || server.capacity_bytes() == 0) continue;
    const double share =
        static_cast<double>(server.free_bytes()) / static_cast<double>(server.capacity_bytes());
    if (share >= least) continue;
    least = share;
    ability.capacity_bytes = server.capacity_bytes();
    ability.free_bytes = server.free_bytes();
  }
  return ability;
}

absl::StatusOr<std::string> CheckFileSystem(const ServingQuestion& question) {
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
  const WriteAbility ability = AbilityOf(cluster, static_cast<size_t>(alive));
  if (TroubleOf(ability) == WriteTrouble::kTooFewServers) {
    return UnavailableError("{}", DescribeTrouble(ability));
  }
  return DescribeTrouble(ability);
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

absl::StatusOr<std::string> CheckServing(const ServingQuestion& question) {
  ASSIGN_OR_RETURN(std::string warning, CheckFileSystem(question));
  RETURN_IF_ERROR(CheckJobs(question));
  return warning;
}

absl::StatusOr<std::string> WaitUntilServing(const ServingQuestion& question,
                                             absl::Duration timeout,
                                             const std::function<void()>& step, Clock* clock) {
  const absl::Time deadline = clock->MonotonicNow() + timeout;
  for (;;) {
    absl::StatusOr<std::string> serving = CheckServing(question);
    if (serving.ok() || clock->MonotonicNow() > deadline) return serving;
    step();
  }
}

}  // namespace quern::local
