#include "mapreduce/cli/job_source.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>

#include "common/cli/cli.h"
#include "common/shell_words.h"
#include "common/storage/file_io.h"
#include "mapreduce/cli/compile.h"
#include "mapreduce/cli/pipeline_spec.h"

namespace quern::mr {
namespace {

// What the plugin of commands reads (jobs/command/settings.cc), beside any parameters of their own.
constexpr std::pair<std::string_view, std::string_view> kCommandForms[] = {
    {"command.io", "lines|frames"},
    {"command.per_file", "flag"},
    {"stream.num.map.output.key.fields", "1..1000"},
    {"stream.num.reduce.output.key.fields", "1..1000"}};

namespace fs = std::filesystem;

std::string JobsDir() {
  const char* configured = std::getenv("QUERN_JOBS");
  if (configured != nullptr && *configured != '\0') return configured;
  return BinaryDir() + "/../lib/quern/jobs";
}

absl::StatusOr<SpecFile> ReadSpec(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFileToString(FileSystem::Real(), path));
  return ParseSpec(text, path);
}

std::string CommandPlugin() { return JobsDir() + "/libcommand.so"; }

absl::Status NoSuchJob(const std::string& name) {
  const std::vector<std::string> names = ReadyMadeJobs();
  std::string list;
  for (const std::string& known : names) list += (list.empty() ? "" : ", ") + known;
  const std::string near = DidYouMean(name, names);
  if (!near.empty()) return NotFoundError("{}: no such job. Did you mean {}?", name, near);
  return NotFoundError("{}: no such job; there are {} in {}. Try: a .toml, .cc or .so file", name,
                       list.empty() ? "none" : list, JobsDir());
}

// A plain C compiler is asked by its user: what it takes to link differs from program to program.
absl::Status CompileItFirst(const std::string& source) {
  const absl::StatusOr<std::string> include = FindIncludeDir();
  const std::string quoted_plugin =
      ShellQuotedLine(fs::path(source).replace_extension(".so").string());
  return InvalidArgumentError(
      "{}: a job in C is compiled first. Try: cc -O2 -fPIC -shared -I{} -o {} {}, then mr run {}",
      source, include.ok() ? ShellQuotedLine(*include) : "INCLUDE_DIR", quoted_plugin,
      ShellQuotedLine(source), quoted_plugin);
}

}  // namespace

absl::StatusOr<std::string> FindPlugin(const SpecFile& file, const std::string& spec_dir) {
  const std::string& written = file.plugin;
  if (written.empty() && RunsCommands(file)) return CommandPlugin();
  if (written.empty()) return InvalidArgumentError("plugin: is missing in the spec");
  for (const fs::path& candidate : {fs::path(written), fs::path(spec_dir) / written}) {
    std::error_code error;
    if (!fs::is_regular_file(candidate, error)) continue;
    if (candidate.extension() == ".cc") return CompileJob(candidate.string());
    return candidate.string();
  }
  return NotFoundError("plugin: {}: no such file", written);
}

std::optional<PipelineText> FindPipeline(const std::string& target) {
  PipelineText found{.path = target, .text = ""};
  if (fs::path(target).extension() != ".toml") {
    if (target.find('/') != std::string::npos) return std::nullopt;
    found.path = fmt::format("{}/{}.toml", JobsDir(), target);
  }
  auto text = ReadFileToString(FileSystem::Real(), found.path);
  if (!text.ok() || !IsPipelineText(*text)) return std::nullopt;
  found.text = *std::move(text);
  return found;
}

absl::StatusOr<JobSource> LoadStageJob(const std::string& job, const std::string& pipeline_dir) {
  std::error_code error;
  const fs::path beside = fs::path(pipeline_dir) / job;
  const bool is_file = fs::path(job).has_extension() && fs::is_regular_file(beside, error);
  return LoadJob(is_file ? beside.string() : job);
}

