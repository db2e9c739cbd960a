// The files that an input of a job names, with the places of their data.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/file_system.h"
#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/plan/split_planner.h"
#include "quern/mr/v1/pipelines.pb.h"

namespace quern::mr {

// ReadableFile::id of a file of the cluster.
std::string ClusterFileId(const client::FileStatus& status);

// The path of an input may be a path, a glob or a directory; directories are taken with everything
// below them. Each file is taken once, however many matches lead to it. Names that begin with '_'
// or '.' are left out unless the pattern's last part begins so itself: who asks for one by name
// gets it. file:///... names the machine that asks. Files come in byte order of their paths.
// NotFound when nothing matches.
absl::StatusOr<std::vector<InputFile>> FindInputFiles(client::FileSystem* dfs,
                                                      const pb::JobSpec::Input& input,
                                                      uint64_t split_bytes);

// What to do about files of a format that is not installed where there are others beside them:
// "; or leave the 2 such files out, as '/in/*.jsonl' does", where one pattern leaves out those and
// no others. Empty where all are such.
std::string LeaveOutAdvice(const std::vector<InputFile>& files, const InputFormat& format);

// FailedPrecondition, with the name of a file, when this installation lacks what its format needs.
absl::Status CheckFormatsInstalled(const std::vector<InputFile>& files);

// All files that a stage of a pipeline reads at users' paths, whichever of its rounds it is.
absl::StatusOr<std::vector<SplitInput>> FindStageInputs(client::FileSystem* dfs,
                                                        const pb::PipelineStage& stage);

}  // namespace quern::mr
