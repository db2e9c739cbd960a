// Reads one file as it was when it was opened.
//
// Every byte is checked against its CRC32C before the caller sees it. When a replica is gone, slow
// or corrupt, the next one is read from the same place; a corrupt one is reported to the master.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "client/read_stream.h"
#include "client/types.h"
#include "common/status.h"

namespace quern::client {

class ChunkMap;
class ClientContext;

// Thread-safe. Streams may outlive their reader, not the FileSystem.
class FileReader {
 public:
  // Made by FileSystem::Open.
  FileReader(ClientContext* context, std::shared_ptr<ChunkMap> chunks);
  ~FileReader();

  const FileStatus& status() const;

  // A sequential stream over [offset, offset + length), cut at the end of the file. Starts reading
  // at the first Next.
  std::unique_ptr<ReadStream> Stream(uint64_t offset, uint64_t length);

  // Reads up to n bytes at `offset` into `out`; less only at the end of the file.
  absl::StatusOr<size_t> Pread(uint64_t offset, size_t n, char* out);

 private:
  ClientContext* const context_;
  const std::shared_ptr<ChunkMap> chunks_;
};

}  // namespace quern::client
