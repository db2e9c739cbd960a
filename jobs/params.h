// Values of a job's [params], checked: what is not understood fails the job at once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mapreduce/api/task_context.h"

// "true" or "false", in any case; false when it is not set.
bool FlagParam(quern::TaskContext& context, std::string_view name);

// A whole number from `least` to `most`; that of `fallback` when it is not set.
int64_t NumberParam(quern::TaskContext& context, std::string_view name, std::string_view fallback,
                    int64_t least, int64_t most);

// Items with commas between them, without the blanks around each. An empty list has none where
// `fallback` has none, and fails the job elsewhere: nothing to do is not what was meant.
std::vector<std::string> ListParam(quern::TaskContext& context, std::string_view name,
                                   std::string_view fallback);
