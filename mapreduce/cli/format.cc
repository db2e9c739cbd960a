#include "mapreduce/cli/format.h"

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "mapreduce/cli/coordinator_client.h"
#include "mapreduce/cli/pipeline_format.h"
#include "mapreduce/engine/state_name.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/plan/pipeline_params.h"
#include "mapreduce/plan/status_json.h"

namespace quern::mr {
namespace {

constexpr size_t kMaxLineBytes = 16 << 10;

absl::Duration Length(int64_t started_ms, int64_t finished_ms, absl::Time now) {
  const absl::Time end = finished_ms == 0 ? now : absl::FromUnixMillis(finished_ms);
  return end - absl::FromUnixMillis(started_ms);
}

std::string PhaseText(const pb::JobStatus::Phase& phase) {
  return fmt::format("{} ({}/{})", PercentDone(phase), phase.done(), phase.total());
}

// "  | line" for each line.
std::string Indent(const std::string& text) {
  std::string out;
  for (const std::string& line : SplitList(text, '\n')) out += "  | " + line + "\n";
  return out;
}

}  // namespace

std::string OneLine(std::string_view text) { return CleanLine(text, kMaxLineBytes); }

std::string PercentDone(const pb::JobStatus::Phase& phase) {
  if (phase.total() == 0) return "-";
  return fmt::format("{:.0f}%", 100 * phase.progress() / phase.total());
}

std::string TimeText(int64_t millis) {
  if (millis == 0) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixMillis(millis), absl::LocalTimeZone());
}

std::string LengthText(int64_t started_ms, int64_t finished_ms, absl::Time now) {
  return started_ms == 0 ? "-" : HumanDuration(Length(started_ms, finished_ms, now));
}

std::string WaitText(const pb::JobStatus& status) {
  return status.waits().empty() ? "" : fmt::format(", waits: {}", OneLine(status.waits()));
}

std::string ProgressLine(const pb::JobStatus& status) {
  if (IsPipeline(status)) return PipelineProgressLine(status);
  std::string text =
      fmt::format("{} {}: {}", status.job_id(), OneLine(status.name()), StateName(status.state()));
  if (status.map().total() > 0) text += ", map " + PhaseText(status.map());
  if (status.reduce().total() > 0) text += ", reduce " + PhaseText(status.reduce());
  text += fmt::format(", {} running", status.map().running() + status.reduce().running());
  const uint32_t failed = status.map().failed_attempts() + status.reduce().failed_attempts();
  if (failed > 0) text += fmt::format(", {} failed attempt{}", failed, failed == 1 ? "" : "s");
  const uint32_t rerun = status.map().rerun();
  if (rerun > 0) text += fmt::format(", {} map{} run again", rerun, rerun == 1 ? "" : "s");
  return text + WaitText(status);
}

std::string SetAsideLine(const pb::JobStatus& status) {
  std::string text = OneLine(SetAsideText(status.counters(), status.counter_meanings()));
  for (const pb::JobStatus::Stage& stage : status.stages()) {
    const std::string of_stage = SetAsideText(stage.counters(), stage.counter_meanings());
    if (of_stage.empty()) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", stage.name(), OneLine(of_stage));
  }
  return text;
}

std::string WarningLine(const pb::JobStatus& status) {
  std::string text = OneLine(WarningText(status.counters(), status.counter_meanings()));
  for (const pb::JobStatus::Stage& stage : status.stages()) {
    const std::string of_stage = WarningText(stage.counters(), stage.counter_meanings());
    if (of_stage.empty()) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", stage.name(), OneLine(of_stage));
  }
  if (const std::string nothing = OneLine(NothingReadText(status)); !nothing.empty()) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", nothing);
  }
  if (text.empty()) return "";
  return fmt::format("{} {}: {}", status.job_id(), OneLine(status.name()), text);
}

namespace {

// As the end of a sentence about the output.
std::string SetAsideOf(const pb::JobStatus& status) {
  const std::string line = SetAsideLine(status);
  const std::string nothing = NothingReadText(status);
  std::string text;
  if (!line.empty()) text = (line.starts_with("WARNING") ? ". " : ", ") + line;
  if (!nothing.empty()) text += ". " + OneLine(nothing);
  return text;
}

}  // namespace

