// Where the chunks of one file are, asked of the master a page at a time and remembered.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "client/client_context.h"
#include "client/master/convert.h"
#include "client/types.h"
#include "common/mutex.h"
#include "common/status.h"

namespace quern::client {

// Thread-safe. Covers the file as it was when it was opened: `length` bytes.
class ChunkMap {
 public:
  // Asks for the file's status and its first chunks. InvalidArgument for a directory.
  static absl::StatusOr<std::shared_ptr<ChunkMap>> Open(ClientContext* context,
                                                        std::string_view path);

  const FileStatus& status() const { return status_; }
  // The chunk that holds byte `offset` < length.
  absl::StatusOr<ChunkInfo> Find(uint64_t offset);
  // Asks the master again where a chunk is; its replicas may have moved.
  absl::StatusOr<ChunkInfo> Refresh(const ChunkInfo& chunk);

 private:
  ChunkMap(ClientContext* context, FileStatus status)
      : context_(context), status_(std::move(status)) {}
  absl::StatusOr<pb::GetChunksResponse> Ask(uint32_t first_ordinal, uint32_t max_chunks) const;
  absl::Status LoadMore() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Take(const pb::GetChunksResponse& page) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  ClientContext* const context_;
  const FileStatus status_;
  Mutex mutex_;
  std::vector<ChunkInfo> chunks_ ABSL_GUARDED_BY(mutex_);  // in order, from the first on
  uint64_t covered_ ABSL_GUARDED_BY(mutex_) = 0;           // bytes in chunks_
};

}  // namespace quern::client
