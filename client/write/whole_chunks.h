// The wire side of writing chunks that come whole: one message, one answer.
#pragma once

#include <cstdint>
#include <span>

#include "client/client_context.h"
#include "client/write/append_window.h"
#include "client/write/open_chunk.h"

namespace quern::client {

// A chunk and all that it is to hold.
struct WholeChunk {
  OpenChunk chunk;
  Piece piece;
  uint64_t producer = 0;
};

// Chunks in one message (AppendWhole).
inline constexpr size_t kMaxWholeChunks = 256;

// Writes at most kMaxWholeChunks chunks of one chain, together at most kPieceBytes. OK: all are
// closed for ever on every replica, durably, and the master has not heard of it. A failure: it is
// not known what the replicas have.
ChunkFailure SendWhole(ClientContext* context, std::span<const WholeChunk> chunks);

}  // namespace quern::client
