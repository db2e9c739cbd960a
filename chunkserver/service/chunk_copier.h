// Carries out a Copy order: fetches a sealed chunk from another chunkserver.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "chunkserver/service/services.h"
#include "quern/dfs/v1/cluster.pb.h"

namespace quern::chunkserver {

namespace pb = quern::dfs::v1;

// Thread-safe: any number of copies at once.
class ChunkCopier {
 public:
  explicit ChunkCopier(const Services& services) : services_(services) {}

  // Tries the sources in their order until one gives the whole chunk with the right checksum. The
  // error of the last one otherwise. The copy goes to this disk.
  absl::StatusOr<ReplicaReport> Copy(const pb::Order::Copy& order, size_t disk);
  // The replica, if it is here already as the order wants it; the master is told again. Waits for
  // no disk.
  std::optional<ReplicaReport> Here(const pb::Order::Copy& order) const;
  // Makes copies under way fail soon.
  void Stop() { stopping_ = true; }

 private:
  absl::Status Fetch(const std::string& source, ChunkId chunk, uint64_t length, IncomingCopy* copy);

  const Services& services_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace quern::chunkserver
