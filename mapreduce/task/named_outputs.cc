#include "mapreduce/task/named_outputs.h"

#include <fmt/ranges.h>

#include <utility>
#include <vector>

#include "common/clean_text.h"
#include "mapreduce/task/task_output.h"
#include "mapreduce/task/user_code.h"

namespace quern::mr {

NamedOutputs::NamedOutputs(const pb::TaskSpec& spec, const TaskEnvironment& environment) {
  const bool kept = spec.id().kind() != pb::TASK_KIND_SAMPLE;
  for (int i = 0; i < spec.job().outputs_size(); ++i) {
    const pb::JobSpec::NamedOutput& named = spec.job().outputs(i);
    outputs_[named.name()] =
        kept ? std::make_unique<LazyOutput>(&spec, &environment, &named.output(),
                                            NamedOutputDir(spec, i))
             : std::make_unique<LazyOutput>();
  }
}

absl::StatusOr<EmitBuffer*> NamedOutputs::Find(std::string_view name) {
  const auto found = outputs_.find(name);
  if (found != outputs_.end()) return found->second.get();
  std::vector<std::string_view> names;
  for (const auto& [known, output] : outputs_) names.push_back(known);
  const std::string list =
      names.empty() ? "it declares none" : fmt::format("it declares {}", fmt::join(names, ", "));
  return JobError(
      fmt::format("output '{0}': the job has none of that name, {1}. Try: [outputs.{0}] "
                  "in its spec",
                  CleanLine(name, 100), list));
}

absl::Status NamedOutputs::user_status() const {
  for (const auto& [name, output] : outputs_) {
    RETURN_IF_ERROR(Annotate(output->user_status(), fmt::format("output {}", name)));
  }
  return absl::OkStatus();
}

absl::Status NamedOutputs::Finish(pb::AttemptResult* result) {
  for (const auto& [name, output] : outputs_) RETURN_IF_ERROR(output->Finish(name, result));
  return absl::OkStatus();
}

std::map<std::string, uint64_t> NamedOutputs::records() const {
  std::map<std::string, uint64_t> records;
  for (const auto& [name, output] : outputs_) records[name] = output->records();
  return records;
}

}  // namespace quern::mr
