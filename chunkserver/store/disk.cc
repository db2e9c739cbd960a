#include "chunkserver/store/disk.h"

#include <sys/stat.h>

#include <filesystem>
#include <vector>

#include "common/log.h"
#include "common/storage/identity_marker.h"

namespace quern::chunkserver {
namespace {

constexpr char kRole[] = "chunkserver-disk";

// Beside the directory of a disk, which may be a mount point.
std::string NotePath(const std::string& path) {
  const std::filesystem::path dir(path);
  return (dir.parent_path() / fmt::format(".{}.quern-disk", dir.filename().string())).string();
}

// Beside the directory above it, which may be the mount point as well.
std::string NotePathAbove(const std::string& path) {
  const std::filesystem::path dir(path);
  const std::filesystem::path above = dir.parent_path();
  const std::string name =
      fmt::format(".{}.{}.quern-disk", above.filename().string(), dir.filename().string());
  return (above.parent_path() / name).string();
}

bool LiesBelowAMountPoint(const std::string& path) {
  const std::filesystem::path above = std::filesystem::path(path).parent_path();
  struct stat here = {};
  struct stat there = {};
  return above != above.root_path() && stat(above.c_str(), &here) == 0 &&
         stat(above.parent_path().c_str(), &there) == 0 && here.st_dev != there.st_dev;
}

std::string ReadNote(FileSystem* fs, const std::string& path) {
  auto note = ReadFileToString(fs, path);
  if (!note.ok()) return "";
  while (!note->empty() && note->back() == '\n') note->pop_back();
  return *std::move(note);
}

}  // namespace

Disk::Disk(Options options)
    : options_(std::move(options)),
      watch_(options_.patience),
      health_(UnavailableError("disk {}: is not open yet", options_.path)) {}

absl::Status Disk::Open(const std::optional<DiskIdentity>& format) {
  const Use use(this);
  const absl::Status status = Annotate(OpenOrFormat(format), fmt::format("disk {}", options_.path));
  if (!status.ok()) SetAway(status, absl::IsDataLoss(status) || absl::IsFailedPrecondition(status));
  return status;
}

void Disk::MarkReady() {
  MutexLock lock(&mutex_);
  if (!for_good_) health_ = absl::OkStatus();
}

void Disk::SetAway(const absl::Status& why, bool for_good) {
  index_.reset();
  MutexLock lock(&mutex_);
  health_ = why;
  for_good_ = for_good;
}

bool Disk::may_return() const {
  MutexLock lock(&mutex_);
  return !health_.ok() && !for_good_;
}

std::string Disk::uuid() const {
  MutexLock lock(&mutex_);
  return uuid_;
}

void Disk::set_uuid(const std::string& uuid) {
  MutexLock lock(&mutex_);
  uuid_ = uuid;
}

absl::Status Disk::OpenOrFormat(const std::optional<DiskIdentity>& format) {
  FileSystem* fs = options_.fs;
  const std::string& path = options_.path;
  index_.reset();  // RocksDB opens none twice, and says that of one as of damage
  used_bytes_ = 0;
  const auto marker = ReadIdentityMarker(fs, path);
  if (!marker.ok() && !absl::IsNotFound(marker.status())) return marker.status();
  if (marker.ok()) set_uuid(marker->id);
  const auto failed = ReadFileToString(fs, path + "/FAILED");
  if (failed.ok()) {
    return FailedPreconditionError(
        "was given up after an error ({}). Try: replace the disk; or, if it is sound, remove "
        "{}/FAILED",
        *failed, path);
  }
  if (!absl::IsNotFound(failed.status())) return failed.status();
  RETURN_IF_ERROR(OpenIndex(/*in_use=*/marker.ok(), /*create=*/format.has_value()));
  absl::StatusOr<DiskIdentity> identity = index_->LoadIdentity();
  if (absl::IsNotFound(identity.status())) {
    if (marker.ok()) {
      return DataLossError(
          "its index is empty, although the disk was in use. Try: restore {}/index, or empty the "
          "directory to use it as a new disk",
          path);
    }
    if (!format.has_value()) return NotFoundError("{}: a disk that was not formatted whole", path);
    identity = *format;
    RETURN_IF_ERROR(index_->PutIdentity(*identity, WriteMode::kSynced));
  }
  RETURN_IF_ERROR(identity.status());
  // The marker comes last: without it a crash has interrupted the format.
  if (!marker.ok()) RETURN_IF_ERROR(WriteMarker(*identity));
  set_uuid(identity->disk_uuid);
  {
    MutexLock lock(&mutex_);
    marked_cluster_ = marker.ok() ? marker->cluster_id : identity->cluster_id;
  }
  WriteNote(identity->disk_uuid);
  return PrepareSpace();
}

absl::Status Disk::OpenIndex(bool in_use, bool create) {
  const std::string path = options_.path + "/index";
  absl::StatusOr<std::unique_ptr<ReplicaIndex>> index = options_.open_index(path, false);
  if (absl::IsNotFound(index.status())) {
    if (in_use) {
      return DataLossError(
          "its index is gone, although the disk was in use. Try: restore {}, or empty the "
          "directory to use it as a new disk",
          path);
    }
    RETURN_IF_ERROR(CheckEmpty());
    if (!create) return NotFoundError("{}: holds no disk", options_.path);
    RETURN_IF_ERROR(options_.fs->MakeDirs(options_.path));
    index = options_.open_index(path, true);
  }
  RETURN_IF_ERROR(index.status());
  index_ = *std::move(index);
  return absl::OkStatus();
}

absl::Status Disk::CheckEmpty() const {
  const auto names = options_.fs->List(options_.path + "/data");
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  RETURN_IF_ERROR(names.status());
  if (names->empty()) return absl::OkStatus();
  return DataLossError(
      "holds data, but neither IDENTITY nor an index. Try: restore them, or empty the directory to "
      "use it as a new disk");
}

absl::Status Disk::PrepareSpace() {
  FileSystem* fs = options_.fs;
  RETURN_IF_ERROR(fs->RemoveTree(path() + "/tmp"));
  RETURN_IF_ERROR(fs->MakeDirs(path() + "/tmp"));
  RETURN_IF_ERROR(fs->MakeDirs(path() + "/data"));
  for (std::atomic<bool>& durable : data_dirs_durable_) durable = false;
  // Asked apart, so that it is an error when it cannot be said.
  ASSIGN_OR_RETURN(const DiskSpace space, fs->Space(path()));
  LookAtSpace();
  reserve_bytes_ = options_.reserve_bytes;
  if (reserve_bytes_ == 0) reserve_bytes_ = DefaultReserve(space.capacity_bytes);
  return absl::OkStatus();
}

std::string Disk::Note() const {
  std::string note = ReadNote(options_.fs, NotePath(path()));
  return note.empty() ? ReadNote(options_.fs, NotePathAbove(path())) : note;
}

void Disk::WriteNote(const std::string& uuid) {
  std::vector<std::string> places = {NotePath(path())};
  if (LiesBelowAMountPoint(path())) places.push_back(NotePathAbove(path()));
  for (const std::string& place : places) {
    if (ReadNote(options_.fs, place) == uuid) continue;
    const absl::Status status = WriteFileDurably(options_.fs, place, uuid + "\n");
    if (status.ok()) continue;
    // Where the server may not write there, the other disks still know this one.
    LogWarning("no_note_beside_disk", {{"disk", path()}, {"status", status}});
  }
}

absl::Status Disk::WriteMarker(const DiskIdentity& identity) {
  return WriteIdentityMarker(
      options_.fs, path(),
      {.role = kRole, .cluster_id = identity.cluster_id, .id = identity.disk_uuid});
}

absl::Status Disk::SaveIdentity(const DiskIdentity& identity, WriteMode mode) {
  RETURN_IF_ERROR(Check(index_->PutIdentity(identity, mode)));
  {
    MutexLock lock(&mutex_);
    if (marked_cluster_ == identity.cluster_id) return absl::OkStatus();
    marked_cluster_ = identity.cluster_id;
  }
  return WriteMarker(identity);
}

absl::Status Disk::health() const {
  MutexLock lock(&mutex_);
  return health_;
}

bool Disk::failed() const {
  MutexLock lock(&mutex_);
  return for_good_;
}

void Disk::Fail(const absl::Status& why) {
  {
    MutexLock lock(&mutex_);
    if (for_good_) return;
    for_good_ = true;
    health_ = UnavailableError("disk {} has failed: {}", path(), Message(why));
  }
  LogError("disk_failed", {{"disk", path()}, {"error", why}});
  // First: a failing disk may hang at the next write.
  if (on_failed_ != nullptr) on_failed_();
  // Best effort: a disk that cannot take this note will hardly come back after a restart either.
  WriteFileDurably(options_.fs, path() + "/FAILED", Message(why)).IgnoreError();
}

absl::Status Disk::Check(const absl::Status& status) {
  if (absl::IsDataLoss(status) || absl::IsInternal(status)) Fail(status);
  return status;
}

DiskRoom Disk::Room() const {
  DiskRoom room{
      .path = path(), .used_bytes = used_bytes_ + planned_bytes_, .failed = !Usable().ok()};
  MutexLock lock(&mutex_);
  if (!look_) room.failed = true;
  if (room.failed) return room;
  room.reserve_bytes = reserve_bytes_;
  if (look_->full) return room;
  const uint64_t at_look = look_->space.free_bytes + look_->used_bytes;
  room.free_bytes = at_look > room.used_bytes ? at_look - room.used_bytes : 0;
  return room;
}

uint64_t Disk::capacity_bytes() const {
  // Not of what its mount point lies on.
  MutexLock lock(&mutex_);
  return look_ && health_.ok() ? look_->space.capacity_bytes : 0;
}

void Disk::LookAtSpace() {
  const Use use(this);
  std::optional<Look> look;
  const uint64_t used_bytes = used_bytes_;
  if (const auto space = options_.fs->Space(path()); space.ok()) {
    look = Look{*space, used_bytes, index_->Full()};
  }
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

absl::Duration Disk::Waiting() const {
  const absl::Time now = options_.clock->MonotonicNow();
  MutexLock lock(&watch_mutex_);
  return watch_.Waiting(now);
}

bool Disk::NoteSilence() {
  const absl::Time now = options_.clock->MonotonicNow();
  bool silent = silent_;
  {
    MutexLock lock(&watch_mutex_);
    silent = silent ? !watch_.Answers(now) : watch_.Waiting(now) > options_.silence;
  }
  return silent_.exchange(silent) != silent;
}

absl::Status Disk::Usable() const {
  RETURN_IF_ERROR(health());
  return Answers();
}

}  // namespace quern::chunkserver
