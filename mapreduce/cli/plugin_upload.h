// Puts what a job brings where workers find it: /.quern/plugins/HASH.so for its plugin, HASH.data
// for a side file, once for all jobs that use it.
#pragma once

#include <cstdint>
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
void NameSideFiles(SpecFile* file);
// NotFound names the first that is to be on this machine and is not.
absl::Status CheckLocalSideFiles(const pb::JobSpec& spec);
// The length of a side file as the spec names it, without reading it. NotFound names it.
absl::StatusOr<uint64_t> SideFileBytes(client::FileSystem* dfs, const std::string& path);
// How a side file begins, for CheckKindsOfFiles: of one of this machine, and with `masters` one of
// the cluster too.
ReadFileStart StartsOfSideFiles(const std::vector<std::string>& masters, Clock* clock);
// InvalidArgument: it is too large to be brought to workers.
absl::Status CheckSideFileBytes(const std::string& path, uint64_t bytes);
// Uploads those of this machine, and finds size and hash of those of the cluster. NotFound names
// the file.
absl::Status UploadSideFiles(const std::vector<std::string>& masters, pb::JobSpec* spec,
                             Clock* clock);

// Fills in what an upload of the plugin and the side files would, and whether all of it is there
// already. Only reads.
absl::StatusOr<bool> FindUploaded(client::FileSystem* dfs, const PluginInfo& plugin,
                                  pb::JobSpec* spec);

}  // namespace quern::mr
