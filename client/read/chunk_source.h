// Where a reader has a range of one chunk from: one replica, by whatever way.
#pragma once

#include <cstdint>
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
  // Bytes behind it that the reader will then take from this machine's memory, where its server
  // has them read in.
  uint64_t read_ahead = 0;
};

// Bytes whose checksum is right.
struct CheckedBytes {
  rpc::Payload payload;
  uint32_t crc = 0;
};

// Errors of its methods. DataLoss: the replica's bytes are wrong. Anything else: it cannot be read
// now. Used by one thread, that of the loop.
class ChunkSource {
 public:
  explicit ChunkSource(const ServerAddress& server) : server_(server) {}
  virtual ~ChunkSource() = default;
  ChunkSource(const ChunkSource&) = delete;
  ChunkSource& operator=(const ChunkSource&) = delete;

  const ServerAddress& server() const { return server_; }
  // It reads by itself, and has no more to give when it fails: the server may.
  virtual bool is_direct() const { return false; }
  // It has given something, and failed since its reader took nothing more for long: the server is
  // well and has the rest.
  virtual bool was_dropped() const { return false; }

  // One that is opened ahead of its turn gets ready, and then waits.
  virtual void Pause() {}
  virtual void Resume() {}
  // Takes in an event of the loop; one of another source is left alone.
  virtual absl::Status OnEvent(const rpc::BulkEvent&) { return absl::OkStatus(); }
  // Whether it is one of this source.
  virtual bool Gave(const rpc::BulkEvent&) const { return false; }
  // The next bytes, in order. None: an event has to come first.
  virtual absl::StatusOr<std::optional<CheckedBytes>> Take() = 0;

 private:
  const ServerAddress server_;
};

}  // namespace quern::client
