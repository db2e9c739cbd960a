// Values of a job's [params], checked: what is not understood fails the job at once.
#pragma once

#include <string_view>

#include "mapreduce/api/task_context.h"

// "true" or "false", in any case; false when it is not set.
bool FlagParam(quern::TaskContext& context, std::string_view name);
