#include "mapreduce/plan/job_spec_rules.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/path.h"
#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/replication.h"
#include "common/shell_words.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/formats/input_format.h"
#include "mapreduce/formats/output_format.h"
#include "mapreduce/plan/file_pattern.h"

namespace quern::mr {
namespace {

// Of texts that are only shown.
constexpr size_t kMaxNameBytes = 300;
constexpr size_t kMaxCommandBytes = 4'000;
constexpr int kMaxMeantCounters = 100;
// The path of a named output whose files go into the directory of the main one.
constexpr std::string_view kBesideMain = ".";

absl::Status CheckOneOf(std::string_view key, std::string_view value,
                        const std::vector<std::string>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return absl::OkStatus();
  std::string list;
  for (const std::string& one : allowed) list += (list.empty() ? "" : ", ") + one;
  const std::string near = DidYouMean(value, allowed);
  return InvalidArgumentError("{}: '{}' is none of {}{}", key, value, list,
                              near.empty() ? "" : fmt::format(". Did you mean {}?", near));
}

// As a word of a shell, which has to know the directory and nothing else in it.
std::string InThisDirectory(std::string_view relative) {
  const bool is_plain = relative.find_first_of("$`\"\\!") == std::string_view::npos &&
                        CleanLine(relative, kMaxCommandBytes) == relative;
  return is_plain ? fmt::format("\"file://$PWD/{}\"", relative)
                  : fmt::format("\"file://$PWD/\"{}", ShellQuotedLine(relative));
}

// For a path without its beginning: of the cluster, or, where the run is on this machine, of the
// directory that whoever has typed it is in.
absl::Status NotAbsolute(std::string_view key, std::string_view path, bool local) {
  std::string_view relative = path;
  if (IsLocalPath(path)) relative.remove_prefix(kLocalScheme.size());
  return InvalidArgumentError(
      "{}.path: {}: must be absolute. Try: {}", key, path,
      local ? InThisDirectory(relative) : ShellQuotedLine(fmt::format("/{}", relative)));
}

absl::Status CheckInput(const pb::JobSpec::Input& input, SpecCheckOptions options) {
  if (input.path().empty()) return InvalidArgumentError("input.path: is missing");
  if (input.path().starts_with("file://") && !options.local) {
    return InvalidArgumentError(
        "input.path: {}: a file of one machine, which the workers of a cluster do not have. Try: "
        "dfs put, or --local",
        input.path());
  }
  if (!input.path().starts_with('/') && !input.path().starts_with("file:///")) {
    return NotAbsolute("input", input.path(), options.local);
  }
  RETURN_IF_ERROR(CheckOneOf("input.format", input.format(), InputFormatNames()));
  ASSIGN_OR_RETURN(const InputFormat* const format, FindInputFormat(input.format()));
  const absl::Status settings =
      format->Check({.record_bytes = input.record_bytes(), .columns = input.columns()});
  if (!settings.ok()) return InvalidArgumentError("input.{}", Message(settings));
  return options.runs_here ? Annotate(format->Installed(), "input.format") : absl::OkStatus();
}

// `key` is what the spec calls the output.
absl::Status CheckOutput(std::string_view key, const pb::JobSpec::Output& output,
                         const pb::JobSpec& spec, SpecCheckOptions options) {
  const std::string& path = output.path();
  if (path.empty()) return InvalidArgumentError("{}.path: is missing", key);
  if (IsLocalPath(path) && !options.local) {
    return InvalidArgumentError(
        "{}.path: {}: the output of a cluster goes into its file system. Try: --local, or a "
        "path like /out",
        key, path);
  }
  if (!path.starts_with('/') && !path.starts_with("file:///")) {
    return NotAbsolute(key, path, options.local);
  }
  if (output.replication() > kMaxReplication) {
    return InvalidArgumentError("{}.replication: {} is more than {}", key, output.replication(),
                                kMaxReplication);
  }
  if (path == "/") return InvalidArgumentError("{}.path: / cannot be replaced", key);
  RETURN_IF_ERROR(CheckOneOf(fmt::format("{}.format", key), output.format(), OutputFormatNames()));
  ASSIGN_OR_RETURN(const OutputFormat* const format, FindOutputFormat(output.format()));
  RETURN_IF_ERROR(CheckOneOf(fmt::format("{}.codec", key), output.codec(), format->codecs()));
  const absl::Status settings = format->Check({.codec = output.codec(), .schema = output.schema()});
  if (!settings.ok()) return InvalidArgumentError("{}.{}", key, Message(settings));
  if (options.runs_here) {
    RETURN_IF_ERROR(Annotate(format->Installed(), fmt::format("{}.format", key)));
  }
  if (output.files().empty()) return absl::OkStatus();
  const bool one_file = spec.reduce().tasks() == 1;
  const absl::Status pattern = CheckFilePattern(output.files(), one_file);
  const absl::Status named = pattern.ok() ? CheckCodecOfPattern(output) : pattern;
  return named.ok() ? named : InvalidArgumentError("{}.{}", key, Message(named));
}

// They stand in paths and in names of counters.
absl::Status CheckOutputName(const std::string& name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  if (!name.empty() && name.size() <= kMaxOutputNameBytes && name[0] >= 'a' && name[0] <= 'z' &&
      std::all_of(name.begin(), name.end(), plain)) {
    return absl::OkStatus();
  }
  return InvalidArgumentError(
      "outputs: '{}': a name has small letters, digits, _ and -, begins with a letter, and has {} "
      "at most",
      CleanLine(name, 100), kMaxOutputNameBytes);
}

// Outputs of one directory: no file of one may have a name of another.
absl::Status CheckEndsDiffer(const pb::JobSpec& spec) {
  std::vector<std::pair<std::string, std::string>> ends = {
      {std::string(EndOfPattern(spec.output().files())), "output"}};
  for (const pb::JobSpec::NamedOutput& named : spec.outputs()) {
    if (named.output().path() != spec.output().path()) continue;
    const std::string end(EndOfPattern(named.output().files()));
    for (const auto& [other, key] : ends) {
      if (!end.ends_with(other) && !other.ends_with(end)) continue;
      return InvalidArgumentError(
          "outputs.{}.files: '{}': outputs in one directory need names that end differently, and "
          "{}.files is '{}'. Try: {{i}}.idx and {{i}}.bin",
          named.name(), named.output().files(), key, other);
    }
    ends.emplace_back(end, "outputs." + named.name());
  }
  return absl::OkStatus();
}

// One rename publishes them all, so no one may hold another.
absl::Status CheckOutputsApart(const pb::JobSpec& spec) {
  std::vector<std::pair<std::string, std::string>> paths = {{spec.output().path() + "/", "output"}};
  for (const pb::JobSpec::NamedOutput& named : spec.outputs()) {
    if (IsLocalPath(named.output().path()) != IsLocalPath(spec.output().path())) {
      return InvalidArgumentError(
          "outputs.{}.path: {}: one output of the job is on this machine, another one in the "
          "cluster",
          named.name(), named.output().path());
    }
    if (named.output().path() == spec.output().path()) continue;
    paths.emplace_back(named.output().path() + "/", "outputs." + named.name());
  }
  std::sort(paths.begin(), paths.end());
  for (size_t i = 1; i < paths.size(); ++i) {
    if (!paths[i].first.starts_with(paths[i - 1].first)) continue;
    return InvalidArgumentError("{}.path: is, or lies below, {}.path. Try: another directory",
                                paths[i].second, paths[i - 1].second);
  }
  return absl::OkStatus();
}

absl::Status CheckOutputs(const pb::JobSpec& spec, SpecCheckOptions options) {
  RETURN_IF_ERROR(CheckOutput("output", spec.output(), spec, options));
  if (spec.outputs_size() > static_cast<int>(kMaxNamedOutputs)) {
    return InvalidArgumentError("outputs: {} of them, the limit is {}", spec.outputs_size(),
                                kMaxNamedOutputs);
  }
  std::set<std::string> names;
  for (const pb::JobSpec::NamedOutput& named : spec.outputs()) {
    RETURN_IF_ERROR(CheckOutputName(named.name()));
    if (!names.insert(named.name()).second) {
      return InvalidArgumentError("outputs: two are called '{}'", named.name());
    }
    RETURN_IF_ERROR(CheckOutput("outputs." + named.name(), named.output(), spec, options));
  }
  RETURN_IF_ERROR(CheckEndsDiffer(spec));
  return CheckOutputsApart(spec);
}

absl::Status TwoOfOneName(const pb::JobSpec::SideFile& one, const pb::JobSpec::SideFile& other) {
  const std::string name = CleanLine(one.name(), kMaxNameBytes);
  const std::string path = CleanLine(one.file().path(), kMaxNameBytes);
  if (one.file().path() == other.file().path()) {
    return InvalidArgumentError("files: {} is named twice, both times as '{}'. Try: it once", path,
                                name);
  }
  return InvalidArgumentError(
      "files: two are called '{}': {} and {}. Try: another name for one of them, with --set "
      "files.PATH=NAME instead of --files",
      name, path, CleanLine(other.file().path(), kMaxNameBytes));
}

// Names are those of files in one directory of the task.
absl::Status CheckSideFiles(const pb::JobSpec& spec) {
  if (spec.files_size() > static_cast<int>(kMaxSideFiles)) {
    return InvalidArgumentError("files: {} of them, the limit is {}. Try: one archive",
                                spec.files_size(), kMaxSideFiles);
  }
  std::map<std::string_view, const pb::JobSpec::SideFile*> by_name;
  for (const pb::JobSpec::SideFile& file : spec.files()) {
    const std::string& name = file.name();
    if (name.empty() || name == "." || name == ".." || name.size() > 200 ||
        name.find('/') != std::string::npos || name.find('\0') != std::string::npos) {
      return InvalidArgumentError("files: '{}' is no name of a file", CleanLine(name, 200));
    }
    const auto [known, is_new] = by_name.emplace(name, &file);
    if (!is_new) return TwoOfOneName(*known->second, file);
  }
  return absl::OkStatus();
}

using CounterNames = google::protobuf::RepeatedPtrField<std::string>;

absl::Status CheckCounterNames(std::string_view key, const CounterNames& names,
                               std::set<std::string>* seen) {
  constexpr std::string_view kGroup = "user.";
  if (names.size() > kMaxMeantCounters) {
    return InvalidArgumentError("{}: {} counters, the limit is {}", key, names.size(),
                                kMaxMeantCounters);
  }
  for (const std::string& name : names) {
    const std::string shown = CleanLine(name, 100);
    if (name.empty()) return InvalidArgumentError("{}: the name of a counter is empty", key);
    if (name.starts_with(kGroup)) {
      return InvalidArgumentError("{}: {}: counters are named without their group. Try: {}", key,
                                  shown, shown.substr(kGroup.size()));
    }
    if (!seen->insert(name).second) {
      return InvalidArgumentError("{}: {}: is named twice in [counters], and means one thing", key,
                                  shown);
    }
  }
  return absl::OkStatus();
}

// A warning compares two of them, and would be wrong for ever with one.
absl::Status CheckCounterMeanings(const pb::JobSpec::CounterMeanings& meanings) {
  const struct {
    std::string_view good_key, bad_key;
    const CounterNames &good, &bad;
  } pairs[] = {{"counters.read", "counters.unread", meanings.read(), meanings.unread()},
               {"counters.kept", "counters.rejected", meanings.kept(), meanings.rejected()}};
  std::set<std::string> seen;
  for (const auto& pair : pairs) {
    RETURN_IF_ERROR(CheckCounterNames(pair.good_key, pair.good, &seen));
    RETURN_IF_ERROR(CheckCounterNames(pair.bad_key, pair.bad, &seen));
    if (pair.good.empty() == pair.bad.empty()) continue;
    const bool lacks_good = pair.good.empty();
    return InvalidArgumentError("{}: says nothing without {}. Try: both, or neither",
                                lacks_good ? pair.bad_key : pair.good_key,
                                lacks_good ? pair.good_key : pair.bad_key);
  }
  return absl::OkStatus();
}

absl::Status CheckLimits(const pb::JobSpec::Limits& limits) {
  if (limits.memory_bytes() < kSmallestMemoryBytes) {
    return InvalidArgumentError("limits.memory: {} is too little to run in. Try: 64MiB or more",
                                FormatBinarySize(limits.memory_bytes()));
  }
  if (limits.memory_bytes() > kLargestMemoryBytes) {
    return InvalidArgumentError(
        "limits.memory: {} is more than any worker has, {} at most. Try: 1GiB, and more reduce "
        "tasks where that is too little",
        FormatBinarySize(limits.memory_bytes()), FormatBinarySize(kLargestMemoryBytes));
  }
  if (limits.attempts() > 100) {
    return InvalidArgumentError("limits.attempts: {} is more than 100", limits.attempts());
  }
  if (limits.skip_bad_records() && limits.attempts() < 2) {
    return InvalidArgumentError(
        "limits.skip_bad_records: takes two attempts to find a record, limits.attempts is {}",
        limits.attempts());
  }
  if (!limits.deterministic()) {
    return InvalidArgumentError(
        "limits.deterministic: jobs whose mappers give other output when run again are not "
        "available yet");
  }
  return CheckOneOf("limits.shuffle_codec", limits.shuffle_codec(), {"none", "lz4", "auto"});
}

void FillOutput(pb::JobSpec::Output* output) {
  if (output->format().empty()) output->set_format("text");
  FillCodec(output);
  std::string* const path = output->mutable_path();
  // As users write them: "//out/" is "/out".
  if (path->starts_with('/')) {
    const auto both = [](char a, char b) { return a == '/' && b == '/'; };
    path->erase(std::unique(path->begin(), path->end(), both), path->end());
  }
  while (path->size() > 1 && path->back() == '/') path->pop_back();
}

bool IsAnswer(std::string_view path) {
  const std::string_view dir = kAnswersDir;
  if (!path.starts_with(dir) || path.substr(dir.size(), 1) != "/") return false;
  const std::string_view name = path.substr(dir.size() + 1);
  return name == kShownAnswer ||
         (name.size() >= 16 && name.find_first_not_of("0123456789abcdef") == name.npos);
}

absl::Status CheckUsersOutput(std::string_view key, const pb::JobSpec::Output& output) {
  const std::string& path = output.path();
  if (!client::IsReserved(path) || IsAnswer(path)) return absl::OkStatus();
  return InvalidArgumentError(
      "{}.path: {}: {} is what the coordinator works with, and cleans. Try: a path like /out", key,
      CleanLine(path, 200), client::kReservedDir);
}

}  // namespace

void FillDefaults(pb::JobSpec* spec) {
  spec->set_name(CleanLine(spec->name(), kMaxNameBytes));
  spec->set_command(CleanLine(spec->command(), kMaxCommandBytes));
  for (pb::JobSpec::Input& input : *spec->mutable_inputs()) {
    if (input.format().empty()) input.set_format("text");
  }
  if (spec->reduce().partitioner().empty()) spec->mutable_reduce()->set_partitioner("hash");
  FillOutput(spec->mutable_output());
  for (pb::JobSpec::NamedOutput& named : *spec->mutable_outputs()) {
    pb::JobSpec::Output* const output = named.mutable_output();
    if (output->path() == kBesideMain) output->set_path(spec->output().path());
    if (output->path().empty() && !spec->output().path().empty()) {
      output->set_path(fmt::format("{}-{}", spec->output().path(), named.name()));
    }
    if (output->replication() == 0) output->set_replication(spec->output().replication());
    FillOutput(output);
  }
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
  for (const pb::JobSpec::Input& input : spec.inputs()) RETURN_IF_ERROR(CheckInput(input, options));
  RETURN_IF_ERROR(CheckOutputs(spec, options));
  RETURN_IF_ERROR(CheckSideFiles(spec));
  RETURN_IF_ERROR(CheckLimits(spec.limits()));
  RETURN_IF_ERROR(CheckCounterMeanings(spec.counter_meanings()));
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

absl::Status CheckUsersOutputs(const pb::JobSpec& spec) {
  RETURN_IF_ERROR(CheckUsersOutput("output", spec.output()));
  for (const pb::JobSpec::NamedOutput& named : spec.outputs()) {
    RETURN_IF_ERROR(CheckUsersOutput("outputs." + named.name(), named.output()));
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
