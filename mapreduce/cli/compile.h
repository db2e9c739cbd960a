// Turns one source file of mapper and reducer classes into a plugin: `mr run my_job.cc /in /out`.
#pragma once

#include <string>

#include "common/status.h"

namespace quern::mr {

// Path of the shared object. Kept under ~/.cache/quern by the source's path and the flags, and used
// again as long as the source and every header that was read for it have the same contents
// (build_record.h). The compiler is $CXX, which may have words of its own, else c++.
// InvalidArgument when it does not compile; what the compiler said is on stderr already.
absl::StatusOr<std::string> CompileJob(const std::string& source);

// Where "mapreduce/api/mapreduce.h" is found: beside this binary when installed, else in the source
// tree that it was built from. NotFound.
absl::StatusOr<std::string> FindIncludeDir();

// The directory of this binary.
std::string BinaryDir();

}  // namespace quern::mr
