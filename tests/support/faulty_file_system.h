// A file layer whose operations fail when a test says so: a full disk, a disk that returns EIO.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "common/storage/file_io.h"

namespace quern {

// Thread-safe. Works on `under` (borrowed).
class FaultyFileSystem : public FileSystem {
 public:
  enum class Operation { kOpen, kWrite, kSync, kReserve, kRead, kTruncate };

  explicit FaultyFileSystem(FileSystem* under = FileSystem::Real()) : under_(under) {}

  // From now on the operation fails with `error_number` on files whose path contains `part`;
  // 0 = works again. Files that are open already are meant too.
  void Fail(Operation operation, const std::string& part, int error_number);
  // Called before each removal, and before each renaming, of what is renamed.
  void OnRemove(std::function<void(const std::string& path)> call);
  void OnRename(std::function<void(const std::string& path)> call);
  // What Space says is free from now on; nullopt: the truth.
  void SetFreeBytes(std::optional<uint64_t> bytes);
  // What the operation on `path` should return now.
  absl::Status Check(Operation operation, const std::string& path);

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                             const OpenOptions& options) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status MakeDirs(const std::string& path) override { return under_->MakeDirs(path); }
  absl::Status RemoveTree(const std::string& path) override { return under_->RemoveTree(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& dir) override {
    return under_->List(dir);
  }
  absl::Status SyncDir(const std::string& dir) override { return under_->SyncDir(dir); }
  absl::StatusOr<DiskSpace> Space(const std::string& path) override;
  bool Exists(const std::string& path) override { return under_->Exists(path); }

 private:
  FileSystem* const under_;
  Mutex mutex_;
  std::map<std::pair<Operation, std::string>, int> faults_ ABSL_GUARDED_BY(mutex_);
  std::function<void(const std::string&)> on_remove_ ABSL_GUARDED_BY(mutex_);
  std::function<void(const std::string&)> on_rename_ ABSL_GUARDED_BY(mutex_);
  std::optional<uint64_t> free_bytes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern
