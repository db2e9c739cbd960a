// How a JobExplanation is shown.
#include <fmt/ranges.h>

#include <algorithm>

#include "common/cli/cli.h"
#include "common/cli/table.h"
#include "mapreduce/cli/format.h"
#include "mapreduce/cli/job_explainer.h"
#include "mapreduce/plan/pipeline_rules.h"

namespace quern::mr {
namespace {

std::string Count(uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

uint64_t SplitBytesOf(const pb::Split& split) {
  uint64_t bytes = 0;
  for (const pb::InputPiece& piece : split.pieces()) bytes += piece.length();
  return bytes;
}

// "text", or "mixed (jsonl 3, warc 12)".
std::string FormatText(const JobExplanation::Input& input) {
  std::vector<std::string> formats;
  for (const auto& [format, files] : input.files_of) {
    formats.push_back(fmt::format("{} {}", format, files));
  }
  return formats.empty() ? input.format
                         : fmt::format("{} ({})", input.format, fmt::join(formats, ", "));
}

std::string ReduceText(const JobExplanation& plan) {
  const pb::JobSpec::Reduce& reduce = plan.spec.reduce();
  if (reduce.has_tasks() && reduce.tasks() == 0) return "none: map only";
  std::string text = reduce.has_tasks() ? Count(reduce.tasks(), "task")
                     : plan.size_is_known()
                         ? "as many tasks as the cluster decides"
                         : "as many tasks as the size of its input then calls for";
  text += fmt::format(", class {}", reduce.reducer().empty() ? "?" : reduce.reducer());
  if (!reduce.combiner().empty()) text += fmt::format(", combiner {}", reduce.combiner());
  text += fmt::format(", partitioner {}", reduce.partitioner());
  if (reduce.group() > 0)
    text += fmt::format(", grouped by {} of a key", Count(reduce.group(), "part"));
  return text;
}

// What only lies between stages is not kept in as many copies as what is published.
bool IsBetweenStages(const JobExplanation& plan) {
  const auto& named = plan.spec.outputs();
  return !plan.stage.empty() && plan.spec.output().path().empty() &&
         std::all_of(named.begin(), named.end(),
                     [](const auto& one) { return one.output().path().empty(); });
}

std::string ReplicationText(const pb::JobSpec::Output& output, bool between_stages) {
  if (between_stages) return fmt::format("replication {} at most", kCopiesBetweenStages);
  return output.replication() > 0 ? fmt::format("replication {}", output.replication())
                                  : "replication of the cluster";
}

std::string OutputText(const pb::JobSpec::Output& output, bool between_stages) {
  std::string text = fmt::format(
      "{}  {}", output.path().empty() ? "(between stages only)" : OneLine(output.path()),
      output.format());
  if (output.codec() != "none") text += fmt::format(", {}", output.codec());
  text += ", " + ReplicationText(output, between_stages);
  if (!output.files().empty()) text += fmt::format(", files {}", OneLine(output.files()));
  return text;
}

std::string LimitsText(const pb::JobSpec::Limits& limits) {
  return fmt::format("memory {}, attempts {}, timeout {}{}",
                     FormatBinarySize(limits.memory_bytes()), limits.attempts(),
                     absl::FormatDuration(absl::Milliseconds(limits.timeout_ms())),
                     limits.skip_bad_records() ? ", skips bad records" : "");
}

std::string PlacesText(const JobExplanation& plan) {
  std::vector<std::string> places;
  for (const auto& [node, bytes] : plan.bytes_on) {
    places.push_back(fmt::format("{} {}", OneLine(node), FormatBinarySize(bytes)));
  }
  return fmt::format("{}", fmt::join(places, ", "));
}

std::string SplitsText(const JobExplanation& plan, size_t shown) {
  if (shown == 0 || plan.splits.empty()) return "";
  Table table({{"MAP", Table::Align::kRight},
               {"BYTES", Table::Align::kRight},
               {"INPUT", Table::Align::kLeft},
               {"MACHINES", Table::Align::kLeft}});
  for (size_t i = 0; i < std::min(shown, plan.splits.size()); ++i) {
    const pb::Split& split = plan.splits[i];
    const pb::InputPiece& first = split.pieces(0);
    table.AddRow({std::to_string(i), FormatBinarySize(SplitBytesOf(split)),
                  split.pieces_size() == 1
                      ? fmt::format("{}+{}", first.path(), first.offset())
                      : fmt::format("{} and {} more", first.path(), split.pieces_size() - 1),
                  fmt::format("{}", fmt::join(split.nodes(), ","))});
  }
  std::string text = table.ToString();
  if (plan.splits.size() > shown) {
    text += fmt::format("... and {} more. Try: --splits\n", plan.splits.size() - shown);
  }
  return text;
}

std::string Title(const JobExplanation& plan) {
  std::string title = plan.stage.empty() ? fmt::format("job {}", OneLine(plan.spec.name()))
                                         : fmt::format("stage {}", OneLine(plan.stage));
  if (!plan.state.empty()) title += fmt::format(", {}", plan.state);
  if (plan.rounds > 1) title += fmt::format(", up to {}", Count(plan.rounds, "round"));
  if (!plan.size_is_known()) return title;
  return title + fmt::format(": {} over {}", Count(plan.splits.size(), "map task"),
                             FormatBinarySize(plan.bytes()));
}

}  // namespace

std::string ExplanationText(const JobExplanation& plan, size_t splits) {
  std::string text = Title(plan) + "\n";
  const auto add = [&](std::string_view what, std::string_view value) {
    if (!value.empty()) text += fmt::format("  {:<10} {}\n", what, value);
  };
  for (const JobExplanation::Input& input : plan.inputs) {
    const std::string size =
        input.of_stage ? "what that stage writes"
                       : fmt::format("{}, {}, {}", Count(input.files, "file"),
                                     FormatBinarySize(input.bytes), Count(input.splits, "split"));
    add("input", fmt::format("{}  {}, {}, mapper {}", OneLine(input.path), FormatText(input), size,
                             input.mapper.empty() ? "?" : input.mapper));
  }
  add("where", PlacesText(plan));
  add("reduce", ReduceText(plan));
  const bool between_stages = IsBetweenStages(plan);
  add("output", OutputText(plan.spec.output(), between_stages));
  for (const pb::JobSpec::NamedOutput& named : plan.spec.outputs()) {
    add("output", fmt::format("{}: {}", named.name(), OutputText(named.output(), between_stages)));
  }
  add("limits", LimitsText(plan.spec.limits()));
  for (const pb::JobSpec::SideFile& side : plan.spec.files()) {
    add("file", fmt::format("{} = {}", OneLine(side.name()), OneLine(side.file().path())));
  }
  const std::map<std::string, std::string> params(plan.spec.params().begin(),
                                                  plan.spec.params().end());
  for (const auto& [name, value] : params) {
    add("param", fmt::format("{} = {}", OneLine(name), OneLine(value)));
  }
  for (const std::string& name : plan.parameters.value_or(std::vector<std::string>())) {
    if (!params.contains(name))
      add("param", fmt::format("{}: not set, its class has a default", name));
  }
  for (const std::string& problem : plan.problems) add("PROBLEM", problem);
  return text + SplitsText(plan, splits);
}

JsonLine ExplanationJson(const JobExplanation& plan) {
  JsonLine line;
  if (plan.stage.empty()) {
    line.Add("job", plan.spec.name());
  } else {
    line.Add("stage", plan.stage).Add("state", plan.state).Add("max_rounds", plan.rounds);
  }
  if (plan.size_is_known()) {
    line.Add("maps", uint64_t{plan.splits.size()}).Add("bytes", plan.bytes());
  }
  if (plan.spec.reduce().has_tasks()) line.Add("reduces", plan.spec.reduce().tasks());
  line.Add("reducer", plan.spec.reduce().reducer()).Add("combiner", plan.spec.reduce().combiner());
  line.Add("output", plan.spec.output().path());
  std::vector<JsonLine> inputs;
  for (const JobExplanation::Input& input : plan.inputs) {
    JsonLine& one = inputs.emplace_back();
    one.Add("path", input.path).Add("format", input.format).Add("mapper", input.mapper);
    if (input.of_stage) continue;
    one.Add("files", uint64_t{input.files}).Add("bytes", input.bytes);
    one.Add("splits", uint64_t{input.splits});
    if (input.files_of.empty()) continue;
    JsonLine files_of;
    for (const auto& [format, files] : input.files_of) files_of.Add(format, uint64_t{files});
    one.Add("files_of", files_of);
  }
  line.Add("inputs", inputs);
  JsonLine params;
  const std::map<std::string, std::string> sorted(plan.spec.params().begin(),
                                                  plan.spec.params().end());
  for (const auto& [name, value] : sorted) params.Add(name, value);
  line.Add("params", params);
  std::vector<JsonLine> splits;
  for (const pb::Split& split : plan.splits) {
    const pb::InputPiece& first = split.pieces(0);
    splits.emplace_back()
        .Add("bytes", SplitBytesOf(split))
        .Add("path", first.path())
        .Add("offset", first.offset())
        .Add("pieces", split.pieces_size())
        .Add("nodes", fmt::format("{}", fmt::join(split.nodes(), ",")));
  }
  line.Add("splits", splits);
  std::vector<JsonLine> problems;
  for (const std::string& problem : plan.problems) problems.emplace_back().Add("message", problem);
  return std::move(line.Add("problems", problems));
}

}  // namespace quern::mr
