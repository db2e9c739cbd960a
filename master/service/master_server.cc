#include "master/service/master_server.h"

#include <algorithm>
#include <utility>

#include "master/service/pages.h"

namespace quern::master {
namespace {

constexpr uint64_t kMinCacheBytes = uint64_t{8} << 20;
constexpr absl::Duration kShutdownGrace = absl::Seconds(1);
constexpr int kSessionThreads = 2;

}  // namespace

absl::StatusOr<std::unique_ptr<RunningServer>> MasterServer::Start(const ServerFlags& flags,
                                                                   const MasterOptions& options,
                                                                   Clock* clock) {
  auto server = std::unique_ptr<MasterServer>(new MasterServer);
  if (flags.dirs.size() != 1) {
    return InvalidArgumentError("--dir: a master has exactly one directory, not {}",
                                flags.dirs.size());
  }
  RocksMetadataStore::Options store;
  store.dir = flags.dirs.front();
  store.block_cache_bytes = std::max<uint64_t>(options.metadata_cache_bytes, kMinCacheBytes);
  ASSIGN_OR_RETURN(server->store_, RocksMetadataStore::Open(store));
  ASSIGN_OR_RETURN(server->master_, Master::Start(options, server->store_.get(), clock));
  Master& master = *server->master_;
  // From now on a database of an earlier term is an old one.
  RETURN_IF_ERROR(server->store_->MarkTerm(master.cluster_id(), master.term()));
  RETURN_IF_ERROR(server->StartHttp(flags));
  RETURN_IF_ERROR(server->StartRpc(flags));
  return server;
}

absl::Status MasterServer::StartHttp(const ServerFlags& flags) {
  HttpOptions options;
  options.listen = flags.http;
  options.insecure_network = flags.insecure_network;
  options.server_name = "quern-master";
  options.metrics = &metrics_;
  AddMasterMetrics(master_.get(), &metrics_);
  ASSIGN_OR_RETURN(http_, HttpServer::Start(options, MasterPages(master_.get())));
  master_->set_http_address(http_->address());
  return absl::OkStatus();
}

absl::Status MasterServer::StartRpc(const ServerFlags& flags) {
  sessions_ = std::make_unique<SessionHandler>(
      master_->options(), SessionHandler::Identity{master_->cluster_id(), master_->http_address()},
      &master_->state(), &master_->committer(), &master_->orders(), &master_->reports(),
      &master_->clock(), [this] { master_->FollowStanding(); });
  services_ = std::make_unique<MasterServices>(master_.get(), sessions_.get(), &metrics_);
  rpc::ServerOptions options;
  options.listen = flags.listen;
  options.insecure_network = flags.insecure_network;
  options.session_threads = kSessionThreads;
  ASSIGN_OR_RETURN(
      rpc_, rpc::Server::Start(options, services_->services(), {}, services_->async_methods(),
                               services_->session_methods()));
  return absl::OkStatus();
}

MasterServer::~MasterServer() { Shutdown(); }

void MasterServer::Shutdown() {
  // Who waits for copies is answered first: the RPC server waits for every answer.
  if (master_ != nullptr) master_->copy_waiters().Stop();
  if (rpc_ != nullptr) rpc_->Shutdown(kShutdownGrace);
  if (sessions_ != nullptr) sessions_->Stop();
  if (http_ != nullptr) http_->Shutdown();
  master_.reset();
}

}  // namespace quern::master
