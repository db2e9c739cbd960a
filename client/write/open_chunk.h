// A chunk that is being written, and what its servers answer.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "client/master/convert.h"
#include "client/types.h"
#include "common/rpc/bulk.h"
#include "common/status.h"
#include "quern/dfs/v1/chunk.pb.h"
#include "quern/dfs/v1/namespace.pb.h"

namespace quern::client {

struct OpenChunk {
  ChunkId id;
  uint32_t ordinal = 0;
  std::vector<ServerAddress> chain;  // the primary first
  // Bytes that it takes; 0: as many as any chunk of the file.
  uint64_t capacity = 0;
};

OpenChunk ToOpenChunk(const pb::AllocateChunkResponse& response);

// Why a chunk could not be written, and the server to blame; none when all that is known is that
// the primary has not answered, which may wait for another one of its chain.
struct ChunkFailure {
  absl::Status status;  // OK: none
  ServerId server;
};

// What an event of a stream of appends means: an answer, nothing, or that the stream has failed.
// `failed` changes when a server further down the chain is to blame.
absl::StatusOr<std::optional<pb::AppendResponse>> ReadAppendAnswer(const rpc::BulkEvent& event,
                                                                   ServerId* failed);

}  // namespace quern::client
