// Ids of new jobs and pipelines, each with a directory of its own.
//
// The journal knows which ids are given out; a coordinator that has lost its disk begins to count
// anew, and what it then finds under an id is of the lost one, whose workers may still write there.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/coordinator/service/publisher.h"

namespace quern::mr {

// Another id at each call, never one of `taken`.
using NextId = std::function<std::string(const std::vector<std::string>& taken)>;

// The first id under which nothing was in `parent`; now its directory is there. Where something is,
// the directory is listed, once for however much there is. Ids are alike but for their numbers at
// the end.
absl::StatusOr<std::string> MakeNewDirectory(std::string_view parent, const NextId& next_id,
                                             PublishFiles* files);

}  // namespace quern::mr
