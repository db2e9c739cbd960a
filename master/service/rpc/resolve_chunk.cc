#include "common/log.h"
#include "master/logic/file_lifecycle.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {
namespace {

// The complaint must come from the writer of the file that has the chunk.
absl::Status CheckComplaint(Master& master, const pb::ResolveChunkRequest& request) {
  const std::unique_ptr<RowReader> rows = master.committer().Snapshot();
  const MetadataView view(*rows);
  const InodeId inode(request.inode_id());
  const ChunkId chunk(request.chunk_id());
  const absl::Status writer = FileLifecycle(view, master.options().file_defaults, 0)
                                  .CheckWriter(inode, request.writer_token())
                                  .status();
  const std::optional<pb::ChunkRow> row = view.Chunk(chunk);
  RETURN_IF_ERROR(view.status());
  RETURN_IF_ERROR(writer);
  if (!row.has_value() || row->inode_id() != request.inode_id()) {
    return NotFoundError("chunk {}: is not of the file that is being written", chunk);
  }
  return absl::OkStatus();
}

}  // namespace

Reply<pb::ResolveChunkResponse> ResolveChunk(Master& master, const pb::ResolveChunkRequest& request,
                                             const CallContext&) {
  RETURN_IF_ERROR(CheckComplaint(master, request));
  master.writers().Touch(InodeId(request.inode_id()), master.clock().MonotonicNow());
  const ChunkId chunk(request.chunk_id());
  LogInfo("writer_complains", {{"chunk", chunk}, {"reason", request.reason()}});
  // The answer needs no place among the kept ones: it stands in the chunk's row for ever.
  ASSIGN_OR_RETURN(const pb::ChunkRow row,
                   master.sealer().Seal(chunk, {.reason = request.reason(),
                                                .acked_offset = request.acked_offset(),
                                                .producer = request.producer()}));
  pb::ResolveChunkResponse response;
  response.set_sealed_length(row.length());
  response.set_crc(row.crc());
  response.set_last_seq(row.last_seq());
  response.set_lost_tail(row.lost_tail());
  return response;
}

}  // namespace quern::master
