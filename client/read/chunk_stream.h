// Reads a range of one chunk from one replica; every message is checked before it is given out.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "client/types.h"
#include "common/rpc/bulk.h"
#include "common/rpc/bulk_codec.h"
#include "common/status.h"

namespace quern::client {

// A range in a chunk, bytes.
struct ChunkRange {
  uint64_t offset = 0;
  uint64_t length = 0;
};

// Bytes that have arrived and whose checksum is right.
struct CheckedBytes {
  rpc::Payload payload;
  uint32_t crc = 0;
};

// Used by the thread of its loop.
class ChunkStream {
 public:
  ChunkStream(rpc::BulkLoop* loop, std::shared_ptr<grpc::Channel> channel, const ChunkInfo& chunk,
              const ServerAddress& server, ChunkRange range);
  ~ChunkStream();
  ChunkStream(const ChunkStream&) = delete;
  ChunkStream& operator=(const ChunkStream&) = delete;

  const ChunkInfo& chunk() const { return chunk_; }
  const ServerAddress& server() const { return server_; }

  // A stream that is opened ahead of its turn takes one message and then waits.
  void Pause() { stream_->PauseReading(); }
  void Resume() { stream_->ResumeReading(); }

  // Takes in an event of the loop; one of another stream is left alone. DataLoss: the replica's
  // bytes are wrong. Anything else that is not OK: it cannot be read now.
  absl::Status OnEvent(const rpc::BulkEvent& event);
  // The next bytes, in order.
  std::optional<CheckedBytes> Take();

 private:
  absl::Status OnMessage(const grpc::ByteBuffer& message);

  rpc::BulkLoop* const loop_;
  rpc::BulkStream* const stream_;
  const ChunkInfo chunk_;
  const ServerAddress server_;
  uint64_t expected_;  // chunk offset of the next byte to arrive
  const uint64_t end_;
  std::deque<CheckedBytes> arrived_;
};

}  // namespace quern::client
