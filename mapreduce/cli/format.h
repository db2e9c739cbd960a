// How `mr` shows jobs and attempts for people; attempts as JSON, too (jobs: plan/status_json.h).
#pragma once

#include <absl/time/time.h>

#include <string>
#include <string_view>

#include "common/cli/json_line.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/jobs.pb.h"

namespace quern::mr {

// What users named or wrote, as a part of one line: control characters are escaped.
std::string OneLine(std::string_view text);
// "42%"; "-" for a phase without tasks.
std::string PercentDone(const pb::JobStatus::Phase& phase);
// "2026-11-22 20:58:01" in local time; "-" for 0.
std::string TimeText(int64_t millis);
// From start to end, or until `now`; "-" before the start.
std::string LengthText(int64_t started_ms, int64_t finished_ms, absl::Time now);

// ", waits: no worker is there. Try: mr workers"; empty when nothing keeps it from running.
std::string WaitText(const pb::JobStatus& status);
// "job-1 wordcount: map 42% (3/8), reduce 0% (0/2), 2 running, 1 failed attempt".
std::string ProgressLine(const pb::JobStatus& status);
// What of its input a job or the stages of a pipeline have left out, in one line; empty for
// nothing.
std::string SetAsideLine(const pb::JobStatus& status);
// The warnings among that, in one line that names the job or pipeline; empty for none.
std::string WarningLine(const pb::JobStatus& status);
// The end of a job, or how it stands `now`, in one line, without its cause.
std::string EndLine(const pb::JobStatus& status, absl::Time now);
// How a job stands after it was to be killed. One that is being published may end in either way,
// and tasks or stages may take longer to stop than anybody has waited.
std::string KillText(const pb::JobStatus& status);
// Why it failed: cause, record, last lines of the log, what to do next. Several lines.
std::string FailureText(const pb::JobStatus& status);
// Of a job that was to answer and has ended itself by what its user code said: that alone, in one
// line. Empty where it failed in any other way.
std::string NoAnswerLine(const pb::JobStatus& status);
// Counters, one "group.name = value" per line; only the user's unless `all`.
std::string CounterText(const pb::JobStatus& status, bool all);

JsonLine AttemptJson(const pb::TaskAttemptStatus& attempt);

}  // namespace quern::mr
