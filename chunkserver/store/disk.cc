#include "chunkserver/store/disk.h"

#include "common/log.h"
#include "common/random.h"
#include "common/storage/identity_marker.h"

namespace quern::chunkserver {
namespace {

constexpr char kRole[] = "chunkserver-disk";

std::string FileName(ChunkId chunk) { return fmt::format("{:016x}", chunk.value()); }

absl::StatusOr<std::unique_ptr<File>> CreateWithSpace(FileSystem* fs, const std::string& path,
                                                      uint64_t reserve_bytes) {
  ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                   fs->Open(path, {.write = true, .create = true, .truncate = true}));
  if (absl::Status status = file->Reserve(reserve_bytes); !status.ok()) {
    fs->Remove(path).IgnoreError();  // a leftover without a row is replaced when it is in the way
    return status;
  }
  return file;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Disk>> Disk::Open(const Options& options) {
  auto disk = std::unique_ptr<Disk>(new Disk(options));
  if (absl::Status status = disk->OpenOrFormat(); !status.ok()) {
    return Annotate(status, fmt::format("disk {}", options.path));
  }
  return disk;
}

std::unique_ptr<Disk> Disk::Failed(const std::string& path, const absl::Status& why) {
  auto disk = std::unique_ptr<Disk>(new Disk({.path = path}));
  MutexLock lock(&disk->mutex_);
  disk->health_ = why;
  return disk;
}

absl::Status Disk::OpenOrFormat() {
  FileSystem* fs = options_.fs;
  const std::string& path = options_.path;
  RETURN_IF_ERROR(fs->MakeDirs(path));
  if (const auto why = ReadFileToString(fs, path + "/FAILED"); why.ok()) {
    return FailedPreconditionError(
        "was given up after an error ({}). Try: replace the disk; or, if it is sound, remove "
        "{}/FAILED",
        *why, path);
  }
  const auto marker = ReadIdentityMarker(fs, path);
  if (!marker.ok() && marker.status().code() != absl::StatusCode::kNotFound) {
    return marker.status();
  }
  absl::StatusOr<std::unique_ptr<ReplicaIndex>> index = options_.open_index(path + "/index", false);
  if (index.ok()) {
    index_ = *std::move(index);
  } else if (index.status().code() != absl::StatusCode::kNotFound) {
    return index.status();
  } else if (marker.ok()) {
    return DataLossError(
        "its index is gone, although the disk was in use. Try: restore {}/index, or empty the "
        "directory to use it as a new disk",
        path);
  } else {
    ASSIGN_OR_RETURN(index_, options_.open_index(path + "/index", true));
  }
  if (marker.ok()) {
    if (absl::IsNotFound(index_->LoadIdentity().status())) {
      return DataLossError(
          "its index is empty, although the disk was in use. Try: restore {}/index, or empty the "
          "directory to use it as a new disk",
          path);
    }
    MutexLock lock(&mutex_);
    marked_cluster_ = marker->cluster_id;
  } else {
    RETURN_IF_ERROR(Format());
  }
  RETURN_IF_ERROR(fs->RemoveTree(path + "/tmp"));
  RETURN_IF_ERROR(fs->MakeDirs(path + "/tmp"));
  // Asked apart, so that it is an error when it cannot be said.
  ASSIGN_OR_RETURN(const DiskSpace space, fs->Space(path));
  LookAtSpace();
  reserve_bytes_ = options_.reserve_bytes;
  if (reserve_bytes_ == 0) reserve_bytes_ = DefaultReserve(space.capacity_bytes);
  return absl::OkStatus();
}

// Also finishes a format that a crash interrupted: the marker comes last.
absl::Status Disk::Format() {
  absl::StatusOr<DiskIdentity> identity = index_->LoadIdentity();
  if (!identity.ok()) {
    if (identity.status().code() != absl::StatusCode::kNotFound) return identity.status();
    identity = DiskIdentity{.server_uuid = options_.new_server_uuid, .disk_uuid = RandomHex(16)};
  }
  return SaveIdentity(*identity, WriteMode::kSynced);
}

absl::Status Disk::SaveIdentity(const DiskIdentity& identity, WriteMode mode) {
  RETURN_IF_ERROR(Check(index_->PutIdentity(identity, mode)));
  {
    MutexLock lock(&mutex_);
    if (marked_cluster_ == identity.cluster_id) return absl::OkStatus();
    marked_cluster_ = identity.cluster_id;
  }
  return WriteIdentityMarker(
      options_.fs, path(),
      {.role = kRole, .cluster_id = identity.cluster_id, .id = identity.disk_uuid});
}

absl::Status Disk::health() const {
  MutexLock lock(&mutex_);
  return health_;
}

void Disk::Fail(const absl::Status& why) {
  {
    MutexLock lock(&mutex_);
    if (!health_.ok()) return;
    health_ = UnavailableError("disk {} has failed: {}", path(), Message(why));
  }
  LogError("disk_failed", {{"disk", path()}, {"error", why}});
  // Best effort: a disk that cannot take this note will hardly come back after a restart either.
  WriteFileDurably(options_.fs, path() + "/FAILED", Message(why)).IgnoreError();
  if (on_failed_ != nullptr) on_failed_();
}

absl::Status Disk::Check(const absl::Status& status) {
  if (absl::IsDataLoss(status) || absl::IsInternal(status)) Fail(status);
  return status;
}

DiskRoom Disk::Room() const {
  DiskRoom room{.path = path(),
                .used_bytes = used_bytes_ + planned_bytes_,
                .reserve_bytes = reserve_bytes_,
                .failed = !Usable().ok()};
  MutexLock lock(&mutex_);
  if (!look_) room.failed = true;
  if (room.failed) return room;
  const uint64_t at_look = look_->space.free_bytes + look_->used_bytes;
  room.free_bytes = at_look > room.used_bytes ? at_look - room.used_bytes : 0;
  return room;
}

uint64_t Disk::capacity_bytes() const {
  MutexLock lock(&mutex_);
  return look_ ? look_->space.capacity_bytes : 0;
}

void Disk::LookAtSpace() {
  const Use use(this);
  std::optional<Look> look;
  const uint64_t used_bytes = used_bytes_;
  if (const auto space = options_.fs->Space(path()); space.ok()) look = Look{*space, used_bytes};
  MutexLock lock(&mutex_);
  look_ = look;
}

uint64_t Disk::Begin() const {
  MutexLock lock(&watch_mutex_);
  return watch_.Begin(options_.clock->MonotonicNow());
}

void Disk::End(uint64_t operation) const {
  MutexLock lock(&watch_mutex_);
  watch_.End(operation);
}

absl::Status Disk::Answers() const {
  const absl::Time now = options_.clock->MonotonicNow();
  MutexLock lock(&watch_mutex_);
  if (watch_.Answers(now)) return absl::OkStatus();
  return UnavailableError("disk {} hangs: an operation has been waiting for {}", path(),
                          absl::FormatDuration(absl::Floor(watch_.Waiting(now), absl::Seconds(1))));
}

absl::Status Disk::Usable() const {
  RETURN_IF_ERROR(health());
  return Answers();
}

std::string Disk::DataDir(ChunkId chunk) const {
  return fmt::format("{}/data/{:02x}", path(), chunk.value() & 0xff);
}

std::string Disk::DataPath(ChunkId chunk) const { return DataDir(chunk) + "/" + FileName(chunk); }

std::string Disk::TemporaryPath(ChunkId chunk) const { return path() + "/tmp/" + FileName(chunk); }

absl::StatusOr<std::unique_ptr<File>> Disk::CreateData(ChunkId chunk, uint64_t reserve_bytes) {
  RETURN_IF_ERROR(MakeDataDir(chunk));
  return CreateWithSpace(options_.fs, DataPath(chunk), reserve_bytes);
}

// Made when first needed: 256 of them at once would cost a new disk 256 syncs.
absl::Status Disk::MakeDataDir(ChunkId chunk) {
  const std::string dir = DataDir(chunk);
  return options_.fs->Exists(dir) ? absl::OkStatus() : options_.fs->MakeDirs(dir);
}

absl::StatusOr<std::unique_ptr<File>> Disk::OpenData(ChunkId chunk, bool write) {
  return options_.fs->Open(DataPath(chunk), {.write = write});
}

absl::Status Disk::SyncDataDir(ChunkId chunk) {
  const absl::Status status = options_.fs->SyncDir(DataDir(chunk));
  // Names that a failed sync dropped are not known, whatever it failed of. Unavailable is said of
  // a directory that could not even be opened.
  if (!status.ok() && !absl::IsUnavailable(status)) Fail(status);
  return status;
}

bool Disk::IsThere() const { return options_.fs->Exists(path() + "/IDENTITY"); }

absl::StatusOr<std::optional<uint64_t>> Disk::DataBytes(ChunkId chunk) {
  const auto file = OpenData(chunk, /*write=*/false);
  if (file.status().code() == absl::StatusCode::kNotFound) return std::nullopt;
  RETURN_IF_ERROR(file.status());
  ASSIGN_OR_RETURN(const uint64_t bytes, (*file)->Size());
  return bytes;
}

absl::Status Disk::RemoveData(ChunkId chunk) {
  const absl::Status status = options_.fs->Remove(DataPath(chunk));
  if (status.code() == absl::StatusCode::kNotFound) return absl::OkStatus();
  return status.ok() ? SyncDataDir(chunk) : status;
}

absl::StatusOr<std::unique_ptr<File>> Disk::CreateTemporary(ChunkId chunk, uint64_t reserve_bytes) {
  return CreateWithSpace(options_.fs, TemporaryPath(chunk), reserve_bytes);
}

absl::Status Disk::PublishTemporary(ChunkId chunk) {
  RETURN_IF_ERROR(MakeDataDir(chunk));
  RETURN_IF_ERROR(options_.fs->Rename(TemporaryPath(chunk), DataPath(chunk)));
  return SyncDataDir(chunk);
}

void Disk::RemoveTemporary(ChunkId chunk) {
  options_.fs->Remove(TemporaryPath(chunk)).IgnoreError();  // tmp/ is emptied at the next start
}

}  // namespace quern::chunkserver
