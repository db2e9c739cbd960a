#include "common/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <sys/resource.h>

#include <atomic>
#include <mutex>

#include "common/memory.h"
#include "common/rpc/async_unary.h"
#include "common/rpc/bulk_server.h"
#include "common/rpc/deadline.h"
#include "common/rpc/grpc_process.h"
#include "common/rpc/health.h"
#include "common/rpc/listener.h"
#include "common/rpc/session_server.h"
#include "common/rpc/settings.h"
#include "common/rpc/watchdog.h"

namespace quern::rpc {
namespace {

constexpr int kIdleUnaryThreads = 64;

// A burst of connections must not use up the descriptors: raise the soft limit to the hard one.
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void InitPluginsOnce() {
  static std::once_flag once;
  std::call_once(once, [] {
    PrepareGrpc();
    RaiseFileLimit();
    KeepFreedMemory(256 << 20);
    grpc::EnableDefaultHealthCheckService(false);  // common/rpc/health.h says why
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

absl::StatusOr<HostPort> CheckListen(const ServerOptions& options) {
  ASSIGN_OR_RETURN(HostPort parts, ParseHostPort(options.listen));
  if (!options.insecure_network && !IsLoopback(parts.host)) {
    return InvalidArgumentError(
        "--listen {}: refusing to listen beyond loopback without keys. If the network is private, "
        "say so with --insecure_network",
        options.listen);
  }
  return parts;
}

void Configure(const ServerOptions& options, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder->SetMaxSendMessageSize(kMaxMessageBytes);
  ForEachSharedSetting(
      [&](const char* name, int value) { builder->AddChannelArgument(name, value); });
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxConcurrentStreams);
  // A connection that says nothing is dropped after 10 s instead of 120 s.
  builder->AddChannelArgument("grpc.server_handshake_timeout_ms", 10'000);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  builder->SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
  builder->SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MIN_POLLERS, 1);
  // Threads that have answered wait for the next call instead of ending: calls that wait for the
  // same sync come back in bursts, and a thread made anew for each costs more than the call.
  builder->SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS,
                               kIdleUnaryThreads);
  grpc::ResourceQuota quota("server");
  // One more, since one thread always waits for the next call. Calls beyond are refused.
  quota.SetMaxThreads(options.max_unary_threads + 1);
  builder->SetResourceQuota(quota);
}

}  // namespace

struct Server::Impl {
  std::string address;
  int port = 0;
  Health health;
  std::unique_ptr<BulkServer> bulk;
  std::unique_ptr<AsyncUnaryLoop> async;
  std::unique_ptr<SessionServer> sessions;
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Watchdog> watchdog;
  std::atomic<bool> stopped = false;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { Shutdown(absl::ZeroDuration()); }
int Server::port() const { return impl_->port; }
const std::string& Server::address() const { return impl_->address; }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      std::vector<grpc::Service*> services,
                                                      std::vector<BulkMethod> bulk_methods,
                                                      std::vector<AsyncMethod*> async_methods,
                                                      std::vector<SessionMethod> session_methods) {
  ASSIGN_OR_RETURN(const HostPort parts, CheckListen(options));
  InitPluginsOnce();
  auto impl = std::make_unique<Impl>();
  auto listener = Listener::Open(parts);
  if (!listener.ok()) {
    return UnavailableError(
        "--listen {}: the port is taken or the address is not of this machine ({})", options.listen,
        Message(listener.status()));
  }
  impl->listener = *std::move(listener);
  impl->port = impl->listener->port();
  grpc::ServerBuilder builder;
  Configure(options, &builder);
  auto acceptor = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      grpc::InsecureServerCredentials());
  for (grpc::Service* service : services) builder.RegisterService(service);
  impl->bulk = std::make_unique<BulkServer>(std::move(bulk_methods), options.max_bulk_streams);
  impl->bulk->Register(&builder);
  impl->async = std::make_unique<AsyncUnaryLoop>(std::move(async_methods));
  impl->async->Register(&builder);
  for (SessionMethod& method : impl->health.Methods()) session_methods.push_back(std::move(method));
  impl->sessions =
      std::make_unique<SessionServer>(std::move(session_methods), options.session_threads);
  impl->sessions->Register(&builder);
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr)
    return InternalError("--listen {}: gRPC did not start", options.listen);
  impl->bulk->Start();
  impl->async->Start();
  impl->sessions->Start();
  impl->listener->Start(std::move(acceptor));
  impl->address = HostPort{parts.host, impl->port}.ToString();
  if (options.watchdog) {
    // A wildcard address is called through loopback.
    impl->watchdog = std::make_unique<Watchdog>(
        IsWildcard(parts.host) ? fmt::format("127.0.0.1:{}", impl->port) : impl->address);
  }
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::SetServing(bool serving) { impl_->health.SetServing(serving); }

void Server::Shutdown(absl::Duration grace) {
  if (impl_->stopped.exchange(true)) return;
  impl_->watchdog.reset();
  impl_->health.SetServing(false);
  impl_->listener.reset();
  // First, since streams may last for ever and gRPC's Shutdown waits for every call.
  impl_->bulk->BeginStop();
  impl_->sessions->BeginStop();
  impl_->server->Shutdown(DeadlineAfter(grace));
  impl_->bulk->Stop();
  impl_->async->Stop();
  impl_->sessions->Stop();
}

}  // namespace quern::rpc
