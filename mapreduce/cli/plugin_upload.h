// Puts a plugin where workers find it: /.quern/plugins/HASH.so, once for all jobs that use it.
#pragma once

#include <string>
#include <vector>

#include "common/clock.h"
#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/plan/plugin_info.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// `clock` is borrowed for the call.
absl::StatusOr<pb::JobSpec::Plugin> UploadPlugin(const std::vector<std::string>& masters,
                                                 const std::string& local_path,
                                                 const PluginInfo& plugin, Clock* clock);

}  // namespace quern::mr
