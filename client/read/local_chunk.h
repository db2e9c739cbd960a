// Reads a range of one chunk from a replica on this machine: its chunkserver hands out the open
// file and the checksums of its blocks (chunkserver/service/local_reads.h), and the bytes come from
// the kernel's cache without a connection in between. Each block is checked before it is given out.
//
// Only what is in that cache: nobody waits for a disk here. A disk that hangs would hold the whole
// process, while its chunkserver notices and the reader goes on with another replica.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "client/read/chunk_source.h"
#include "common/fd.h"

namespace quern::client {

class LocalChunk final : public ChunkSource {
 public:
  // Of a sealed chunk. Any error: the server is on another machine, or does not hand it out; it may
  // still send it.
  static absl::StatusOr<std::unique_ptr<LocalChunk>> Open(const ChunkInfo& chunk,
                                                          const ServerAddress& server,
                                                          ChunkRange range);

  bool is_direct() const override { return true; }
  // Unavailable: the next bytes are on the disk only.
  absl::StatusOr<std::optional<CheckedBytes>> Take() override;

 private:
  LocalChunk(const ServerAddress& server, ChunkRange range, uint64_t chunk_length, UniqueFd file,
             std::vector<uint32_t> block_crcs);
  // Fills `buffer` with the chunk's bytes from `begin` on.
  absl::Status Read(uint64_t begin, size_t size, char* buffer) const;
  // The blocks from `begin` on match their checksums; the CRC32C of them together.
  absl::StatusOr<uint32_t> Check(uint64_t begin, size_t size, const char* buffer) const;

  uint64_t next_;  // offset in the chunk
  const uint64_t end_;
  const uint64_t chunk_length_;
  const UniqueFd file_;
  const std::vector<uint32_t> block_crcs_;
};

}  // namespace quern::client
