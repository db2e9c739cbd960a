// `mr new`: a job of one's own to begin with.
#pragma once

#include <map>
#include <string>

#include "common/status.h"

namespace quern::mr {

// File name -> contents: a job, its spec, its test, and a CMakeLists.txt that finds Quern where it
// is installed. InvalidArgument for a name that is no name of a CMake target and a file.
absl::StatusOr<std::map<std::string, std::string>> MakeProject(const std::string& name);

}  // namespace quern::mr
