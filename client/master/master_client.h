// Calls to the master: deadlines, retries, request ids, several masters.
//
// Unavailable and DeadlineExceeded are tried again, with the same request id, at the next master of
// the list, until the patience of the call is used up; so is a call that finds the master with as
// many as it takes. Everything else is the master's answer.
// Thread-safe.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/master/convert.h"
#include "client/options.h"
#include "common/status.h"
#include "quern/dfs/v1/namespace.pb.h"

namespace quern::client {

class MasterClient {
 public:
  explicit MasterClient(const ClientOptions& options);
  ~MasterClient();

  // One per RPC of quern.dfs.v1.Namespace. Headers are filled in here.
  absl::StatusOr<pb::MkdirsResponse> Mkdirs(pb::MkdirsRequest request);
  absl::StatusOr<pb::CreateResponse> Create(pb::CreateRequest request);
  // One answer for each file. One that excludes servers is tried once; then the same request
  // without excluding any; so is the next.
  absl::StatusOr<pb::CreateManyResponse> CreateMany(pb::CreateManyRequest request);
  absl::StatusOr<pb::AllocateChunkResponse> AllocateChunk(pb::AllocateChunkRequest request);
  absl::StatusOr<pb::ResolveChunkResponse> ResolveChunk(pb::ResolveChunkRequest request);
  absl::StatusOr<pb::CompleteResponse> Complete(pb::CompleteRequest request);
  // Of files whose only chunk is closed, in one call; the responses in their order.
  std::vector<absl::StatusOr<pb::CompleteResponse>> CompleteMany(
      std::vector<pb::CompleteRequest> requests);
  absl::StatusOr<pb::AwaitCopiesResponse> AwaitCopies(const pb::AwaitCopiesRequest& request);
  absl::StatusOr<pb::AbandonResponse> Abandon(pb::AbandonRequest request);
  // Many in one call. What is not abandoned is given up by the master itself after a while.
  void AbandonMany(std::vector<pb::AbandonRequest> requests);
  absl::StatusOr<pb::GetChunksResponse> GetChunks(const pb::GetChunksRequest& request);
  absl::StatusOr<pb::StatResponse> Stat(const pb::StatRequest& request);
  absl::StatusOr<pb::ListResponse> List(const pb::ListRequest& request);
  absl::StatusOr<pb::ListOpenFilesResponse> ListOpenFiles(const pb::ListOpenFilesRequest& request);
  absl::StatusOr<pb::RenameResponse> Rename(pb::RenameRequest request);
  absl::StatusOr<pb::RenameAllResponse> RenameAll(pb::RenameAllRequest request);
  absl::StatusOr<pb::DeleteResponse> Delete(pb::DeleteRequest request);
  absl::StatusOr<pb::SetReplicationResponse> SetReplication(pb::SetReplicationRequest request);
  absl::StatusOr<pb::SetAttributesResponse> SetAttributes(pb::SetAttributesRequest request);
  absl::StatusOr<pb::AdoptHistoryResponse> AdoptHistory(const pb::AdoptHistoryRequest& request);
  // With all its servers, however many calls that takes.
  absl::StatusOr<pb::GetClusterResponse> GetCluster();

  // Tried once and briefly; what becomes of them is not worth waiting for.
  void RenewWriter(const pb::RenewWriterRequest& request);
  void ReportBadReplica(const pb::ReportBadReplicaRequest& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quern::client
