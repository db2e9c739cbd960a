// The way to the master: which of the configured addresses is followed now, and the calls that are
// not part of the session.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/ids.h"
#include "common/mutex.h"
#include "common/status.h"

namespace quern::chunkserver {

// Thread-safe.
class MasterLink {
 public:
  // HOST:PORT of each; at least one.
  explicit MasterLink(std::vector<std::string> addresses);

  std::string address() const;
  std::shared_ptr<grpc::Channel> channel() const;
  // The present address did not admit us: go on to the next one, over a new connection.
  void TryNext();

  struct SealedChunk {
    ChunkId chunk;
    ServerId server;
    uint64_t length = 0;
    uint32_t crc = 0;
  };
  // OK when SEALED is in the master's log. Repeats the same request while the master is away;
  // `wait` sleeps between two tries and says whether to go on.
  absl::Status ReportSealed(const SealedChunk& sealed,
                            const std::function<bool(absl::Duration)>& wait);

 private:
  const std::vector<std::string> addresses_;
  const uint64_t client_id_;

  mutable Mutex mutex_;
  size_t current_ ABSL_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_request_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<uint64_t> outstanding_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::chunkserver
