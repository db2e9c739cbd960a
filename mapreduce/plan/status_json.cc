#include "mapreduce/plan/status_json.h"

#include <absl/time/time.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mapreduce/engine/state_name.h"

namespace quern::mr {
namespace {

JsonLine PhaseJson(const pb::JobStatus::Phase& phase) {
  JsonLine json;
  json.Add("total", phase.total())
      .Add("done", phase.done())
      .Add("running", phase.running())
      .Add("failed_attempts", phase.failed_attempts())
      .Add("rerun", phase.rerun())
      .Add("node_local", phase.node_local())
      .Add("rack_local", phase.rack_local())
      .Add("remote", phase.remote());
  return json;
}

std::string Rfc3339(int64_t millis) {
  return millis == 0 ? ""
                     : absl::FormatTime(absl::RFC3339_full, absl::FromUnixMillis(millis),
                                        absl::UTCTimeZone());
}

JsonLine CountersJson(const google::protobuf::RepeatedPtrField<pb::Counter>& counters) {
  JsonLine json;
  for (const pb::Counter& counter : counters) {
    json.Add(fmt::format("{}.{}", counter.group(), counter.name()), counter.value());
  }
  return json;
}

std::vector<JsonLine> StagesJson(const pb::JobStatus& status) {
  std::vector<JsonLine> lines;
  for (const pb::JobStatus::Stage& stage : status.stages()) {
    JsonLine& line = lines.emplace_back();
    line.Add("stage", stage.name())
        .Add("state", StateName(stage.state()))
        .Add("rounds", stage.rounds())
        .Add("max_rounds", stage.max_rounds())
        .Add("job", stage.job_id())
        .Add("started_ms", stage.started_ms())
        .Add("finished_ms", stage.finished_ms())
        .Add("output_path", stage.output_path())
        .Add("counters", CountersJson(stage.counters()));
  }
  return lines;
}

}  // namespace

JsonLine FailureJson(const pb::AttemptFailure& failure) {
  JsonLine json;
  json.Add("message", failure.message());
  if (failure.in_record()) {
    json.Add("record_source", failure.record_source())
        .Add("record_position", failure.record_position());
  }
  json.Add("signal", failure.signal()).Add("environment", failure.environment());
  json.Add("log_tail", failure.log_tail());
  return json;
}

JsonLine JobJson(const pb::JobStatus& status) {
  JsonLine json;
  json.Add("job", status.job_id())
      .Add("name", status.name())
      .Add("user", status.user())
      .Add("state", StateName(status.state()))
      .Add("reason", status.reason())
      .Add("waits", status.waits())
      .Add("submitted", Rfc3339(status.submitted_ms()))
      .Add("submitted_ms", status.submitted_ms())
      .Add("started_ms", status.started_ms())
      .Add("finished_ms", status.finished_ms())
      .Add("map", PhaseJson(status.map()))
      .Add("reduce", PhaseJson(status.reduce()))
      .Add("input_bytes", status.input_bytes())
      .Add("shuffle_bytes", status.shuffle_bytes())
      .Add("output_bytes", status.output_bytes())
      .Add("output_path", status.output_path())
      .Add("command", status.command());
  JsonLine outputs;
  for (const pb::JobStatus::NamedOutput& output : status.named_outputs()) {
    outputs.Add(output.name(), output.path());
  }
  json.Add("named_outputs", outputs);
  json.Add("counters", CountersJson(status.counters()));
  if (status.has_failure()) json.Add("failure", FailureJson(status.failure()));
  if (!status.stages().empty()) json.Add("stages", StagesJson(status));
  if (!status.pipeline_id().empty()) json.Add("pipeline", status.pipeline_id());
  return json;
}

namespace {

constexpr std::string_view kWarningMark = "WARNING: ";

// Where the place of a text says already what it is.
std::string WithoutMark(std::string_view text) {
  if (text.starts_with(kWarningMark)) text.remove_prefix(kWarningMark.size());
  return std::string(text);
}

// Nobody has asked for these to be left out: damage, or a wrong format.
std::string UnreadText(const google::protobuf::RepeatedPtrField<pb::Counter>& counters) {
  constexpr std::string_view kUnread = "map_set_aside_";
  std::map<std::string, int64_t> reasons;
  int64_t total = 0;
  for (const pb::Counter& counter : counters) {
    if (counter.group() != "quern" || !counter.name().starts_with(kUnread)) continue;
    reasons[counter.name().substr(kUnread.size())] += counter.value();
    total += counter.value();
  }
  if (total == 0) return "";
  std::string why;
  for (const auto& [reason, places] : reasons) {
    why += fmt::format("{}{} {}", why.empty() ? "" : ", ", reason, places);
  }
  return fmt::format("WARNING: {} place{} of the input could not be read and {} passed over ({})",
                     total, total == 1 ? "" : "s", total == 1 ? "was" : "were", why);
}

using Counters = google::protobuf::RepeatedPtrField<pb::Counter>;
using CounterNames = google::protobuf::RepeatedPtrField<std::string>;

// Of user code, in the order in which they are named, without those that have counted nothing.
std::vector<std::pair<std::string, int64_t>> Counted(const Counters& counters,
                                                     const CounterNames& names) {
  std::vector<std::pair<std::string, int64_t>> counted;
  for (const std::string& name : names) {
    int64_t total = 0;
    for (const pb::Counter& counter : counters) {
      if (counter.group() == "user" && counter.name() == name) total += counter.value();
    }
    if (total > 0) counted.emplace_back(name, total);
  }
  return counted;
}

int64_t TotalOf(const std::vector<std::pair<std::string, int64_t>>& counted) {
  int64_t total = 0;
  for (const auto& [name, records] : counted) total += records;
  return total;
}

// Where what is no document is more than what is one: a field of another name, or files of another
// format among the others, each line of which counts. A few are in every crawl.
std::string MostlyUnreadText(const Counters& counters,
                             const pb::JobSpec::CounterMeanings& meanings) {
  const auto unread = Counted(counters, meanings.unread());
  const int64_t read = TotalOf(Counted(counters, meanings.read()));
  if (unread.empty() || TotalOf(unread) <= read) return "";
  std::string what;
  for (const auto& [name, records] : unread) {
    what += fmt::format("{}{} {}", what.empty() ? "" : ", ", name, records);
  }
  if (read == 0) {
    return fmt::format(
        "WARNING: the input has not one document ({}). Try: --format, or the field with the text",
        what);
  }
  return fmt::format(
      "WARNING: most of the input is no document ({}), {} {}. Try: an input without the files of "
      "another format, --format, or the field with the text",
      what, read, read == 1 ? "is" : "are");
}

// An output of nothing, or of little, that came of a wrong format, a wrong field or a wrong
// threshold.
std::string NothingLeftText(const Counters& counters,
                            const pb::JobSpec::CounterMeanings& meanings) {
  if (const std::string text = MostlyUnreadText(counters, meanings); !text.empty()) return text;
  const int64_t rejected = TotalOf(Counted(counters, meanings.rejected()));
  if (rejected == 0 || !Counted(counters, meanings.kept()).empty()) return "";
  return fmt::format("WARNING: none of {} document{} was kept", rejected, rejected == 1 ? "" : "s");
}

// Whether a map has had anything, be it that it was set aside. Where there is nothing to read no
// map runs.
bool HasRead(const Counters& counters) {
  return std::any_of(counters.begin(), counters.end(), [](const pb::Counter& counter) {
    return counter.group() == "quern" && counter.value() > 0 && counter.name().starts_with("map_");
  });
}

void AddWarnings(std::string_view stage, const Counters& counters,
                 const pb::JobSpec::CounterMeanings& meanings, std::vector<std::string>* warnings) {
  for (const std::string& text : {UnreadText(counters), NothingLeftText(counters, meanings)}) {
    if (text.empty()) continue;
    warnings->push_back(stage.empty() ? WithoutMark(text)
                                      : fmt::format("{}: {}", stage, WithoutMark(text)));
  }
}

}  // namespace

std::string NothingReadText(const pb::JobStatus& status) {
  if (status.state() != pb::JOB_STATE_SUCCEEDED || HasRead(status.counters())) return "";
  for (const pb::JobStatus::Stage& stage : status.stages()) {
    // What one has read that was not needed this time, nobody knows.
    const bool unknown = stage.state() == pb::JobStatus::Stage::STATE_NOT_NEEDED;
    if (unknown || HasRead(stage.counters())) return "";
  }
  return fmt::format(
      "WARNING: nothing was read: no file of the input has a byte in it{}. Try: another input; "
      "names that begin with '_' or '.' are passed over",
      status.command().empty() ? "" : fmt::format(" ({})", status.command()));
}

JsonLine JobEndJson(const pb::JobStatus& status) {
  std::vector<std::string> warnings;
  if (const std::string text = NothingReadText(status); !text.empty()) {
    warnings.push_back(WithoutMark(text));
  }
  AddWarnings("", status.counters(), status.counter_meanings(), &warnings);
  for (const pb::JobStatus::Stage& stage : status.stages()) {
    AddWarnings(stage.name(), stage.counters(), stage.counter_meanings(), &warnings);
  }
  JsonLine json = JobJson(status);
  json.Add("warnings", warnings);
  return json;
}

std::string WarningText(const google::protobuf::RepeatedPtrField<pb::Counter>& counters,
                        const pb::JobSpec::CounterMeanings& meanings) {
  std::string text = UnreadText(counters);
  const std::string nothing_left = NothingLeftText(counters, meanings);
  if (!nothing_left.empty()) text += fmt::format("{}{}", text.empty() ? "" : ". ", nothing_left);
  return text;
}

std::string SetAsideText(const google::protobuf::RepeatedPtrField<pb::Counter>& counters,
                         const pb::JobSpec::CounterMeanings& meanings) {
  std::string text;
  const std::pair<std::string_view, std::string_view> kinds[] = {
      {"map_skipped_records", "record"}, {"reduce_skipped_groups", "group"}};
  for (const auto& [kind, what] : kinds) {
    const std::string reason = fmt::format("{}: ", kind);
    int64_t total = 0;
    std::string why;
    for (const pb::Counter& counter : counters) {
      if (counter.group() != "quern") continue;
      if (counter.name() == kind) total = counter.value();
      if (!counter.name().starts_with(reason)) continue;
      why += fmt::format("{}{} {}", why.empty() ? "" : ", ", counter.name().substr(reason.size()),
                         counter.value());
    }
    if (total == 0) continue;
    text += fmt::format("{}{} {}{} set aside", text.empty() ? "" : ", ", total, what,
                        total == 1 ? "" : "s");
    if (!why.empty()) text += fmt::format(" ({})", why);
  }
  const std::string warning = WarningText(counters, meanings);
  if (!warning.empty()) text += fmt::format("{}{}", text.empty() ? "" : ". ", warning);
  return text;
}

}  // namespace quern::mr
