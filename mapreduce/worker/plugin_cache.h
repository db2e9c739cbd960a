// Plugins on this machine's disk, by the hash of their bytes; each is fetched from the file system
// once and checked before it gets its name. Thread-safe.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "common/mutex.h"
#include "common/status.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

class PluginCache {
 public:
  // Calls `sink` with all bytes of a file of the distributed file system, in order.
  using Fetch = std::function<absl::Status(
      const std::string& path, const std::function<absl::Status(std::string_view)>& sink)>;

  PluginCache(std::string dir, Fetch fetch) : dir_(std::move(dir)), fetch_(std::move(fetch)) {}

  // Path of the local copy. DataLoss: what came is not what the job was submitted with.
  absl::StatusOr<std::string> Get(const v1::JobSpec::Plugin& plugin);

 private:
  absl::Status Download(const v1::JobSpec::Plugin& plugin, const std::string& path);

  const std::string dir_;
  const Fetch fetch_;
  Mutex mutex_;
  CondVar changed_;
  std::set<std::string> downloading_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::mr
