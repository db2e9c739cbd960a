#include "mapreduce/plan/pipeline_params.h"

#include <utility>

#include "common/clean_text.h"

namespace quern::mr {
namespace {

constexpr std::string_view kOpen = "${";
constexpr std::string_view kCounter = "counter:";
constexpr size_t kShownBytes = 100;

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

int64_t CounterValue(const google::protobuf::RepeatedPtrField<pb::Counter>& counters,
                     std::string_view name) {
  int64_t engines = 0;
  for (const pb::Counter& counter : counters) {
    if (counter.name() != name) continue;
    if (counter.group() == "user") return counter.value();
    engines = counter.value();
  }
  return engines;
}

}  // namespace quern::mr
