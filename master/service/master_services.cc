#include "master/service/master_services.h"

#include <grpcpp/server_context.h>

#include <utility>

#include "common/clock.h"
#include "common/rpc/grpc_status.h"
#include "master/service/rpc/handlers.h"
#include "quern/dfs/v1/cluster.grpc.pb.h"
#include "quern/dfs/v1/namespace.grpc.pb.h"

namespace quern::master {
namespace {

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
  const absl::Time began = Clock::Real()->MonotonicNow();
  CallContext call;
  call.deadline = absl::FromChrono(context->deadline());
  Reply<Response> reply = handler(*master, *request, call);
  metrics->Count(reply.ok(), Clock::Real()->MonotonicNow() - began);
  if (!reply.ok()) return rpc::ToGrpc(reply.status());
  *response = *std::move(reply);
  return grpc::Status::OK;
}

// gRPC keeps request and response until Finish.
template <typename Request, typename Response>
grpc::ServerUnaryReactor* ServeLater(Master* master, OperationMetrics* metrics,
                                     grpc::CallbackServerContext* context,
                                     void (*handler)(Master&, const Request&, Respond<Response>),
                                     const Request* request, Response* response) {
  const absl::Time began = Clock::Real()->MonotonicNow();
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  handler(*master, *request, [=](Reply<Response> reply) {
    metrics->Count(reply.ok(), Clock::Real()->MonotonicNow() - began);
    if (reply.ok()) *response = *std::move(reply);
    reactor->Finish(rpc::ToGrpc(reply.status()));
  });
  return reactor;
}

// One method of a generated service, answered by the handler of the same name.
#define QUERN_SERVE(Method)                                                                   \
  grpc::Status Method(grpc::ServerContext* context, const pb::Method##Request* request,       \
                      pb::Method##Response* response) override {                              \
    return Serve(master_, &metrics_##Method##_, context, &master::Method, request, response); \
  }                                                                                           \
  OperationMetrics metrics_##Method##_ { registry_, #Method }
#define QUERN_SERVE_LATER(Method)                                                                  \
  grpc::ServerUnaryReactor* Method(grpc::CallbackServerContext* context,                           \
                                   const pb::Method##Request* request,                             \
                                   pb::Method##Response* response) override {                      \
    return ServeLater(master_, &metrics_##Method##_, context, &master::Method, request, response); \
  }                                                                                                \
  OperationMetrics metrics_##Method##_ { registry_, #Method }

// Clients that make many files at once have hundreds of changes waiting for the same sync: those
// are called back, the others have a thread each.
template <typename Base>
using Later = pb::Namespace::WithCallbackMethod_Mkdirs<pb::Namespace::WithCallbackMethod_Create<
    pb::Namespace::WithCallbackMethod_Abandon<pb::Namespace::WithCallbackMethod_Rename<
        pb::Namespace::WithCallbackMethod_Delete<pb::Namespace::WithCallbackMethod_SetReplication<
            pb::Namespace::WithCallbackMethod_SetAttributes<Base>>>>>>>;

class NamespaceService final : public Later<pb::Namespace::Service> {
 public:
  NamespaceService(Master* master, Metrics* metrics) : master_(master), registry_(metrics) {}

 private:
  Master* const master_;
  Metrics* const registry_;

  QUERN_SERVE_LATER(Mkdirs);
  QUERN_SERVE_LATER(Create);
  QUERN_SERVE_LATER(Abandon);
  QUERN_SERVE_LATER(Rename);
  QUERN_SERVE_LATER(Delete);
  QUERN_SERVE_LATER(SetReplication);
  QUERN_SERVE_LATER(SetAttributes);

  QUERN_SERVE(AllocateChunk);
  QUERN_SERVE(ResolveChunk);
  QUERN_SERVE(Complete);
  QUERN_SERVE(RenewWriter);
  QUERN_SERVE(GetChunks);
  QUERN_SERVE(Stat);
  QUERN_SERVE(List);
  QUERN_SERVE(ReportBadReplica);
  QUERN_SERVE(GetCluster);
};

// Sessions are bulk streams: one thread each that both reads and writes.
class ClusterService final : public pb::Cluster::WithGenericMethod_Session<pb::Cluster::Service> {
 public:
  ClusterService(Master* master, Metrics* metrics) : master_(master), registry_(metrics) {}

 private:
  Master* const master_;
  Metrics* const registry_;

  QUERN_SERVE(ReportSealed);
};

#undef QUERN_SERVE_LATER
#undef QUERN_SERVE

}  // namespace

struct MasterServices::Impl {
  NamespaceService names;
  ClusterService cluster;
  SessionHandler* sessions;
};

MasterServices::MasterServices(Master* master, SessionHandler* sessions, Metrics* metrics)
    : impl_(new Impl{{master, metrics}, {master, metrics}, sessions}) {}
MasterServices::~MasterServices() = default;

std::vector<grpc::Service*> MasterServices::services() { return {&impl_->names, &impl_->cluster}; }

std::vector<rpc::BulkMethod> MasterServices::bulk_methods() {
  return {{"/quern.dfs.v1.Cluster/Session",
           [sessions = impl_->sessions](rpc::BulkLoop* loop, rpc::BulkStream* stream) {
             sessions->Run(loop, stream);
           }}};
}

}  // namespace quern::master
