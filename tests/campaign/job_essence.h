// What a job leaves behind that must be the same however it was run.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace quern::campaign {

// Where outputs lie: in a cluster, or on this machine.
struct OutputPlace {
  std::string root;  // "/out3": outputs are at root + "", root + "-errors", root + "/top"
  std::function<std::string(const std::string& path)> read;
  // Files below a directory, with the directory before their names.
  std::function<std::vector<std::string>(const std::string& dir)> list;
};

// Of all these outputs: which files there are, what manifests say of parts and of counters that do
// not depend on how records came together, and what is read.
std::string EssenceOf(const OutputPlace& place, const std::vector<std::string>& outputs);

}  // namespace quern::campaign
