// A file layer that forgets at a power cut what was not synced: the twin of FileSystem::Real() for
// tests of promise 1 (docs/architecture.md). RocksDB runs on it through rocks_on_files.h.
//
//   ForgetfulFileSystem fs(dir / "memory");
//   { Server server(&fs, ...); ...; fs.PowerCut(); }   // the old server's calls fail from here on
//   fs.PowerOn();
//   Server server(&fs, ...);                           // sees what a disk would have kept
//
// The files are real ones, so that reads, maps and passed descriptors work as usual. What is
// written is there at once; before a write changes synced bytes, the old pages are saved, and a
// hidden hard link keeps every removed or replaced file, so that a power cut can put everything
// back.
//
// The rules are the strict ones of POSIX: contents and length are durable after Datasync; a
// creation, removal or rename after SyncDir of the directory. Directories are so after MakeDirs.
// Changes must come through this object: it knows nothing of others. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/random.h"
#include "common/storage/file_io.h"

namespace quern {

class ForgetfulFileSystem : public FileSystem {
 public:
  // `memory_dir` is made, on the same disk as the files, and belongs to this object.
  explicit ForgetfulFileSystem(std::string memory_dir);
  ~ForgetfulFileSystem() override;

  // Drops everything that was not synced. With `keep_some` a random part of it stays, as on a real
  // disk: single pages of what was overwritten or appended (zeros in place of the others), the
  // names as they were or as they are. Until PowerOn every operation fails; files that are open now
  // fail for ever.
  void PowerCut(Random* keep_some = nullptr);
  void PowerOn();
  // What MakeDirs leaves behind when the process is killed in the middle of it.
  void MakeDirsUnsynced(const std::string& path);

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                             const OpenOptions& options) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status MakeDirs(const std::string& path) override;
  absl::Status RemoveTree(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& dir) override;
  absl::Status SyncDir(const std::string& dir) override;
  absl::StatusOr<DiskSpace> Space(const std::string& path) override;
  bool Exists(const std::string& path) override;

 private:
  friend class ForgetfulFile;

  // A file by whatever name, and what the disk holds of it.
  struct Inode {
    std::string keeper;  // the hidden hard link
    uint64_t synced_size = 0;
    std::map<uint64_t, std::string> old_pages;  // synced pages that were changed since, by number
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  absl::Status CheckPower() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The inode behind a name; a file that was there before is taken to be synced. Null: no such
  // file.
  std::shared_ptr<Inode> Track(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<Inode> Adopt(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RenameDirectory(const std::string& from, const std::string& to)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // To be called before bytes [begin, end) change.
  void SavePages(Inode* inode, uint64_t begin, uint64_t end) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(const Inode& inode, Random* keep_some) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteDurableDirs(const std::string& parent) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RestoreNames() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  FileSystem* const real_;
  const std::string memory_dir_;
  Mutex mutex_;
  bool power_on_ ABSL_GUARDED_BY(mutex_) = true;
  int cuts_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t next_keeper_ ABSL_GUARDED_BY(mutex_) = 0;
  // Names that were touched: as programs see them, and as the disk holds them. All others are the
  // same in both.
  Names names_ ABSL_GUARDED_BY(mutex_);
  Names synced_names_ ABSL_GUARDED_BY(mutex_);
  // Directories that a power cut takes away, with all that is in them.
  std::set<std::string> unsynced_dirs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern
