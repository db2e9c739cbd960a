#include "tests/support/hanging_file_system.h"

#include <utility>

namespace quern {
namespace {

class HangingFile : public File {
 public:
  HangingFile(HangingFileSystem* fs, std::unique_ptr<File> under)
      : fs_(fs), under_(std::move(under)) {}
  ~HangingFile() override { fs_->PassClose(under_->path()); }

  absl::Status Pwritev(std::span<const iovec> parts, uint64_t offset) override {
    fs_->Pass(path());
    return under_->Pwritev(parts, offset);
  }
  absl::StatusOr<size_t> Pread(uint64_t offset, size_t n, char* out) override {
    fs_->Pass(path());
    return under_->Pread(offset, n, out);
  }
  absl::Status Datasync() override {
    fs_->Pass(path());
    return under_->Datasync();
  }
  absl::Status StartWriteback(uint64_t offset, uint64_t n) override {
    fs_->Pass(path());
    return under_->StartWriteback(offset, n);
  }
  absl::Status Truncate(uint64_t size) override {
    fs_->Pass(path());
    return under_->Truncate(size);
  }
  absl::Status Reserve(uint64_t n) override {
    fs_->Pass(path());
    return under_->Reserve(n);
  }
  absl::StatusOr<uint64_t> Size() override {
    fs_->Pass(path());
    return under_->Size();
  }
  int fd() const override { return under_->fd(); }
  const std::string& path() const override { return under_->path(); }

 private:
  HangingFileSystem* const fs_;
  const std::unique_ptr<File> under_;
};

}  // namespace

void HangingFileSystem::Hang(const std::string& part) {
  MutexLock lock(&mutex_);
  part_ = part;
}

void HangingFileSystem::HangOnClose(const std::string& part) {
  MutexLock lock(&mutex_);
  close_part_ = part;
}

void HangingFileSystem::Release() {
  MutexLock lock(&mutex_);
  part_.clear();
  close_part_.clear();
  released_.SignalAll();
}

void HangingFileSystem::Pass(const std::string& path) {
  MutexLock lock(&mutex_);
  SleepWhile(part_, path);
}

void HangingFileSystem::PassClose(const std::string& path) {
  MutexLock lock(&mutex_);
  SleepWhile(close_part_, path);
}

void HangingFileSystem::SleepWhile(const std::string& part, const std::string& path) {
  while (!part.empty() && path.find(part) != std::string::npos) {
    ++sleeping_;
    released_.Wait(&mutex_);
    --sleeping_;
  }
}

int HangingFileSystem::sleeping() {
  MutexLock lock(&mutex_);
  return sleeping_;
}

absl::StatusOr<std::unique_ptr<File>> HangingFileSystem::Open(const std::string& path,
                                                              const OpenOptions& options) {
  Pass(path);
  ASSIGN_OR_RETURN(std::unique_ptr<File> file, under_->Open(path, options));
  return std::make_unique<HangingFile>(this, std::move(file));
}

}  // namespace quern
