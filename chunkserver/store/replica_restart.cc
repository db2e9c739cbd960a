// How replicas come back after a restart.
#include "chunkserver/store/replica.h"
#include "chunkserver/store/visit_bytes.h"
#include "common/crc32c.h"
#include "common/log.h"

namespace quern::chunkserver {
namespace {

// What a file system adds on its own account is less.
constexpr uint64_t kSlackBytes = uint64_t{1} << 20;

bool HasRest(const Disk::DataSize& file, uint64_t length) {
  return file.bytes > length || file.allocated_bytes > length + kSlackBytes;
}

void Trim(Disk* disk, ChunkId chunk, uint64_t length) {
  const absl::Status status = disk->TrimData(chunk, length);
  if (status.ok()) return;
  // It does no harm.
  LogWarning("space_not_given_back",
             {{"chunk", chunk}, {"disk", disk->path()}, {"status", status}});
}

// The last run ended between the row of a seal and the cut, or the cut failed.
absl::Status GiveBackRest(Disk* disk, const ReplicaRecord& record, const Disk::DataSize& file) {
  if (!HasRest(file, record.length)) return absl::OkStatus();
  // First of all the row, which may have been read from memory: FENCED with more bytes than there
  // are would look like a loss.
  RETURN_IF_ERROR(disk->index().PutReplica(record, WriteMode::kSynced));
  Trim(disk, record.spec.chunk, record.length);
  return absl::OkStatus();
}

// Nobody will append to it, though it is not sealed.
bool IsOver(ReplicaState state) {
  return state == ReplicaState::kQuarantined || state == ReplicaState::kStale;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Replica>> Replica::Restore(const Environment& environment,
                                                          const ReplicaRecord& record,
                                                          const std::string& boot_id) {
  if (record.sealed) return RestoreSealed(environment, record);
  const std::shared_ptr<Replica> replica(new Replica(environment, ReplicaMachine(record.spec)));
  RETURN_IF_ERROR(Annotate(replica->Recover(record, boot_id),
                           fmt::format("recover chunk {}", record.spec.chunk)));
  const ReplicaReport report = replica->facts().report;
  // Last: of one that is refused now and tried again nothing is counted.
  if (IsOver(report.state)) {
    RETURN_IF_ERROR(replica->GiveBackUnsealed(report.length));
  } else {
    replica->SetUsed(std::max(record.spec.capacity_bytes, report.length));
  }
  replica->file_.reset();  // thousands may come back at once
  return replica;
}

absl::Status Replica::GiveBackUnsealed(uint64_t length) {
  if (has_file_) {
    ASSIGN_OR_RETURN(const std::optional<Disk::DataSize> file,
                     environment_.disk->SizeOfData(chunk_));
    // Its row, whichever it was before, never said more bytes than its append records do.
    if (file && HasRest(*file, length)) Trim(environment_.disk, chunk_, length);
  }
  SetUsed(length);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<Replica>> Replica::RestoreSealed(const Environment& environment,
                                                                const ReplicaRecord& record) {
  Disk* disk = environment.disk;
  // The bytes came with the row.
  if (record.in_index) return Adopt(environment, record);
  ASSIGN_OR_RETURN(const std::optional<Disk::DataSize> file, disk->SizeOfData(record.spec.chunk));
  if (file && file->bytes >= record.length) RETURN_IF_ERROR(GiveBackRest(disk, record, *file));
  if (record.state == ReplicaState::kCorrupt || (file && file->bytes >= record.length)) {
    return Adopt(environment, record);
  }
  ReplicaRecord corrupt = record;
  corrupt.state = ReplicaState::kCorrupt;
  corrupt.since_ms = absl::ToUnixMillis(environment.clock->TimeNow());
  LogError("replica_corrupt",
           {{"chunk", record.spec.chunk},
            {"disk", disk->path()},
            {"reason", file ? fmt::format("has {} bytes of {}", file->bytes, record.length)
                            : std::string("its file is missing")}});
  RETURN_IF_ERROR(disk->index().PutReplica(corrupt, WriteMode::kUnsynced));
  return Adopt(environment, corrupt);
}

absl::Status Replica::Recover(const ReplicaRecord& stored, const std::string& boot_id) {
  Disk* disk = environment_.disk;
  if (stored.in_index) {
    has_file_ = false;
    // One row holds all of it: there is nothing to be cut, and nothing to be latched.
    ASSIGN_OR_RETURN(const std::vector<AppendRecord> appends, disk->index().LoadAppends(chunk_));
    ReplicaMachine machine = ReplicaMachine::Restore(stored, appends, {.boot_id = boot_id});
    if (machine.state() != stored.state) {
      RETURN_IF_ERROR(disk->index().PutReplica(machine.record(), WriteMode::kUnsynced));
    }
    MutexLock lock(&mutex_);
    machine_ = std::move(machine);
    return absl::OkStatus();
  }
  auto file = disk->OpenData(chunk_, /*write=*/true);
  if (file.status().code() == absl::StatusCode::kNotFound) file = disk->CreateData(chunk_, 0);
  RETURN_IF_ERROR(file.status());
  file_ = *std::move(file);
  ASSIGN_OR_RETURN(const uint64_t file_bytes, file_->Size());
  ASSIGN_OR_RETURN(std::vector<AppendRecord> appends, disk->index().LoadAppends(chunk_));
  ASSIGN_OR_RETURN(const size_t survivors,
                   SurvivingAppends(appends, stored.synced, file_bytes,
                                    [&](uint64_t start, uint64_t end) -> absl::StatusOr<uint32_t> {
                                      uint32_t crc = 0;
                                      RETURN_IF_ERROR(VisitBytes(
                                          file_.get(), start, end, [&](std::string_view bytes) {
                                            crc = ExtendCrc32c(crc, bytes.data(), bytes.size());
                                          }));
                                      return crc;
                                    }));
  const bool lost_bytes = survivors < appends.size();
  appends.resize(survivors);
  ReplicaMachine machine =
      ReplicaMachine::Restore(stored, appends, {.boot_id = boot_id, .lost_bytes = lost_bytes});
  if (stored.state == ReplicaState::kOpen) {
    // As in every fence: the data to the disk before the latch.
    if (file_bytes > machine.length()) RETURN_IF_ERROR(file_->Truncate(machine.length()));
    RETURN_IF_ERROR(SyncData());
    machine.Synced(machine.length());
  }
  if (machine.state() != stored.state) {
    RETURN_IF_ERROR(disk->index().PutCut(machine.record(), WriteMode::kUnsynced));
    LogInfo("replica_fenced_by_restart", {{"chunk", chunk_},
                                          {"state", StateName(machine.state())},
                                          {"length", machine.length()},
                                          {"suspect", machine.suspect()},
                                          {"lost_bytes", lost_bytes}});
  }
  MutexLock lock(&mutex_);
  machine_ = std::move(machine);
  return absl::OkStatus();
}

}  // namespace quern::chunkserver
