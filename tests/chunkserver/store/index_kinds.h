// The two kinds of ReplicaIndex behind one face, both with a power switch: what the conformance
// tests run on.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "chunkserver/store/disk.h"
#include "chunkserver/store/rocks_replica_index.h"
#include "common/mutex.h"
#include "tests/chunkserver/store/memory_replica_index.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/forgetful_file_system.h"
#include "tests/support/rocks_on_files.h"
#include "tests/support/temp_dir.h"

namespace quern::chunkserver {

enum class IndexKind { kRocks, kMemory };

// A machine: disks that forget at a power cut, and indexes on them.
class TestMachine {
 public:
  explicit TestMachine(IndexKind kind)
      : kind_(kind), fs_(dir_ / "forgetful"), env_(NewRocksEnv(&faulty_)) {}

  FileSystem* fs() { return &faulty_; }
  FaultyFileSystem& faults() { return faulty_; }
  std::string dir(int disk = 0) const { return dir_ / fmt::format("disk{}", disk); }
  IndexOpener opener() {
    return [this](const std::string& path, bool create) { return OpenIndex(path, create); };
  }
  // A directory that no disk is open in, with the index in it.
  absl::Status Move(const std::string& from, const std::string& to) {
    {
      MutexLock lock(&mutex_);
      if (auto moved = contents_.extract(from + "/index"); !moved.empty()) {
        contents_[to + "/index"] = std::move(moved.mapped());
      }
    }
    return fs_.Rename(from, to);
  }
  // Everything that is open must be closed between the two.
  void PowerCut(Random* keep_some = nullptr) {
    fs_.PowerCut(keep_some);
    MutexLock lock(&mutex_);
    for (auto& [path, contents] : contents_) contents->PowerCut();
  }
  void PowerOn() { fs_.PowerOn(); }
  // What the in-memory indexes below `part` answer to writes; the others take them.
  void FailIndexWrites(const absl::Status& status, const std::string& part = "") {
    MutexLock lock(&mutex_);
    for (auto& [path, contents] : contents_) {
      if (path.find(part) != std::string::npos) contents->FailWrites(status);
    }
  }
  // The disks refuse to give rows of their indexes, or give them again. RocksDB has some in memory.
  void RefuseRows(bool refuse) {
    faulty_.Fail(FaultyFileSystem::Operation::kRead, "/index/", refuse ? EIO : 0);
    const absl::Status status = refuse ? ErrnoStatus(EIO, "read a row") : absl::OkStatus();
    MutexLock lock(&mutex_);
    for (auto& [path, contents] : contents_) contents->FailReads(status);
  }
  // As one that is killed on the way leaves them: there, but not durable.
  void MakeDirsUnsynced(const std::string& path) { fs_.MakeDirsUnsynced(path); }

 private:
  absl::StatusOr<std::unique_ptr<ReplicaIndex>> OpenIndex(const std::string& path, bool create) {
    if (kind_ == IndexKind::kRocks) {
      return RocksReplicaIndex::Open(
          {.path = path, .create = create, .reserve_bytes = 1 << 16, .env = env_.get()});
    }
    MutexLock lock(&mutex_);
    if (create) contents_[path] = std::make_shared<MemoryIndexContents>();
    const auto found = contents_.find(path);
    if (found == contents_.end()) return NotFoundError("{}: no index there", path);
    return std::make_unique<MemoryReplicaIndex>(found->second);
  }

  const IndexKind kind_;
  TempDir dir_;
  ForgetfulFileSystem fs_;
  FaultyFileSystem faulty_{&fs_};
  std::unique_ptr<rocksdb::Env> env_;
  Mutex mutex_;  // disks are opened by threads of their own
  std::map<std::string, std::shared_ptr<MemoryIndexContents>> contents_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::chunkserver
