// Removes plugins from the file system that no job has used for a long time. `mr` makes those new
// again that it finds there, so that none is removed between its submission and its job.
#pragma once

#include <absl/time/time.h>

#include "common/status.h"
#include "common/strings.h"
#include "mapreduce/coordinator/service/publisher.h"

namespace quern::mr {

inline constexpr char kPluginDir[] = "/.quern/plugins";
inline constexpr absl::Duration kKeepPlugins = absl::Hours(7 * 24);

// Keeps those whose paths are in `used`, and those younger than kKeepPlugins.
absl::Status CollectPlugins(const StringSet& used, absl::Time now, PublishFiles* files);

}  // namespace quern::mr
