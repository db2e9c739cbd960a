// Values of a job's [params], checked: what is not understood fails the job at once. A parameter
// that is set to nothing is set, and nothing is neither a flag nor a number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mapreduce/api/task_context.h"

// The value as it was set, which lives as long as the task; none when it is not set.
std::optional<std::string_view> ParamIfSet(quern::TaskContext& context, std::string_view name);

// "true" or "false", in any case; `fallback` when it is not set.
bool FlagParam(quern::TaskContext& context, std::string_view name,
               std::string_view fallback = "false");

// A whole number from `least` to `most`; that of `fallback` when it is not set.
int64_t NumberParam(quern::TaskContext& context, std::string_view name, std::string_view fallback,
                    int64_t least, int64_t most);

// A number from `least` to `most`, which has to be set.
double RealParam(quern::TaskContext& context, std::string_view name, double least, double most);

// Any text but an empty one; `fallback` when it is not set.
std::string_view NameParam(quern::TaskContext& context, std::string_view name,
                           std::string_view fallback);

// Items with commas between them, without the blanks around each. An empty list has none where
// `fallback` has none, and fails the job elsewhere: nothing to do is not what was meant.
std::vector<std::string> ListParam(quern::TaskContext& context, std::string_view name,
                                   std::string_view fallback);
