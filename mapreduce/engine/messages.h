// The messages of proto/quern/mr/v1/ are pb:: in all of mapreduce/, as those of proto/quern/dfs/v1/
// are in the file system's servers.
#pragma once

namespace quern::mr {

namespace v1 {}
namespace pb = v1;

}  // namespace quern::mr
