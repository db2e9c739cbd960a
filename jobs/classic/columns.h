// Lines of columns between tabs.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "mapreduce/api/mapreduce.h"

namespace quern::classic {

// The number-th column (from 1); nothing when the line has fewer.
std::optional<std::string_view> Column(std::string_view line, size_t number);

// A parameter that is the number of a column, from 1.
size_t ColumnParam(TaskContext& context, std::string_view name, std::string_view fallback);

// Fails the job when there are lines and none of them is an edge: what comes out of them would look
// like that of a graph without any. How many there are of each kind say the parameters
// lines_that_are_edges and lines_that_are_no_edges, which a pipeline fills in.
void CheckThatThereAreEdges(TaskContext& context);

}  // namespace quern::classic
