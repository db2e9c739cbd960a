#include "common/log.h"
#include "master/logic/chunk_lifecycle.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

Reply<pb::ReportSealedResponse> ReportSealed(Master& master, const pb::ReportSealedRequest& request,
                                             const CallContext&) {
  const ChunkId chunk(request.chunk_id());
  // A repeated report finds its own record, so the answer need not be kept for retries.
  RETURN_IF_ERROR(master.committer().Commit([&](const MetadataView& view) {
    return ChunkLifecycle(view).CleanSeal(chunk, ServerId(request.server_id()), request.length(),
                                          request.crc());
  }));
  LogInfo("chunk_sealed", {{"chunk", chunk}, {"length", request.length()}, {"forced", false}});
  master.sealer().BroadcastFinalize(chunk);
  return pb::ReportSealedResponse();
}

}  // namespace quern::master
