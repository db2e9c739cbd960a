#include "master/service/master_services.h"

#include <grpcpp/server_context.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "common/rpc/async_unary.h"
#include "common/rpc/grpc_status.h"
#include "master/service/rpc/handlers.h"
#include "quern/dfs/v1/cluster.grpc.pb.h"
#include "quern/dfs/v1/namespace.grpc.pb.h"

namespace quern::master {
namespace {

// Chunkservers, with room for sessions that are not noticed to be over yet.
constexpr int kMaxSessions = 20'000;

// What is measured of one kind of call.
class OperationMetrics {
 public:
  OperationMetrics(Metrics* metrics, const std::string& operation)
      : ok_(metrics->AddCounter("quern_dfs_master_ops_total", "Calls, by operation and result.",
                                {{"op", operation}, {"result", "ok"}})),
        failed_(metrics->AddCounter("quern_dfs_master_ops_total", "Calls, by operation and result.",
                                    {{"op", operation}, {"result", "error"}})),
        seconds_(metrics->AddHistogram("quern_dfs_master_op_duration_seconds",
                                       "Time to answer, by operation.", LatencyBounds(),
                                       {{"op", operation}})) {}

  void Count(bool ok, absl::Duration took) {
    (ok ? ok_ : failed_).Increment();
    seconds_.Observe(absl::ToDoubleSeconds(took));
  }

