// Printed forms of jobs, pipelines, tasks and attempts: job-20261122-0001, m-00017, m-00017.1,
// part-r-00003.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// Below the directory of an attempt: the job's side files, by name.
inline constexpr char kSideFileDir[] = "files";

// Below the directory of a task that is debugged: what a check has found (text).
inline constexpr char kFaultNoteName[] = "fault";

// "job-20261122-0001"; the day is UTC, "20261122", `number` counts that day's jobs from 1.
std::string FormatJobId(std::string_view day, uint32_t number);
// True for that form: such an id is safe as a part of a path.
bool IsJobId(std::string_view text);
// "pipeline-20261122-0001", likewise.
std::string FormatPipelineId(std::string_view day, uint32_t number);
// True for what can only be the id of a pipeline, in its right form or not.
bool IsPipelineId(std::string_view id);

// "m-00017": m = map, r = reduce, s = sample; 0-based.
std::string FormatTask(pb::TaskKind kind, uint32_t task);
// "m-00017.1": 0-based number of the attempt.
std::string FormatAttempt(const pb::AttemptId& id);

// "job-20261122-0001 m-00017.1": one name among the attempts of all jobs.
std::string AttemptKey(const pb::AttemptId& id);

struct TaskName {
  pb::TaskKind kind = pb::TASK_KIND_UNSPECIFIED;
  uint32_t task = 0;
  std::optional<uint32_t> attempt;
};
// "m-17", "m-00017", "r-3.1". InvalidArgument for anything else.
absl::StatusOr<TaskName> ParseTaskName(std::string_view text);

// Name of a task's output file: "part-r-00003", "part-m-00017".
std::string FormatPart(pb::TaskKind kind, uint32_t task);
// The same with the extension ("part-r-00003.zst") of the file that an attempt has written to
// `path`; without one when the path does not end so.
std::string PublishedPart(pb::TaskKind kind, uint32_t task, std::string_view path);

}  // namespace quern::mr
