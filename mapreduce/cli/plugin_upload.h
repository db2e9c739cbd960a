// Puts what a job brings where workers find it: /.quern/plugins/HASH.so for its plugin, HASH.data
// for a side file, once for all jobs that use it.
#pragma once

#include <string>
#include <vector>

#include "client/file_system.h"
#include "common/clock.h"
#include "common/status.h"
#include "mapreduce/cli/job_spec.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/plan/plugin_info.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// FailedPrecondition: the file is no longer the one that `plugin` was read from. `clock` is
// borrowed for the call.
absl::StatusOr<pb::JobSpec::Plugin> UploadPlugin(const std::vector<std::string>& masters,
                                                 const std::string& local_path,
                                                 const PluginInfo& plugin, Clock* clock);

// Says in the spec which side files there are: those of this machine as file:///...
absl::Status NameSideFiles(SpecFile* file);
// Uploads those of this machine, and finds size and hash of those of the cluster. NotFound names
// the file.
absl::Status UploadSideFiles(const std::vector<std::string>& masters, pb::JobSpec* spec,
                             Clock* clock);

// Fills in what an upload of the plugin and the side files would, and whether all of it is there
// already. Only reads.
absl::StatusOr<bool> FindUploaded(client::FileSystem* dfs, const PluginInfo& plugin,
                                  pb::JobSpec* spec);

}  // namespace quern::mr
