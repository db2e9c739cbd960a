// Writes one new file, from the first byte to the last.
//
// Bytes are collected in 1 MiB pieces and streamed to the primary of the file's last chunk, with
// several MiB under way. Every piece is kept until all replicas have it. When a server fails, the
// master seals the chunk where the survivors agree and the writer sends the rest to the next chunk:
// the caller notices nothing but time. A thread of the writer does the sending.
// Used by one thread at a time. Destroyed without Close, the file is abandoned and never seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "client/options.h"
#include "client/types.h"
#include "common/status.h"

namespace quern::client {

// Made by FileSystem::Create.
class FileWriter {
 public:
  virtual ~FileWriter() = default;
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  // Appends all of `bytes`. Blocks while the window is full. After an error, which is what first
  // went wrong for good, every call returns it and the file can only be abandoned.
  virtual absl::Status Append(std::string_view bytes) = 0;

  // For sources that can read straight into the writer's memory: room for at least one byte and at
  // most 1 MiB, valid until the next call; Commit appends its first `bytes`.
  virtual absl::StatusOr<std::span<char>> Room() = 0;
  virtual absl::Status Commit(size_t bytes) = 0;

  // Returns when all replicas have everything in memory.
  virtual absl::Status Flush() = 0;
  // Returns when everything is durable on all replicas.
  virtual absl::Status Sync() = 0;
  // Makes everything durable and the file visible under its name.
  virtual absl::StatusOr<FileStatus> Close() = 0;
  // Drops the file.
  virtual absl::Status Abandon() = 0;

  // Bytes appended so far, and their CRC32C.
  virtual uint64_t length() const = 0;
  virtual uint32_t crc() const = 0;

 protected:
  FileWriter() = default;
};

}  // namespace quern::client