std::vector<std::string> ReadyMadeJobs() {
  std::vector<std::string> names;
  for (const fs::path file : ReadableNames(JobsDir())) {
    if (file.extension() == ".toml") names.push_back(file.stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<SpecFile> ReadyMadeSpec(const std::string& name) {
  const std::vector<std::string> names = ReadyMadeJobs();
  if (std::find(names.begin(), names.end(), name) == names.end()) return NoSuchJob(name);
  return ReadSpec(fmt::format("{}/{}.toml", JobsDir(), name));
}

absl::StatusOr<std::vector<JobFlag>> FlagsOfJob(const std::string& target) {
  if (const auto pipeline = FindPipeline(target)) {
    ASSIGN_OR_RETURN(PipelineFile file, ParsePipeline(pipeline->text, pipeline->path));
    return std::move(file.flags);
  }
  const bool is_spec = fs::path(target).extension() == ".toml";
  // A source, a plugin, or an input where the mapper is a command.
  if (!is_spec && target.find_first_of("/.*") != std::string::npos) return std::vector<JobFlag>();
  ASSIGN_OR_RETURN(SpecFile file, is_spec ? ReadSpec(target) : ReadyMadeSpec(target));
  return std::move(file.flags);
}

absl::StatusOr<JobSource> CommandJob(const std::string& map) {
  JobSource source;
  source.plugin_path = CommandPlugin();
  source.file.spec.set_name(map);
  RETURN_IF_ERROR(SetSpecKey("map", map, &source.file));
  return source;
}

void TakeOnlyCombiner(const JobSource& source, const PluginInfo& plugin, pb::JobSpec* spec) {
  const bool reduces = !spec->reduce().has_tasks() || spec->reduce().tasks() > 0;
  const std::vector<std::string> combiners = plugin.Names(ClassKind::kCombiner);
  if (source.bare_plugin && reduces && combiners.size() == 1 && spec->reduce().combiner().empty()) {
    spec->mutable_reduce()->set_combiner(combiners[0]);
  }
}

bool RunsCommands(const SpecFile& file) { return file.spec.params().contains(kMapCommand); }

absl::Status CompleteCommands(SpecFile* file) {
  for (const auto& [name, form] : kCommandForms) {
    ASSIGN_OR_RETURN(const ParameterForm parsed, ParameterForm::Parse(form));
    file->forms.emplace(name, parsed);
  }
  pb::JobSpec* const spec = &file->spec;
  if (!file->plugin.empty()) {
    return InvalidArgumentError("plugin: {}: a job has either a plugin or commands", file->plugin);
  }
  if (spec->limits().skip_bad_records()) {
    return InvalidArgumentError(
        "limits.skip_bad_records: a command reads ahead, so nobody knows which record ended it");
  }
  auto& params = *spec->mutable_params();
  const bool reduces = params.contains(kReduceCommand);
  if (!reduces && params.contains(kCombineCommand)) {
    return InvalidArgumentError("combine: a job without reduce has none. Try: --reduce CMD");
  }
  for (pb::JobSpec::Input& input : *spec->mutable_inputs()) input.set_mapper("CommandMapper");
  if (reduces) {
    spec->mutable_reduce()->set_reducer("CommandReducer");
  } else {
    spec->mutable_reduce()->set_tasks(0);
  }
  std::string names;
  for (const auto& [name, value] : params) names += name + "\n";
  params["command.params"] = names;
  std::string files;
  for (const pb::JobSpec::SideFile& side : spec->files()) files += side.name() + "\n";
  params["command.files"] = files;
  return absl::OkStatus();
}

absl::StatusOr<JobSource> LoadJob(const std::string& target) {
  JobSource source;
  const std::string extension = fs::path(target).extension().string();
  if (extension == ".toml") {
    ASSIGN_OR_RETURN(source.file, ReadSpec(target));
    ASSIGN_OR_RETURN(source.plugin_path,
                     FindPlugin(source.file, fs::path(target).parent_path().string()));
  } else if (extension == ".cc" || extension == ".cpp" || extension == ".cxx") {
    ASSIGN_OR_RETURN(source.plugin_path, CompileJob(target));
    source.bare_plugin = true;
  } else if (extension == ".c") {
    return CompileItFirst(target);
  } else if (extension == ".so") {
    source.plugin_path = target;
    source.bare_plugin = true;
  } else {
    ASSIGN_OR_RETURN(source.file, ReadyMadeSpec(target));
    ASSIGN_OR_RETURN(source.plugin_path, FindPlugin(source.file, JobsDir()));
  }
  if (source.file.spec.name().empty()) {
    source.file.spec.set_name(fs::path(target).stem().string());
  }
  return source;
}

}  // namespace quern::mr
