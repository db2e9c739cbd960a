// Plugins and side files of jobs on this machine's disk, by the hash of their bytes.
//
// A copy is used only after its bytes were compared with the hash by this process, and again when
// the file has changed since; one that differs (a power cut tears what was not synced, and nothing
// is synced here) is fetched again. The least recently used are removed beyond a number of copies.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "common/mutex.h"
#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

class PluginCache {
 public:
  static constexpr size_t kMaxCopies = 50;

  // Calls `sink` with all bytes of a file of the distributed file system, in order.
  using Fetch = std::function<absl::Status(
      const std::string& path, const std::function<absl::Status(std::string_view)>& sink)>;

  PluginCache(std::string dir, Fetch fetch) : dir_(std::move(dir)), fetch_(std::move(fetch)) {}

  // Path of the local copy. DataLoss: what came is not what the job was submitted with.
  absl::StatusOr<std::string> Get(const pb::JobSpec::Plugin& plugin);
  // Whether the copy is good at this moment: reads all of it.
  bool IsIntact(const pb::JobSpec::Plugin& plugin) const;

 private:
  // What tells one state of a file from another.
  struct Stamp {
    uint64_t inode = 0;
    int64_t size = 0;
    int64_t changed_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  static Stamp StampOf(const std::string& path);

  std::string PathOf(const std::string& hash) const;
  absl::Status Provide(const pb::JobSpec::Plugin& plugin);
  absl::Status Download(const pb::JobSpec::Plugin& plugin, const std::string& path);
  void RemoveOldCopies();

  const std::string dir_;
  const Fetch fetch_;
  Mutex mutex_;
  CondVar changed_;
  std::set<std::string> busy_ ABSL_GUARDED_BY(mutex_);  // being checked or fetched
  std::map<std::string, Stamp> checked_ ABSL_GUARDED_BY(mutex_);
  uint64_t uses_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, uint64_t> last_use_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::mr
