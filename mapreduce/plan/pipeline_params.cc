#include "mapreduce/plan/pipeline_params.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "common/clean_text.h"
#include "common/cli/cli.h"

namespace quern::mr {
namespace {

constexpr std::string_view kOpen = "${";
constexpr std::string_view kCounter = "counter:";
constexpr size_t kShownBytes = 100;
constexpr size_t kShownCounters = 8;
constexpr std::string_view kUserGroup = "user";

// Of the engine's own counters, most are made by every task; these by some, or only when there is
// something to count.
bool IsOfTheEngine(std::string_view name) {
  for (const std::string_view known :
       {"map_input_records", "map_input_bytes", "map_output_records", "combine_output_records",
        "spilled_records", "reduce_input_groups", "reduce_input_records", "reduce_output_records",
        "map_skipped_records", "reduce_skipped_groups"}) {
    if (name == known) return true;
  }
  return name.starts_with("map_skipped_records: ") || name.starts_with("reduce_skipped_groups: ") ||
         name.starts_with("map_set_aside_") || name.starts_with("named_output_records: ");
}

bool IsCounted(const CounterList& counters, std::string_view name) {
  return std::any_of(counters.begin(), counters.end(),
                     [&](const pb::Counter& counter) { return counter.name() == name; });
}

// "Its counters are a, b. Try: ..."
std::string WhichThereAre(const CounterList& counters, std::string_view name) {
  std::vector<std::string> names;
  for (const pb::Counter& counter : counters) {
    if (counter.group() == kUserGroup) names.push_back(counter.name());
  }
  const std::string near = DidYouMean(name, names);
  const bool too_many = names.size() > kShownCounters;
  if (too_many) names.resize(kShownCounters);
  return fmt::format(
      "{}. Try: {}context.counter(\"{}\") in Start of the job's class, which makes it also where "
      "nothing is counted",
      names.empty()
          ? "it has no counters of its own"
          : fmt::format("its own are {}{}", fmt::join(names, ", "), too_many ? ", ..." : ""),
      near.empty() ? "" : fmt::format("{}, or ", near), CleanLine(name, kShownBytes));
}

// What stands between ${ and }.
absl::StatusOr<ParamReference> ParseReference(std::string_view text, const StringSet& stages) {
  ParamReference reference;
  if (text == "round") {
    reference.is_round = true;
    return reference;
  }
  if (!text.starts_with(kCounter)) {
    return InvalidArgumentError(
        "${{{}}}: is neither ${{round}} nor ${{counter:NAME}} nor ${{counter:STAGE.NAME}}",
        CleanLine(text, kShownBytes));
  }
  std::string_view name = text.substr(kCounter.size());
  reference.first = "0";
  if (const size_t bar = name.find('|'); bar != std::string_view::npos) {
    reference.first = std::string(name.substr(bar + 1));
    name = name.substr(0, bar);
  }
  const size_t dot = name.find('.');
  if (dot != std::string_view::npos && stages.contains(name.substr(0, dot))) {
    reference.stage = std::string(name.substr(0, dot));
    name = name.substr(dot + 1);
  }
  if (name.empty()) {
    return InvalidArgumentError("${{{}}}: names no counter", CleanLine(text, kShownBytes));
  }
  reference.counter = std::string(name);
  return reference;
}

}  // namespace

absl::StatusOr<std::string> ExpandParam(
    std::string_view text, const StringSet& stages,
    const std::function<std::string(const ParamReference&)>& value) {
  std::string out;
  while (true) {
    const size_t open = text.find(kOpen);
    out += text.substr(0, open);
    if (open == std::string_view::npos) return out;
    text.remove_prefix(open + kOpen.size());
    const size_t close = text.find('}');
    if (close == std::string_view::npos) {
      return InvalidArgumentError("${{{}: the closing }} is missing", CleanLine(text, kShownBytes));
    }
    ASSIGN_OR_RETURN(const ParamReference reference, ParseReference(text.substr(0, close), stages));
    out += value(reference);
    text.remove_prefix(close + 1);
  }
}

absl::StatusOr<std::vector<ParamReference>> FindReferences(std::string_view text,
                                                           const StringSet& stages) {
  std::vector<ParamReference> found;
  const auto note = [&found](const ParamReference& reference) {
    found.push_back(reference);
    return std::string();
  };
  RETURN_IF_ERROR(ExpandParam(text, stages, note).status());
  return found;
}

int64_t CounterValue(const CounterList& counters, std::string_view name) {
  int64_t engines = 0;
  for (const pb::Counter& counter : counters) {
    if (counter.name() != name) continue;
    if (counter.group() == kUserGroup) return counter.value();
    engines = counter.value();
  }
  return engines;
}

absl::StatusOr<int64_t> FindCounter(const CounterList& counters, std::string_view name,
                                    std::string_view stage) {
  const bool maps_ran = IsCounted(counters, "map_input_records");
  if (!maps_ran || IsCounted(counters, name) || IsOfTheEngine(name)) {
    return CounterValue(counters, name);
  }
  return NotFoundError("counter {}: no task of stage {} {}{}", CleanLine(name, kShownBytes), stage,
                       kNobodyMadeIt, WhichThereAre(counters, name));
}

}  // namespace quern::mr
