// What --overwrite may replace: the output of an earlier job, and nothing that this one reads.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "client/file_system.h"
#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/plan/split_planner.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// Of all outputs of the job, each directory once, the main one first.
std::vector<std::string> OutputPaths(const pb::JobSpec& spec);

// What lies where the output is to go.
struct ExistingOutput {
  bool is_directory = false;
  std::vector<std::string> names = {};     // of what is right in it
  std::string manifest = {};               // text of its _MANIFEST.json; empty when it has none
  std::set<std::string> directories = {};  // those of the names that are directories
};
// What is at a path; NotFound when nothing is.
using LookAt = std::function<absl::StatusOr<ExistingOutput>(const std::string& path)>;

// Whether something is there. OK for an empty directory, and for one with nothing in it but what
// its manifest says that jobs have left there; directories that it lists are outputs with manifests
// of their own, or hold such. FailedPrecondition names what would be lost.
absl::StatusOr<bool> CheckReplaceable(const std::string& path, const LookAt& look);
// FailedPrecondition when an input file is, or lies below, `output`.
absl::Status CheckNoInputBelow(std::string_view output, const std::vector<SplitInput>& inputs);
// The same of a side file of the job, which is used where it lies.
absl::Status CheckNoSideFileBelow(std::string_view output, const pb::JobSpec& job);

// The same of a path in the cluster or on this machine (file:///...). Asked at the submission, and
// again before anything is replaced: somebody may have put something there since.
// AlreadyExists: there is, and `overwrite` is false. FailedPrecondition as CheckReplaceable.
absl::StatusOr<bool> CheckOutputPath(client::FileSystem* dfs, const std::string& path,
                                     bool overwrite);

}  // namespace quern::mr
