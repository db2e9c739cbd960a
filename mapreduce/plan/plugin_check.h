// Checks the plugin of a job against what its spec names, before anything runs.
#pragma once

#include <map>
#include <string>

#include "client/file_system.h"
#include "common/mutex.h"
#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/plan/plugin_info.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// Fills in class names that were left empty where the plugin has exactly one of the kind (a reducer
// only if `reducer_wanted`), and checks all of them. NotFound and FailedPrecondition name the
// classes there are.
absl::Status ResolveClasses(const PluginInfo& plugin, pb::JobSpec* spec);

// Whether the side files of a job are there and have the sizes that it says. NotFound, DataLoss.
absl::Status CheckSideFiles(client::FileSystem* dfs, const pb::JobSpec& spec);

// Reads plugins from the file system once and remembers what they say of themselves; whether they
// are there it looks each time. Thread-safe.
class PluginChecker {
 public:
  explicit PluginChecker(client::FileSystem* dfs) : dfs_(dfs) {}
  // What the plugin at spec.plugin.path is; NotFound when nothing is there any more, DataLoss when
  // its size or hash are not the spec's.
  absl::StatusOr<PluginInfo> Check(const pb::JobSpec::Plugin& plugin);

 private:
  static constexpr uint64_t kMaxPluginBytes = uint64_t{512} << 20;

  client::FileSystem* const dfs_;
  Mutex mutex_;
  std::map<std::string, PluginInfo> known_ ABSL_GUARDED_BY(mutex_);  // by hash
};

}  // namespace quern::mr
