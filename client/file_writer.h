// Writes one new file, from the first byte to the last.
//
// Bytes are collected in 1 MiB pieces and streamed to the primary of the file's last chunk, with
// several MiB under way. Every piece is kept until all replicas have it. When a server fails, the
// master seals the chunk where the survivors agree and the writer sends the rest to the next chunk:
// the caller notices nothing but time. A thread of the writer does the sending.
// Used by one thread at a time. Destroyed without Close, the file is abandoned and never seen.
#pragma once

#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "client/types.h"
#include "common/status.h"

namespace quern::client {

struct CreateOptions {
  uint32_t replication = 0;  // 0 = the cluster's default
  uint64_t chunk_size = 0;   // bytes, 0 = 64 MiB
  Durability durability = Durability::kDefault;
  bool overwrite = false;       // replace an existing file of that name, atomically
  bool create_parents = false;  // make missing directories
  uint32_t mode = 0644;
  absl::Time mtime = absl::InfinitePast();  // keep this mtime; InfinitePast = time of Close
};

class WriterImpl;

class FileWriter {
 public:
  // Made by FileSystem::Create.
  explicit FileWriter(std::unique_ptr<WriterImpl> impl);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  // Appends all of `bytes`. Blocks while the window is full. After an error, which is what first
  // went wrong for good, every call returns it and the file can only be abandoned.
  absl::Status Append(std::string_view bytes);

  // For sources that can read straight into the writer's memory: room for at least one byte and at
  // most 1 MiB, valid until the next call; Commit appends its first `bytes`.
  absl::StatusOr<std::span<char>> Room();
  absl::Status Commit(size_t bytes);

  // Returns when all replicas have everything in memory.
  absl::Status Flush();
  // Returns when everything is durable on all replicas.
  absl::Status Sync();
  // Makes everything durable and the file visible under its name.
  absl::StatusOr<FileStatus> Close();
  // Drops the file.
  absl::Status Abandon();

  // Bytes appended so far, and their CRC32C.
  uint64_t length() const;
  uint32_t crc() const;

 private:
  std::unique_ptr<WriterImpl> impl_;
};

}  // namespace quern::client