 private:
  Counter& ok_;
  Counter& failed_;
  Histogram& seconds_;
};

template <typename Request, typename Response>
grpc::Status Serve(Master* master, OperationMetrics* metrics, grpc::ServerContext* context,
                   Reply<Response> (*handler)(Master&, const Request&, const CallContext&),
                   const Request* request, Response* response) {
  const absl::Time began = master->clock().MonotonicNow();
  CallContext call;
  call.deadline = absl::FromChrono(context->deadline());
  // "ipv4:10.0.0.7:51324": the port is of the connection only.
  call.peer = context->peer();
  call.peer.resize(std::min(call.peer.size(), call.peer.rfind(':')));
  Reply<Response> reply = handler(*master, *request, call);
  metrics->Count(reply.ok(), master->clock().MonotonicNow() - began);
  if (!reply.ok()) return rpc::ToGrpc(reply.status());
  *response = *std::move(reply);
  return grpc::Status::OK;
}

// One method of a generated service, answered by the handler of the same name.
#define QUERN_SERVE(Method)                                                                   \
  grpc::Status Method(grpc::ServerContext* context, const pb::Method##Request* request,       \
                      pb::Method##Response* response) override {                              \
    return Serve(master_, &metrics_##Method##_, context, &master::Method, request, response); \
  }                                                                                           \
  OperationMetrics metrics_##Method##_ { registry_, #Method }

// Clients that make many files at once have hundreds of changes waiting for the same sync.
template <typename Base>
using Async = pb::Namespace::WithAsyncMethod_Mkdirs<pb::Namespace::WithAsyncMethod_Create<
    pb::Namespace::WithAsyncMethod_Abandon<pb::Namespace::WithAsyncMethod_Rename<
        pb::Namespace::WithAsyncMethod_Delete<pb::Namespace::WithAsyncMethod_SetReplication<
            pb::Namespace::WithAsyncMethod_SetAttributes<
                pb::Namespace::WithAsyncMethod_Complete<pb::Namespace::WithAsyncMethod_AwaitCopies<
                    pb::Namespace::WithAsyncMethod_ChangeMany<
                        pb::Namespace::WithAsyncMethod_RenameAll<Base>>>>>>>>>>>;

class NamespaceService final : public Async<pb::Namespace::Service> {
 public:
  NamespaceService(Master* master, Metrics* metrics) : master_(master), registry_(metrics) {}

 private:
  Master* const master_;
  Metrics* const registry_;

  QUERN_SERVE(CreateMany);
  QUERN_SERVE(AllocateChunk);
  QUERN_SERVE(ResolveChunk);
  QUERN_SERVE(RenewWriter);
  QUERN_SERVE(GetChunks);
  QUERN_SERVE(Stat);
  QUERN_SERVE(List);
  QUERN_SERVE(ListOpenFiles);
  QUERN_SERVE(ReportBadReplica);
  QUERN_SERVE(GetCluster);
  QUERN_SERVE(AdoptHistory);
};

// The method of the service that `handler` answers.
template <typename Request, typename Response, typename Base>
std::unique_ptr<rpc::AsyncMethod> ServeAsync(
    NamespaceService* service, Master* master, Metrics* registry, const std::string& operation,
    void (Base::*listen)(grpc::ServerContext*, Request*, grpc::ServerAsyncResponseWriter<Response>*,
                         grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*),
    std::type_identity_t<
        std::function<void(Master&, const Request&, const CallContext&, Respond<Response>)>>
        handler) {
  auto metrics = std::make_shared<OperationMetrics>(registry, operation);
  return rpc::MakeAsyncMethod<Request, Response>(
      service, listen, [=](const Request& request, absl::Time deadline, Respond<Response> respond) {
        const absl::Time began = master->clock().MonotonicNow();
        handler(*master, request, {.deadline = deadline},
                [=, respond = std::move(respond)](Reply<Response> reply) {
                  metrics->Count(reply.ok(), master->clock().MonotonicNow() - began);
                  respond(std::move(reply));
                });
      });
}

// A handler that does not ask how long its caller waits.
template <typename Request, typename Response>
auto WithContext(void (*handler)(Master&, const Request&, Respond<Response>)) {
  return [handler](Master& master, const Request& request, const CallContext&,
                   Respond<Response> respond) { handler(master, request, std::move(respond)); };
}

std::vector<std::unique_ptr<rpc::AsyncMethod>> AsyncMethods(NamespaceService* service,
                                                            Master* master, Metrics* registry) {
  using Service = NamespaceService;
  std::vector<std::unique_ptr<rpc::AsyncMethod>> methods;
  const auto add = [&](const char* operation, auto listen, auto handler) {
    methods.push_back(ServeAsync(service, master, registry, operation, listen, handler));
  };
  add("Mkdirs", &Service::RequestMkdirs, WithContext(&Mkdirs));
  add("Create", &Service::RequestCreate, WithContext(&Create));
  add("Abandon", &Service::RequestAbandon, WithContext(&Abandon));
  add("Rename", &Service::RequestRename, WithContext(&Rename));
  add("RenameAll", &Service::RequestRenameAll, WithContext(&RenameAll));
  add("Delete", &Service::RequestDelete, WithContext(&Delete));
  add("SetReplication", &Service::RequestSetReplication, WithContext(&SetReplication));
  add("SetAttributes", &Service::RequestSetAttributes, WithContext(&SetAttributes));
  add("Complete", &Service::RequestComplete, &Complete);
  add("AwaitCopies", &Service::RequestAwaitCopies, &AwaitCopies);
  add("ChangeMany", &Service::RequestChangeMany, WithContext(&ChangeMany));
  return methods;
}

// Sessions have their own way (SessionServer), so the generated class leaves them out.
class ClusterService final : public pb::Cluster::WithGenericMethod_Session<pb::Cluster::Service> {
 public:
  ClusterService(Master* master, Metrics* metrics) : master_(master), registry_(metrics) {}

 private:
  Master* const master_;
  Metrics* const registry_;

  QUERN_SERVE(ReportSealed);
};

#undef QUERN_SERVE

}  // namespace

struct MasterServices::Impl {
  NamespaceService names;
  ClusterService cluster;
  SessionHandler* sessions;
  std::vector<std::unique_ptr<rpc::AsyncMethod>> async_methods{};
};

MasterServices::MasterServices(Master* master, SessionHandler* sessions, Metrics* metrics)
    : impl_(new Impl{{master, metrics}, {master, metrics}, sessions}) {
  impl_->async_methods = AsyncMethods(&impl_->names, master, metrics);
}
MasterServices::~MasterServices() = default;

std::vector<grpc::Service*> MasterServices::services() { return {&impl_->names, &impl_->cluster}; }

std::vector<rpc::SessionMethod> MasterServices::session_methods() {
  return {{"/quern.dfs.v1.Cluster/Session", kMaxSessions,
           [sessions = impl_->sessions](std::shared_ptr<rpc::SessionStream> stream) {
             return sessions->Open(std::move(stream));
           }}};
}

std::vector<rpc::AsyncMethod*> MasterServices::async_methods() {
  std::vector<rpc::AsyncMethod*> methods;
  for (const auto& method : impl_->async_methods) methods.push_back(method.get());
  return methods;
}

}  // namespace quern::master
