#include "client/write/open_chunk.h"

#include "common/rpc/bulk_codec.h"

namespace quern::client {

OpenChunk ToOpenChunk(const pb::AllocateChunkResponse& response) {
  OpenChunk chunk{.id = ChunkId(response.chunk().chunk_id()),
                  .ordinal = response.chunk().ordinal(),
                  .chain = {},
                  .capacity = response.capacity()};
  for (const auto& server : response.chunk().replicas()) chunk.chain.push_back(FromProto(server));
  return chunk;
}

absl::StatusOr<std::optional<pb::AppendResponse>> ReadAppendAnswer(const rpc::BulkEvent& event,
                                                                   ServerId* failed) {
  if (event.kind == rpc::BulkEvent::Kind::kFinished) {
    if (!event.status.ok()) return event.status;
    return UnavailableError("the stream ended before the chunk was sealed");
  }
  if (event.kind != rpc::BulkEvent::Kind::kMessage) return std::nullopt;
  pb::AppendResponse response;
  RETURN_IF_ERROR(rpc::DecodeMessage(event.message, &response));
  if (response.error().empty()) return response;
  if (response.failed_server() != 0) *failed = ServerId(response.failed_server());
  return UnavailableError("{}", response.error());
}

}  // namespace quern::client
