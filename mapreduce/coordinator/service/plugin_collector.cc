#include "mapreduce/coordinator/service/plugin_collector.h"

#include "common/log.h"

namespace quern::mr {

absl::Status CollectPlugins(const StringSet& used, absl::Time now, PublishFiles* files) {
  const auto plugins = files->List(kPluginDir);
  if (plugins.status().code() == absl::StatusCode::kNotFound) return absl::OkStatus();
  RETURN_IF_ERROR(plugins.status());
  for (const PublishFiles::Entry& plugin : *plugins) {
    if (used.contains(plugin.path) || plugin.mtime + kKeepPlugins > now) continue;
    RETURN_IF_ERROR(files->DeleteTree(plugin.path));
    LogInfo("plugin_removed", {{"path", plugin.path}});
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
