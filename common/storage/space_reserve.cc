#include "common/storage/space_reserve.h"

#include <utility>

namespace quern {

SpaceReserve::SpaceReserve(FileSystem* fs, std::string path, uint64_t bytes)
    : fs_(fs), path_(std::move(path)), bytes_(bytes), held_(fs->Exists(path_)) {}

absl::Status SpaceReserve::Take() {
  MutexLock lock(&mutex_);
  if (held_) return absl::OkStatus();
  ASSIGN_OR_RETURN(const DiskSpace space, fs_->Space(ParentDir(path_)));
  if (space.free_bytes < 2 * bytes_) {
    return ResourceExhaustedError("{}: {} bytes are free", ParentDir(path_), space.free_bytes);
  }
  ASSIGN_OR_RETURN(const auto file, fs_->Open(path_, {.write = true, .create = true}));
  const absl::Status status = file->Reserve(bytes_);
  held_ = status.ok();
  if (!held_) fs_->Remove(path_).IgnoreError();
  return status;
}

bool SpaceReserve::Release() {
  MutexLock lock(&mutex_);
  if (!held_) return false;
  held_ = !fs_->Remove(path_).ok();
  return !held_;
}

bool SpaceReserve::held() const {
  MutexLock lock(&mutex_);
  return held_;
}

}  // namespace quern
