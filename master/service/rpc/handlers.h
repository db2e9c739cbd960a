// What the master does for each request: one file per RPC. Plain functions of the master, so that
// tests need no network. Error codes that say whether to retry: docs/architecture.md.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <string>

#include "common/status.h"
#include "master/service/master.h"
#include "quern/dfs/v1/cluster.pb.h"
#include "quern/dfs/v1/namespace.pb.h"

namespace quern::master {

struct CallContext {
  // When the caller stops waiting, on absl::Now()'s clock.
  absl::Time deadline = absl::InfiniteFuture();
  // The machine it calls from.
  std::string peer{};
};

template <typename Response>
using Reply = absl::StatusOr<Response>;
template <typename Response>
using Respond = std::function<void(Reply<Response>)>;

// Changes that wait for nothing but the disk: no thread waits with them. `respond` is called once,
// by this thread or another; until then the request must stay.
void Mkdirs(Master&, const pb::MkdirsRequest&, Respond<pb::MkdirsResponse>);
void Create(Master&, const pb::CreateRequest&, Respond<pb::CreateResponse>);
void Abandon(Master&, const pb::AbandonRequest&, Respond<pb::AbandonResponse>);
void Rename(Master&, const pb::RenameRequest&, Respond<pb::RenameResponse>);
void RenameAll(Master&, const pb::RenameAllRequest&, Respond<pb::RenameAllResponse>);
void Delete(Master&, const pb::DeleteRequest&, Respond<pb::DeleteResponse>);
void SetReplication(Master&, const pb::SetReplicationRequest&, Respond<pb::SetReplicationResponse>);
void SetAttributes(Master&, const pb::SetAttributesRequest&, Respond<pb::SetAttributesResponse>);
void ChangeMany(Master&, const pb::ChangeManyRequest&, Respond<pb::ChangeManyResponse>);

// These wait for copies of chunks, in the same way.
void Complete(Master&, const pb::CompleteRequest&, const CallContext&,
              Respond<pb::CompleteResponse>);
// Of a file that need not wait, as one of several changes. Unavailable: it has to wait.
void CompleteWithOthers(Master&, const pb::CompleteRequest&, Respond<pb::CompleteResponse>);
void AwaitCopies(Master&, const pb::AwaitCopiesRequest&, const CallContext&,
                 Respond<pb::AwaitCopiesResponse>);
// Until when such a call waits at most, on the master's monotonic clock.
absl::Time WaitUntil(Master&, const CallContext&);

// These may wait for other servers; the calling thread waits.
Reply<pb::CreateManyResponse> CreateMany(Master&, const pb::CreateManyRequest&, const CallContext&);
Reply<pb::AllocateChunkResponse> AllocateChunk(Master&, const pb::AllocateChunkRequest&,
                                               const CallContext&);
Reply<pb::ResolveChunkResponse> ResolveChunk(Master&, const pb::ResolveChunkRequest&,
                                             const CallContext&);

// These only look, or note something in memory.
Reply<pb::RenewWriterResponse> RenewWriter(Master&, const pb::RenewWriterRequest&,
                                           const CallContext&);
Reply<pb::GetChunksResponse> GetChunks(Master&, const pb::GetChunksRequest&, const CallContext&);
Reply<pb::StatResponse> Stat(Master&, const pb::StatRequest&, const CallContext&);
Reply<pb::ListResponse> List(Master&, const pb::ListRequest&, const CallContext&);
Reply<pb::ListOpenFilesResponse> ListOpenFiles(Master&, const pb::ListOpenFilesRequest&,
                                               const CallContext&);
Reply<pb::ReportBadReplicaResponse> ReportBadReplica(Master&, const pb::ReportBadReplicaRequest&,
                                                     const CallContext&);
Reply<pb::GetClusterResponse> GetCluster(Master&, const pb::GetClusterRequest&, const CallContext&);
Reply<pb::AdoptHistoryResponse> AdoptHistory(Master&, const pb::AdoptHistoryRequest&,
                                             const CallContext&);
Reply<pb::ReportSealedResponse> ReportSealed(Master&, const pb::ReportSealedRequest&,
                                             const CallContext&);

}  // namespace quern::master
