// What the master does for each request: one file per RPC. Plain functions of the master, so that
// tests need no network. Error codes that say whether to retry: docs/architecture.md.
#pragma once

#include <absl/time/time.h>

#include "common/status.h"
#include "master/service/master.h"
#include "quern/dfs/v1/cluster.pb.h"
#include "quern/dfs/v1/namespace.pb.h"

namespace quern::master {

struct CallContext {
  // When the caller stops waiting, on absl::Now()'s clock.
  absl::Time deadline = absl::InfiniteFuture();
};

template <typename Response>
using Reply = absl::StatusOr<Response>;

Reply<pb::MkdirsResponse> Mkdirs(Master&, const pb::MkdirsRequest&, const CallContext&);
Reply<pb::CreateResponse> Create(Master&, const pb::CreateRequest&, const CallContext&);
Reply<pb::AllocateChunkResponse> AllocateChunk(Master&, const pb::AllocateChunkRequest&,
                                               const CallContext&);
Reply<pb::ResolveChunkResponse> ResolveChunk(Master&, const pb::ResolveChunkRequest&,
                                             const CallContext&);
Reply<pb::CompleteResponse> Complete(Master&, const pb::CompleteRequest&, const CallContext&);
Reply<pb::AbandonResponse> Abandon(Master&, const pb::AbandonRequest&, const CallContext&);
Reply<pb::RenewWriterResponse> RenewWriter(Master&, const pb::RenewWriterRequest&,
                                           const CallContext&);
Reply<pb::GetChunksResponse> GetChunks(Master&, const pb::GetChunksRequest&, const CallContext&);
Reply<pb::StatResponse> Stat(Master&, const pb::StatRequest&, const CallContext&);
Reply<pb::ListResponse> List(Master&, const pb::ListRequest&, const CallContext&);
Reply<pb::RenameResponse> Rename(Master&, const pb::RenameRequest&, const CallContext&);
Reply<pb::DeleteResponse> Delete(Master&, const pb::DeleteRequest&, const CallContext&);
Reply<pb::SetReplicationResponse> SetReplication(Master&, const pb::SetReplicationRequest&,
                                                 const CallContext&);
Reply<pb::SetAttributesResponse> SetAttributes(Master&, const pb::SetAttributesRequest&,
                                               const CallContext&);
Reply<pb::ReportBadReplicaResponse> ReportBadReplica(Master&, const pb::ReportBadReplicaRequest&,
                                                     const CallContext&);
Reply<pb::GetClusterResponse> GetCluster(Master&, const pb::GetClusterRequest&, const CallContext&);
Reply<pb::ReportSealedResponse> ReportSealed(Master&, const pb::ReportSealedRequest&,
                                             const CallContext&);

}  // namespace quern::master
