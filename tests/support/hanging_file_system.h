// A file layer whose operations do not come back while a test says so: a disk that hangs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/storage/file_io.h"

namespace quern {

// Thread-safe. Works on `under` (borrowed).
class HangingFileSystem : public FileSystem {
 public:
  explicit HangingFileSystem(FileSystem* under = FileSystem::Real()) : under_(under) {}

  // From now on every operation on a path that contains `part` sleeps, also on files that are open
  // already, until Release.
  void Hang(const std::string& part);
  // The same, when a file is closed, and only then.
  void HangOnClose(const std::string& part);
  void Release();
  // Sleeps while the path hangs.
  void Pass(const std::string& path);
  void PassClose(const std::string& path);
  // How many operations sleep now.
  int sleeping();

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                             const OpenOptions& options) override;
  absl::Status Remove(const std::string& path) override {
    Pass(path);
    return under_->Remove(path);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    Pass(from);
    return under_->Rename(from, to);
  }
  absl::Status MakeDirs(const std::string& path) override {
    Pass(path);
    return under_->MakeDirs(path);
  }
  absl::Status RemoveTree(const std::string& path) override {
    Pass(path);
    return under_->RemoveTree(path);
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& dir) override {
    Pass(dir);
    return under_->List(dir);
  }
  absl::Status SyncDir(const std::string& dir) override {
    Pass(dir);
    return under_->SyncDir(dir);
  }
  absl::StatusOr<DiskSpace> Space(const std::string& path) override {
    Pass(path);
    return under_->Space(path);
  }
  bool Exists(const std::string& path) override {
    Pass(path);
    return under_->Exists(path);
  }

 private:
  // With the lock held; `part` is one of those below.
  void SleepWhile(const std::string& part, const std::string& path)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  FileSystem* const under_;
  Mutex mutex_;
  CondVar released_;
  std::string part_ ABSL_GUARDED_BY(mutex_);  // empty: nothing hangs
  std::string close_part_ ABSL_GUARDED_BY(mutex_);
  int sleeping_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace quern
