#include "mapreduce/plan/job_spec_rules.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/replication.h"
#include "mapreduce/formats/input_format.h"
#include "mapreduce/formats/output_format.h"

namespace quern::mr {
namespace {

// Of texts that are only shown.
constexpr size_t kMaxNameBytes = 300;
constexpr size_t kMaxCommandBytes = 4'000;

absl::Status CheckOneOf(std::string_view key, std::string_view value,
                        const std::vector<std::string>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return absl::OkStatus();
  std::string list;
  for (const std::string& one : allowed) list += (list.empty() ? "" : ", ") + one;
  const std::string near = DidYouMean(value, allowed);
  return InvalidArgumentError("{}: '{}' is none of {}{}", key, value, list,
                              near.empty() ? "" : fmt::format(". Did you mean {}?", near));
}

absl::Status CheckInput(const pb::JobSpec::Input& input, bool local) {
  if (input.path().empty()) return InvalidArgumentError("input.path: is missing");
  if (input.path().starts_with("file://") && !local) {
    return InvalidArgumentError(
        "input.path: {}: a file of one machine, which the workers of a cluster do not have. Try: "
        "dfs put, or --local",
        input.path());
  }
  if (!input.path().starts_with('/') && !input.path().starts_with("file:///")) {
    return InvalidArgumentError(
        "input.path: {}: must be absolute. Try: /{}, or file:///... for a local file", input.path(),
        input.path());
  }
  RETURN_IF_ERROR(CheckOneOf("input.format", input.format(), InputFormatNames()));
  ASSIGN_OR_RETURN(const InputFormat* const format, FindInputFormat(input.format()));
  const absl::Status settings = format->Check({.record_bytes = input.record_bytes()});
  return settings.ok() ? settings : InvalidArgumentError("input.{}", Message(settings));
}

absl::Status CheckOutput(const pb::JobSpec::Output& output, bool local) {
  if (output.path().empty()) return InvalidArgumentError("output.path: is missing");
  if (output.path().starts_with("file://") && !local) {
    return InvalidArgumentError(
        "output.path: {}: the output of a cluster goes into its file system. Try: --local, or a "
        "path like /out",
        output.path());
  }
  if (!output.path().starts_with('/') && !output.path().starts_with("file:///")) {
    return InvalidArgumentError("output.path: {}: must be absolute. Try: /{}", output.path(),
                                output.path());
  }
  if (output.replication() > kMaxReplication) {
    return InvalidArgumentError("output.replication: {} is more than {}", output.replication(),
                                kMaxReplication);
  }
  if (output.path() == "/") return InvalidArgumentError("output.path: / cannot be replaced");
  RETURN_IF_ERROR(CheckOneOf("output.format", output.format(), OutputFormatNames()));
  ASSIGN_OR_RETURN(const OutputFormat* const format, FindOutputFormat(output.format()));
  return CheckOneOf("output.codec", output.codec(), format->codecs());
}

// Names are those of files in one directory of the task.
absl::Status CheckSideFiles(const pb::JobSpec& spec) {
  if (spec.files_size() > static_cast<int>(kMaxSideFiles)) {
    return InvalidArgumentError("files: {} of them, the limit is {}. Try: one archive",
                                spec.files_size(), kMaxSideFiles);
  }
  std::set<std::string> names;
  for (const pb::JobSpec::SideFile& file : spec.files()) {
    const std::string& name = file.name();
    if (name.empty() || name == "." || name == ".." || name.size() > 200 ||
        name.find('/') != std::string::npos || name.find('\0') != std::string::npos) {
      return InvalidArgumentError("files: '{}' is no name of a file", CleanLine(name, 200));
    }
    if (!names.insert(name).second) {
      return InvalidArgumentError("files: two are called '{}'", CleanLine(name, 200));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLimits(const pb::JobSpec::Limits& limits) {
  if (limits.memory_bytes() < kSmallestMemoryBytes) {
    return InvalidArgumentError("limits.memory: {} is too little to run in. Try: 64MiB or more",
                                FormatBinarySize(limits.memory_bytes()));
  }
  if (limits.attempts() > 100) {
    return InvalidArgumentError("limits.attempts: {} is more than 100", limits.attempts());
  }
  if (limits.skip_bad_records()) {
    return InvalidArgumentError("limits.skip_bad_records: is not available yet");
  }
  if (!limits.deterministic()) {
    return InvalidArgumentError(
        "limits.deterministic: jobs whose mappers give other output when run again are not "
        "available yet");
  }
  return CheckOneOf("limits.shuffle_codec", limits.shuffle_codec(), {"none", "lz4", "auto"});
}

}  // namespace

void FillDefaults(pb::JobSpec* spec) {
  spec->set_name(CleanLine(spec->name(), kMaxNameBytes));
  spec->set_command(CleanLine(spec->command(), kMaxCommandBytes));
  for (pb::JobSpec::Input& input : *spec->mutable_inputs()) {
    if (input.format().empty()) input.set_format("text");
  }
  if (spec->reduce().partitioner().empty()) spec->mutable_reduce()->set_partitioner("hash");
  if (spec->output().format().empty()) spec->mutable_output()->set_format("text");
  if (const auto format = FindOutputFormat(spec->output().format());
      format.ok() && spec->output().codec().empty()) {
    spec->mutable_output()->set_codec(std::string((*format)->default_codec()));
  }
  std::string* path = spec->mutable_output()->mutable_path();
  // As users write them: "//out/" is "/out".
  if (path->starts_with('/')) {
    const auto both = [](char a, char b) { return a == '/' && b == '/'; };
    path->erase(std::unique(path->begin(), path->end(), both), path->end());
  }
  while (path->size() > 1 && path->back() == '/') path->pop_back();
  // A job that never said anything about limits has the message's zero values.
  const bool untouched = !spec->has_limits();
  pb::JobSpec::Limits* limits = spec->mutable_limits();
  if (untouched) limits->set_deterministic(true);
  if (limits->memory_bytes() == 0) limits->set_memory_bytes(kDefaultMemoryBytes);
  if (limits->attempts() == 0) limits->set_attempts(4);
  if (limits->timeout_ms() == 0) limits->set_timeout_ms(600'000);
  if (limits->shuffle_codec().empty()) limits->set_shuffle_codec("auto");
}

absl::Status CheckJobSpec(const pb::JobSpec& spec, SpecCheckOptions options) {
  if (const size_t bytes = spec.ByteSizeLong(); bytes > kMaxSpecBytes) {
    return InvalidArgumentError(
        "the description of the job has {} bytes, the limit is {}. Try: put long parameters into a "
        "file of the input",
        bytes, kMaxSpecBytes);
  }
  if (spec.inputs().empty()) return InvalidArgumentError("input: a job needs at least one");
  for (const pb::JobSpec::Input& input : spec.inputs())
    RETURN_IF_ERROR(CheckInput(input, options.local));
  RETURN_IF_ERROR(CheckOutput(spec.output(), options.local));
  RETURN_IF_ERROR(CheckSideFiles(spec));
  RETURN_IF_ERROR(CheckLimits(spec.limits()));
  const pb::JobSpec::Reduce& reduce = spec.reduce();
  if (reduce.tasks() > kMaxReduceTasks) {
    return InvalidArgumentError("reduce.tasks: {} is more than {}", reduce.tasks(),
                                kMaxReduceTasks);
  }
  if (reduce.group() > kMaxGroupParts) {
    return InvalidArgumentError("reduce.group: {} is more than {}", reduce.group(), kMaxGroupParts);
  }
  const bool map_only = reduce.has_tasks() && reduce.tasks() == 0;
  if (map_only && !reduce.combiner().empty()) {
    return InvalidArgumentError("reduce.combiner: a map-only job (reduce.tasks = 0) has none");
  }
  return absl::OkStatus();
}

uint32_t DefaultReduceTasks(uint64_t input_bytes, uint32_t cluster_slots) {
  constexpr uint64_t kPerTask = uint64_t{64} << 20;
  const uint64_t by_size = (input_bytes + kPerTask - 1) / kPerTask;
  return static_cast<uint32_t>(
      std::clamp<uint64_t>(by_size, 1, std::max<uint32_t>(cluster_slots, 1)));
}

}  // namespace quern::mr
