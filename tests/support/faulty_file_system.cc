#include "tests/support/faulty_file_system.h"

namespace quern {
namespace {

using Operation = FaultyFileSystem::Operation;

class FaultyFile : public File {
 public:
  FaultyFile(FaultyFileSystem* fs, std::unique_ptr<File> under)
      : fs_(fs), under_(std::move(under)) {}

  absl::Status Pwritev(std::span<const iovec> parts, uint64_t offset) override {
    RETURN_IF_ERROR(fs_->Check(Operation::kWrite, path()));
    return under_->Pwritev(parts, offset);
  }
  absl::StatusOr<size_t> Pread(uint64_t offset, size_t n, char* out) override {
    RETURN_IF_ERROR(fs_->Check(Operation::kRead, path()));
    return under_->Pread(offset, n, out);
  }
  absl::Status Datasync() override {
    RETURN_IF_ERROR(fs_->Check(Operation::kSync, path()));
    return under_->Datasync();
  }
  absl::Status StartWriteback(uint64_t offset, uint64_t n) override {
    return under_->StartWriteback(offset, n);
  }
  absl::Status Truncate(uint64_t size) override {
    RETURN_IF_ERROR(fs_->Check(Operation::kTruncate, path()));
    return under_->Truncate(size);
  }
  absl::Status Reserve(uint64_t n) override {
    RETURN_IF_ERROR(fs_->Check(Operation::kReserve, path()));
    return under_->Reserve(n);
  }
  absl::StatusOr<uint64_t> Size() override { return under_->Size(); }
  int fd() const override { return under_->fd(); }
  const std::string& path() const override { return under_->path(); }

 private:
  FaultyFileSystem* const fs_;
  const std::unique_ptr<File> under_;
};

}  // namespace

void FaultyFileSystem::Fail(Operation operation, const std::string& part, int error_number) {
  MutexLock lock(&mutex_);
  faults_[{operation, part}] = error_number;
}

absl::Status FaultyFileSystem::Check(Operation operation, const std::string& path) {
  MutexLock lock(&mutex_);
  for (const auto& [fault, error_number] : faults_) {
    if (fault.first != operation || error_number == 0) continue;
    if (path.find(fault.second) != std::string::npos) {
      return ErrnoStatus(error_number, "injected at " + path);
    }
  }
  return absl::OkStatus();
}

void FaultyFileSystem::OnRemove(std::function<void(const std::string& path)> call) {
  MutexLock lock(&mutex_);
  on_remove_ = std::move(call);
}

absl::Status FaultyFileSystem::Remove(const std::string& path) {
  std::function<void(const std::string&)> on_remove;
  {
    MutexLock lock(&mutex_);
    on_remove = on_remove_;
  }
  if (on_remove != nullptr) on_remove(path);
  return under_->Remove(path);
}

void FaultyFileSystem::OnRename(std::function<void(const std::string& path)> call) {
  MutexLock lock(&mutex_);
  on_rename_ = std::move(call);
}

absl::Status FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  std::function<void(const std::string&)> on_rename;
  {
    MutexLock lock(&mutex_);
    on_rename = on_rename_;
  }
  if (on_rename != nullptr) on_rename(from);
  return under_->Rename(from, to);
}

void FaultyFileSystem::SetFreeBytes(std::optional<uint64_t> bytes) {
  MutexLock lock(&mutex_);
  free_bytes_ = bytes;
}

absl::StatusOr<DiskSpace> FaultyFileSystem::Space(const std::string& path) {
  ASSIGN_OR_RETURN(DiskSpace space, under_->Space(path));
  MutexLock lock(&mutex_);
  space.free_bytes = free_bytes_.value_or(space.free_bytes);
  return space;
}

absl::StatusOr<std::unique_ptr<File>> FaultyFileSystem::Open(const std::string& path,
                                                             const OpenOptions& options) {
  RETURN_IF_ERROR(Check(Operation::kOpen, path));
  ASSIGN_OR_RETURN(std::unique_ptr<File> file, under_->Open(path, options));
  return std::make_unique<FaultyFile>(this, std::move(file));
}

}  // namespace quern