std::string EndLine(const pb::JobStatus& status, absl::Time now) {
  std::string text =
      fmt::format("{} {}: {}", status.job_id(), OneLine(status.name()), StateName(status.state()));
  text += fmt::format(" after {}", LengthText(status.submitted_ms(), status.finished_ms(), now));
  if (status.state() != pb::JOB_STATE_SUCCEEDED) return text;
  if (IsPipeline(status)) {
    text += fmt::format(", output in {}", OneLine(status.output_path()));
    return text + SetAsideOf(status);
  }
  text += fmt::format(": {} in", FormatBinarySize(status.input_bytes()));
  if (status.reduce().total() > 0) {
    text += fmt::format(", {} shuffled", FormatBinarySize(status.shuffle_bytes()));
  }
  text += fmt::format(", {} out to {}", FormatBinarySize(status.output_bytes()),
                      OneLine(status.output_path()));
  for (const pb::JobStatus::NamedOutput& output : status.named_outputs()) {
    text += fmt::format(", {} to {}", output.name(), OneLine(output.path()));
  }
  return text + SetAsideOf(status);
}

std::string KillText(const pb::JobStatus& status) {
  const std::string state = StateName(status.state());
  if (HasEnded(status)) return state;
  if (status.state() != pb::JOB_STATE_COMMITTING) return fmt::format("{}, is being stopped", state);
  return fmt::format("{}, ends as KILLED unless its output appears first", state);
}

std::string FailureText(const pb::JobStatus& status) {
  std::string text = status.reason() + "\n";
  if (!status.failure().log_tail().empty()) {
    text += "last lines of its log:\n" + Indent(status.failure().log_tail());
  }
  if (IsPipeline(status)) {
    // Run again as it was, it would come as far; what goes further stands in the reason.
    if (status.reason().find(".repeat.max=") != std::string::npos) return text;
    if (status.reason().find(kNobodyMadeIt) != std::string::npos) {
      return text +
             "Try: mr run with the corrected pipeline, which takes what has not changed; a rerun "
             "is "
             "as it was\n";
    }
    return text + fmt::format("Try: mr status {}, then mr rerun {} --resume\n", status.job_id(),
                              status.job_id());
  }
  if (status.state() == pb::JOB_STATE_FAILED) {
    text += fmt::format("Try: mr logs {} --errors\n", status.job_id());
  }
  return text;
}

std::string NoAnswerLine(const pb::JobStatus& status) {
  const pb::AttemptFailure& failure = status.failure();
  const bool says_so = status.state() == pb::JOB_STATE_FAILED && failure.ends_job();
  return says_so ? OneLine(failure.message()) : "";
}

std::string CounterText(const pb::JobStatus& status, bool all) {
  std::string text;
  for (const pb::Counter& counter : status.counters()) {
    if (!all && counter.group() != "user") continue;
    text += fmt::format("  {}.{} = {}\n", counter.group(), counter.name(), counter.value());
  }
  for (const pb::JobStatus::Stage& stage : status.stages()) {
    for (const pb::Counter& counter : stage.counters()) {
      if (!all && counter.group() != "user") continue;
      text += fmt::format("  {}: {}.{} = {}\n", stage.name(), counter.group(), counter.name(),
                          counter.value());
    }
  }
  return text;
}

JsonLine AttemptJson(const pb::TaskAttemptStatus& attempt) {
  JsonLine json;
  json.Add("attempt", FormatAttempt(attempt.id()))
      .Add("state", StateName(attempt.state()))
      .Add("worker", attempt.worker())
      .Add("node", attempt.node())
      .Add("locality", attempt.locality())
      .Add("started_ms", attempt.started_ms())
      .Add("finished_ms", attempt.finished_ms())
      .Add("input_bytes", attempt.progress().input_bytes())
      .Add("input_records", attempt.progress().input_records())
      .Add("output_bytes", attempt.progress().output_bytes())
      .Add("output_records", attempt.progress().output_records())
      .Add("phase", attempt.progress().phase())
      .Add("status", attempt.progress().status());
  if (attempt.has_failure()) json.Add("failure", FailureJson(attempt.failure()));
  return json;
}

}  // namespace quern::mr
