#include "tests/campaign/disks.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "chunkserver/store/rocks_replica_index.h"
#include "common/crc32c.h"
#include "common/storage/file_io.h"

namespace quern::campaign {

absl::StatusOr<std::map<uint64_t, ReplicaSeen>> LookAtDisk(const std::string& dir) {
  std::map<uint64_t, ReplicaSeen> seen;
  ASSIGN_OR_RETURN(const auto index,
                   chunkserver::RocksReplicaIndex::Open({.path = dir + "/index"}));
  const auto look = [&](const chunkserver::ReplicaRecord& record) -> absl::Status {
    ReplicaSeen& replica = seen[record.spec.chunk.value()];
    replica.state = chunkserver::StateName(record.state);
    replica.row_length = record.length;
    replica.row_crc = record.crc;
    const bool removed = record.state == chunkserver::ReplicaState::kRemoved;
    if (!record.in_index || removed) return absl::OkStatus();
    // Its bytes, where others have a file.
    std::string bytes;
    if (record.length > 0) {
      ASSIGN_OR_RETURN(bytes, index->LoadPayload(record.spec.chunk));
    }
    bytes.resize(std::min<size_t>(bytes.size(), record.length));
    replica.has_file = true;
    replica.file_length = bytes.size();
    replica.file_crc = Crc32c(bytes);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(index->ForEachReplica(look));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir + "/data")) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().filename();
    uint64_t id = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), id, 16);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) {
      return DataLossError("{}: no name of a chunk", entry.path().string());
    }
    ASSIGN_OR_RETURN(const std::string bytes,
                     ReadFileToString(FileSystem::Real(), entry.path().string()));
    seen[id].has_file = true;
    seen[id].file_length = bytes.size();
    seen[id].file_crc = Crc32c(bytes);
  }
  return seen;
}

}  // namespace quern::campaign
