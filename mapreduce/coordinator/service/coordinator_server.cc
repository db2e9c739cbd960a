#include "mapreduce/coordinator/service/coordinator_server.h"

#include <grpcpp/impl/service_type.h>

#include <utility>

#include "client/file_system.h"
#include "common/http_server.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "mapreduce/coordinator/service/coordinator.h"
#include "mapreduce/coordinator/service/coordinator_services.h"
#include "mapreduce/coordinator/service/dfs_files.h"
#include "mapreduce/coordinator/service/pages.h"
#include "mapreduce/coordinator/service/planner.h"
#include "mapreduce/coordinator/store/rocks_job_journal.h"

namespace quern::mr {
namespace {

client::ClientOptions DfsOptions(const ServerFlags& flags) {
  client::ClientOptions options;
  options.masters = flags.masters;
  options.node = flags.node;
  // Jobs wait for a master that restarts; a submission says earlier what is missing.
  options.master_timeout = absl::Seconds(20);
  return options;
}

class CoordinatorServer final : public RunningServer {
 public:
  explicit CoordinatorServer(const ServerFlags& flags)
      : dfs_(client::FileSystem::Create(DfsOptions(flags))),
        planner_(dfs_.get()),
        pipeline_planner_(dfs_.get()),
        files_(dfs_.get()) {}
  ~CoordinatorServer() override { Shutdown(); }

  absl::Status Start(const ServerFlags& flags) {
    ASSIGN_OR_RETURN(std::unique_ptr<JobJournal> journal,
                     RocksJobJournal::Open({.dir = flags.dirs.at(0)}));
    CoordinatorOptions how;
    how.pipeline_planner = &pipeline_planner_;
    coordinator_ = std::make_unique<Coordinator>(std::move(journal), &planner_, &files_, how);
    AddCoordinatorMetrics(coordinator_.get(), &metrics_);
    HttpOptions http;
    http.listen = flags.http;
    http.insecure_network = flags.insecure_network;
    http.server_name = "quern-coordinator";
    http.metrics = &metrics_;
    ASSIGN_OR_RETURN(http_, HttpServer::Start(http, CoordinatorPages(coordinator_.get())));
    RETURN_IF_ERROR(coordinator_->Start());
    jobs_ = MakeJobsService(coordinator_.get());
    rpc::ServerOptions options;
    options.listen = flags.listen;
    options.insecure_network = flags.insecure_network;
    // A session per worker, a stream per watcher: each is one sleeping thread.
    options.max_bulk_streams = 8'192;
    ASSIGN_OR_RETURN(server_,
                     rpc::Server::Start(options, {jobs_.get()},
                                        CoordinatorStreams(coordinator_.get(), &channels_)));
    return absl::OkStatus();
  }

  std::string rpc_address() const override { return server_->address(); }
  std::string http_address() const override { return http_->address(); }

  void Shutdown() override {
    if (http_ != nullptr) http_->Shutdown();
    if (coordinator_ != nullptr) coordinator_->Shutdown();
    if (server_ != nullptr) server_->Shutdown(absl::Seconds(1));
  }

 private:
  const std::unique_ptr<client::FileSystem> dfs_;
  Planner planner_;
  DfsPipelinePlanner pipeline_planner_;
  DfsFiles files_;
  Metrics metrics_;
  rpc::ChannelCache channels_;
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<grpc::Service> jobs_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RunningServer>> StartCoordinatorServer(const ServerFlags& flags) {
  auto server = std::make_unique<CoordinatorServer>(flags);
  RETURN_IF_ERROR(server->Start(flags));
  return server;
}

}  // namespace quern::mr
