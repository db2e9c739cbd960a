#include "chunkserver/store/orphans.h"

#include <optional>
#include <utility>

#include "chunkserver/logic/checksums.h"
#include "chunkserver/store/visit_bytes.h"
#include "common/log.h"

namespace quern::chunkserver {
namespace {

absl::StatusOr<ChunkSums> SumFile(Disk* disk, ChunkId chunk) {
  ASSIGN_OR_RETURN(const auto file, disk->OpenData(chunk, /*write=*/false));
  ASSIGN_OR_RETURN(const uint64_t length, file->Size());
  ChunkSums sums;
  RETURN_IF_ERROR(VisitBytes(file.get(), 0, length, [&](std::string_view bytes) {
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    sums.Apply(sums.Next(SumPayload(sums.length(), {&part, 1})));
  }));
  return sums;
}

absl::StatusOr<ReplicaRecord> Adopt(Disk* disk, ChunkId chunk, Clock* clock) {
  ASSIGN_OR_RETURN(const ChunkSums sums, SumFile(disk, chunk));
  ReplicaRecord record;
  record.spec.chunk = chunk;
  record.spec.capacity_bytes = sums.length();
  record.state = ReplicaState::kQuarantined;
  record.length = record.synced = sums.length();
  record.crc = sums.crc();
  record.sealed = true;
  record.since_ms = absl::ToUnixMillis(clock->TimeNow());
  RETURN_IF_ERROR(disk->index().PutSealed(record, {.blocks = sums.Blocks(), .producers = {}},
                                          WriteMode::kUnsynced));
  return record;
}

}  // namespace

absl::StatusOr<std::vector<ReplicaRecord>> AdoptOrphans(
    Disk* disk, const absl::flat_hash_set<ChunkId>& with_rows, Clock* clock) {
  // Each step is an operation of the disk.
  std::optional<Disk::Use> step(std::in_place, disk);
  ASSIGN_OR_RETURN(const std::vector<ChunkId> files, disk->ListData());
  std::vector<ReplicaRecord> adopted;
  size_t left = 0;
  for (const ChunkId chunk : files) {
    if (with_rows.contains(chunk)) continue;
    step.emplace(disk);
    if (adopted.size() == kMaxOrphansAtOnce) {
      ++left;
      continue;
    }
    const auto size = disk->SizeOfData(chunk);
    const uint64_t bytes = size.ok() ? size->value_or(Disk::DataSize()).bytes : 0;
    // What cannot be looked at costs nothing but itself.
    absl::Status status = size.status();
    if (size.ok() && bytes == 0) {
      status = disk->RemoveData(chunk);
    } else if (size.ok()) {
      auto record = Adopt(disk, chunk, clock);
      status = record.status();
      if (record.ok()) adopted.push_back(*std::move(record));
    }
    if (!status.ok()) ++left;
    LogWarning("orphan_found",
               {{"chunk", chunk}, {"disk", disk->path()}, {"bytes", bytes}, {"status", status}});
  }
  if (left > 0) LogWarning("orphans_left", {{"disk", disk->path()}, {"count", left}});
  return adopted;
}

}  // namespace quern::chunkserver
