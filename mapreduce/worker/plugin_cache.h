// Plugins and side files of jobs on this machine's disk, by the hash of their bytes.
//
// A copy is used only after its bytes were compared with the hash by this process, and again when
// the file has changed since; one that differs (a power cut tears what was not synced, and nothing
// is synced here) is fetched again. All jobs share a copy, and it is read-only: nobody writes to it
// by mistake. Who means to can: root, and tasks, which run as the user that owns it and may change
// its mode; whoever comes later has it fetched again then. Copies that are in use stay, however
// many a job brings; of the others the least recently used are removed beyond a number of them.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "common/mutex.h"
#include "common/status.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

class PluginCache {
 public:
  // Of those that nobody uses.
  static constexpr size_t kMaxIdleCopies = 50;

  // Calls `sink` with all bytes of a file of the distributed file system, in order.
  using Fetch = std::function<absl::Status(
      const std::string& path, const std::function<absl::Status(std::string_view)>& sink)>;

  // `files`, borrowed, reads the copies that are there. What a process before this one was
  // fetching is removed.
  PluginCache(std::string dir, Fetch fetch, FileSystem* files = FileSystem::Real());

  // The path of a local copy, which stays there as long as anybody has this.
  using Copy = std::shared_ptr<const std::string>;
  // DataLoss: what came is not what the job was submitted with.
  absl::StatusOr<Copy> Get(const pb::JobSpec::Plugin& plugin);
  // Of an error of Get: the disk of this machine took no copy. Others are of the file system, and
  // the same on every machine.
  static bool IsOfThisMachine(const absl::Status& status);
  // Whether the copy is good at this moment: reads all of it.
  bool IsIntact(const pb::JobSpec::Plugin& plugin) const;

 private:
  // What tells one state of a file from another.
  struct Stamp {
    uint64_t inode = 0;
    int64_t size = 0;
    int64_t written_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  static Stamp StampOf(const std::string& path);
  struct Entry {
    Stamp checked;  // the state in which its bytes were compared
    uint64_t last_use = 0;
    std::weak_ptr<const std::string> users;
  };

  std::string PathOf(const std::string& hash) const;
  Copy Use(const std::string& hash) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Provide(const pb::JobSpec::Plugin& plugin);
  absl::Status Download(const pb::JobSpec::Plugin& plugin, const std::string& path);
  // All of it, and only if it is what the job was submitted with.
  absl::Status FetchTo(const pb::JobSpec::Plugin& plugin, const std::string& path);
  void RemoveIdleCopies();

  const std::string dir_;
  const Fetch fetch_;
  FileSystem* const files_;
  Mutex mutex_;
  CondVar changed_;
  std::set<std::string> busy_ ABSL_GUARDED_BY(mutex_);  // being checked or fetched
  uint64_t uses_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);  // by hash
};

}  // namespace quern::mr
