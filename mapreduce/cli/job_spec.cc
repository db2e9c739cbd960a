#include "mapreduce/cli/job_spec.h"

#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/replication.h"
#include "mapreduce/cli/toml_text.h"
#include "mapreduce/plan/job_spec_rules.h"

namespace quern::mr {
namespace {

using pb::JobSpec;
using Meanings = pb::JobSpec::CounterMeanings;

constexpr std::string_view kOutputs = "outputs.";
constexpr std::string_view kFlags = "flags";

// Sets one field of a spec; for keys of inputs it is called once for each input.
struct Target {
  SpecFile* file = nullptr;
  JobSpec::Input* input = nullptr;  // of keys that begin with "input."
  // Of keys that begin with "output.": the main one unless it is set.
  JobSpec::Output* output = nullptr;
};
struct Key {
  std::string name;
  std::function<absl::Status(std::string_view value, Target target)> set;
};

absl::StatusOr<bool> ParseBool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return InvalidArgumentError("'{}' is neither true nor false", text);
}

// Makers of setters for the few kinds of values.
template <typename Set>
auto Text(Set set) {
  return [set](std::string_view value, Target target) {
    set(target, std::string(value));
    return absl::OkStatus();
  };
}
template <typename Set>
auto Number(NumberRange range, Set set) {
  return [set, range](std::string_view value, Target target) -> absl::Status {
    ASSIGN_OR_RETURN(const int64_t number, ParseNumber(value, range));
    set(target, static_cast<uint32_t>(number));
    return absl::OkStatus();
  };
}
template <typename Set>
auto Size(Set set) {
  return [set](std::string_view value, Target target) -> absl::Status {
    ASSIGN_OR_RETURN(const uint64_t bytes, ParseSize(value));
    set(target, bytes);
    return absl::OkStatus();
  };
}
template <typename Set>
auto Switch(Set set) {
  return [set](std::string_view value, Target target) -> absl::Status {
    ASSIGN_OR_RETURN(const bool on, ParseBool(value));
    set(target, on);
    return absl::OkStatus();
  };
}

// Of nothing it would be no limit to one reader, and the default to another.
absl::Status NoLimit(std::string_view value) {
  return InvalidArgumentError("'{}' is no limit. Try: leave it out, which is the default",
                              CleanLine(value, 100));
}
template <typename Set>
auto SizeLimit(Set set) {
  return [set](std::string_view value, Target target) -> absl::Status {
    ASSIGN_OR_RETURN(const uint64_t bytes, ParseSize(value));
    if (bytes == 0) return NoLimit(value);
    set(target, bytes);
    return absl::OkStatus();
  };
}

absl::Status SetTimeout(std::string_view value, Target target) {
  ASSIGN_OR_RETURN(const absl::Duration timeout, ParseDuration(value));
  if (timeout < absl::Milliseconds(1)) return NoLimit(value);
  target.file->spec.mutable_limits()->set_timeout_ms(
      static_cast<uint64_t>(absl::ToInt64Milliseconds(timeout)));
  return absl::OkStatus();
}

absl::Status SetName(std::string_view value, Target target) {
  if (value.empty()) return InvalidArgumentError("is empty. Try: leave it out");
  target.file->spec.set_name(std::string(value));
  return absl::OkStatus();
}

absl::Status AddArgument(std::string_view value, Target target) {
  target.file->arguments = SplitList(value);
  return absl::OkStatus();
}

absl::Status PutUnder(std::string_view value, Target target) {
  while (value.size() > 1 && value.ends_with('/')) value.remove_suffix(1);
  target.input->set_path(fmt::format("{}/{}", value, target.input->path()));
  return absl::OkStatus();
}

absl::Status SetParameters(std::string_view value, Target target) {
  std::vector<std::string>& names = target.file->parameters.emplace();
  target.file->forms.clear();
  for (const std::string& entry : SplitList(value)) {
    const std::vector<std::string> parts = SplitList(entry, ':');
    if (parts.empty() || parts.size() > 2) {
      return InvalidArgumentError("'{}' is neither a name nor NAME: FORM", CleanLine(entry, 100));
    }
    names.push_back(parts[0]);
    if (parts.size() == 1) continue;
    ASSIGN_OR_RETURN(const ParameterForm form, ParameterForm::Parse(parts[1]));
    target.file->forms.emplace(parts[0], form);
  }
  return absl::OkStatus();
}

absl::Status SetNeeds(std::string_view value, Target target) {
  target.file->needs.clear();
  for (const std::string& entry : SplitList(value)) {
    ASSIGN_OR_RETURN(target.file->needs.emplace_back(), ParseNeed(entry));
  }
  return absl::OkStatus();
}

absl::Status SetFileKinds(std::string_view value, Target target) {
  target.file->file_kinds.clear();
  for (const std::string& entry : SplitList(value)) {
    ASSIGN_OR_RETURN(target.file->file_kinds.emplace_back(), ParseFileKind(entry));
  }
  return absl::OkStatus();
}

// The counters that `list` picks of those whose meaning a spec can say.
template <typename List>
auto CounterSetter(List list) {
  return [list](std::string_view value, Target target) {
    auto* const names = list(target.file->spec.mutable_counter_meanings());
    names->Clear();
    for (const std::string& name : SplitList(value)) *names->Add() = name;
    return absl::OkStatus();
  };
}

// Commands are parameters of the plugin that runs them (jobs/command/). A shell runs nothing
// without a complaint.
auto Parameter(std::string name) {
  return [name](std::string_view value, Target target) -> absl::Status {
    if (value.find_first_not_of(" \t\n") == std::string_view::npos) {
      return InvalidArgumentError("the command is empty");
    }
    if (value.find_first_not_of("+-.,0123456789") == std::string_view::npos) {
      return InvalidArgumentError(
          "'{}' is a number and no command. Try: --reduce N, or reduce.tasks, with a whole number "
          "from 0",
          value);
    }
    (*target.file->spec.mutable_params())[name] = std::string(value);
    return absl::OkStatus();
  };
}

std::vector<Key> MakeKeys() {
  const auto reduce = [](Target t) { return t.file->spec.mutable_reduce(); };
  const auto output = [](Target t) {
    return t.output != nullptr ? t.output : t.file->spec.mutable_output();
  };
  const auto limits = [](Target t) { return t.file->spec.mutable_limits(); };
  return {
      {"name", SetName},
      {"plugin", Text([](Target t, std::string v) { t.file->plugin = v; })},
      {"map", Parameter(kMapCommand)},
      {"combine", Parameter(kCombineCommand)},
      {"reduce", Parameter(kReduceCommand)},
      {"reduce.command", Parameter(kReduceCommand)},
      {"usage", Text([](Target t, std::string v) { t.file->usage = v; })},
      {"help", Text([](Target t, std::string v) { t.file->help = v; })},
      {"hint", Text([](Target t, std::string v) { t.file->hint = v; })},
      {"append.add", Text([](Target t, std::string v) { t.file->append_add = v; })},
      {"append.merge", Text([](Target t, std::string v) { t.file->append_merge = v; })},
      {"arguments", AddArgument},
      {"answers", Switch([](Target t, bool v) { t.file->answers = v; })},
      {"parameters", SetParameters},
      {"needs", SetNeeds},
      {"file_kinds", SetFileKinds},
      {"counters.read", CounterSetter([](Meanings* m) { return m->mutable_read(); })},
      {"counters.unread", CounterSetter([](Meanings* m) { return m->mutable_unread(); })},
      {"counters.kept", CounterSetter([](Meanings* m) { return m->mutable_kept(); })},
      {"counters.rejected", CounterSetter([](Meanings* m) { return m->mutable_rejected(); })},
      {"input.path", Text([](Target t, std::string v) { t.input->set_path(v); })},
      {"input.under", PutUnder},
      {"input.format", Text([](Target t, std::string v) { t.input->set_format(v); })},
      {"input.tag", Text([](Target t, std::string v) { t.input->set_tag(v); })},
      {"input.mapper", Text([](Target t, std::string v) { t.input->set_mapper(v); })},
      {"input.record_bytes", Size([](Target t, uint64_t v) { t.input->set_record_bytes(v); })},
      {"input.columns", Text([](Target t, std::string v) { t.input->set_columns(v); })},
      {"reduce.tasks",
       Number({0, kMaxReduceTasks}, [=](Target t, uint32_t v) { reduce(t)->set_tasks(v); })},
      {"reduce.class", Text([=](Target t, std::string v) { reduce(t)->set_reducer(v); })},
      {"reduce.combiner", Text([=](Target t, std::string v) { reduce(t)->set_combiner(v); })},
      {"reduce.partitioner", Text([=](Target t, std::string v) { reduce(t)->set_partitioner(v); })},
      {"reduce.group",
       Number({0, kMaxGroupParts}, [=](Target t, uint32_t v) { reduce(t)->set_group(v); })},
      {"output.path", Text([=](Target t, std::string v) { output(t)->set_path(v); })},
      {"output.format", Text([=](Target t, std::string v) { output(t)->set_format(v); })},
      {"output.codec", Text([=](Target t, std::string v) { output(t)->set_codec(v); })},
      {"output.files", Text([=](Target t, std::string v) { output(t)->set_files(v); })},
      {"output.schema", Text([=](Target t, std::string v) { output(t)->set_schema(v); })},
      {"output.replication",
       Number({1, kMaxReplication}, [=](Target t, uint32_t v) { output(t)->set_replication(v); })},
      {"output.overwrite", Switch([=](Target t, bool v) { output(t)->set_overwrite(v); })},
      {"limits.memory", SizeLimit([=](Target t, uint64_t v) { limits(t)->set_memory_bytes(v); })},
      {"limits.attempts",
       Number({1, 100}, [=](Target t, uint32_t v) { limits(t)->set_attempts(v); })},
      {"limits.timeout", SetTimeout},
      {"limits.skip_bad_records",
       Switch([=](Target t, bool v) { limits(t)->set_skip_bad_records(v); })},
      {"limits.deterministic", Switch([=](Target t, bool v) { limits(t)->set_deterministic(v); })},
      {"limits.shuffle_codec",
       Text([=](Target t, std::string v) { limits(t)->set_shuffle_codec(v); })},
      {"limits.split", SizeLimit([=](Target t, uint64_t v) { limits(t)->set_split_bytes(v); })},
  };
}

const std::vector<Key>& Keys() {
  static const std::vector<Key> keys = MakeKeys();
  return keys;
}

// The key that was probably meant: a parameter that is called so, another key, or a parameter whose
// name is near. Empty when there is none.
std::string NearestKey(std::string_view key, const SpecFile& file) {
  std::vector<std::string> params = file.parameters.value_or(std::vector<std::string>());
  for (const auto& [name, value] : file.spec.params()) params.push_back(name);
  if (std::find(params.begin(), params.end(), key) != params.end()) {
    return fmt::format("params.{}", key);
  }
  std::vector<std::string> names;
  for (const Key& known : Keys()) names.push_back(known.name);
  const std::string near = DidYouMean(key, names);
  if (!near.empty()) return near;
  const std::string near_param = DidYouMean(key, params);
  return near_param.empty() ? "" : fmt::format("params.{}", near_param);
}

absl::Status UnknownKey(std::string_view key, const SpecFile& file) {
  const std::string near = NearestKey(key, file);
  return InvalidArgumentError("{}: unknown key{}", key,
                              near.empty() ? "" : fmt::format(". Did you mean {}?", near));
}

// The one of that name, declared by being spoken of.
JobSpec::Output* NamedOutput(std::string_view name, SpecFile* file) {
  for (JobSpec::NamedOutput& known : *file->spec.mutable_outputs()) {
    if (known.name() == name) return known.mutable_output();
  }
  JobSpec::NamedOutput* const added = file->spec.add_outputs();
  added->set_name(std::string(name));
  return added->mutable_output();
}

// Values are any bytes; keys of a map on the wire are text.
absl::Status SetParam(std::string_view name, std::string_view value, SpecFile* file) {
  if (!IsUtf8(name)) {
    return InvalidArgumentError("params.{}: the name of a parameter must be UTF-8",
                                CleanLine(name, 100));
  }
  (*file->spec.mutable_params())[std::string(name)] = std::string(value);
  return absl::OkStatus();
}

// "outputs.rejected.codec" is to that output what "output.codec" is to the main one.
absl::Status SetOutputKey(std::string_view key, std::string_view value, SpecFile* file) {
  const std::string_view rest = key.substr(kOutputs.size());
  const size_t dot = std::min(rest.find('.'), rest.size());
  const std::string as_main = fmt::format("output{}", rest.substr(dot));
  for (const Key& known : Keys()) {
    if (known.name != as_main || as_main == "output.overwrite") continue;
    Target target{file};
    target.output = NamedOutput(rest.substr(0, dot), file);
    return Annotate(known.set(value, target), key);
  }
  return InvalidArgumentError(
      "{}: unknown key: an output has path, format, codec, files, schema and "
      "replication",
      key);
}

absl::Status SetKey(std::string_view key, std::string_view value, Target target) {
  constexpr std::string_view kFiles = "files.";
  if (key.starts_with(kFiles) && key.size() > kFiles.size()) {
    AddSideFile(key.substr(kFiles.size()), value, target.file);
    return absl::OkStatus();
  }
  constexpr std::string_view kParamKey = "params.";
  if (key.starts_with(kParamKey) && key.size() > kParamKey.size()) {
    return SetParam(key.substr(kParamKey.size()), value, target.file);
  }
  if (key.starts_with(kOutputs)) return SetOutputKey(key, value, target.file);
  for (const Key& known : Keys()) {
    if (known.name == key) return Annotate(known.set(value, target), key);
  }
  return UnknownKey(key, *target.file);
}

class SpecReader {
 public:
  explicit SpecReader(std::string_view source) : source_(source) {}

  absl::Status Read(const toml::table& table) {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      if (name == kFlags) continue;  // when all parameters are known
      if (name == "input") {
        RETURN_IF_ERROR(ReadInputs(node));
      } else if (name == "outputs") {
        RETURN_IF_ERROR(ReadOutputs(node));
      } else if (const toml::table* section = node.as_table()) {
        RETURN_IF_ERROR(ReadSection(name, *section, nullptr));
      } else {
        RETURN_IF_ERROR(ReadKey(name, node, nullptr));
      }
    }
    const toml::node* const flags = table.get(kFlags);
    return flags == nullptr ? absl::OkStatus() : ReadFlags(*flags);
  }
  SpecFile Take() { return std::move(file_); }

 private:
  absl::Status ReadInputs(const toml::node& node) {
    const toml::array* inputs = node.as_array();
    if (inputs == nullptr || !inputs->is_array_of_tables()) {
      return At(node, InvalidArgumentError("input: write [[input]], once for each input"));
    }
    for (const toml::node& input : *inputs) {
      RETURN_IF_ERROR(ReadSection("input", *input.as_table(), file_.spec.add_inputs()));
    }
    return absl::OkStatus();
  }
  absl::Status ReadOutputs(const toml::node& node) {
    const toml::table* const outputs = node.as_table();
    if (outputs == nullptr) return At(node, NoOutputs());
    for (const auto& [name, output] : *outputs) {
      if (!output.is_table()) return At(output, NoOutputs());
      NamedOutput(name.str(), &file_);  // also when nothing more is said of it
      const std::string section = fmt::format("{}{}", kOutputs, std::string_view(name.str()));
      RETURN_IF_ERROR(ReadSection(section, *output.as_table(), nullptr));
    }
    return absl::OkStatus();
  }
  absl::Status ReadFlags(const toml::node& node) {
    const toml::table* const flags = node.as_table();
    if (flags == nullptr) {
      return At(node, InvalidArgumentError("flags: write [flags], and PARAMETER = \"what it is\""));
    }
    for (const auto& [parameter, line] : *flags) {
      const absl::StatusOr<std::string> help = TomlText(line);
      if (!help.ok()) return At(line, Annotate(help.status(), kFlags));
      RETURN_IF_ERROR(At(line, AddJobFlag(parameter.str(), *help, &file_)));
    }
    return absl::OkStatus();
  }
  static absl::Status NoOutputs() {
    return InvalidArgumentError("outputs: write [outputs.NAME], once for each output");
  }
  absl::Status ReadSection(const std::string& section, const toml::table& table,
                           JobSpec::Input* input) {
    // "deterministic" is on unless a spec says otherwise.
    if (section == "limits" && !file_.spec.has_limits()) {
      file_.spec.mutable_limits()->set_deterministic(true);
    }
    for (const auto& [key, node] : table) {
      RETURN_IF_ERROR(
          ReadKey(fmt::format("{}.{}", section, std::string_view(key.str())), node, input));
    }
    return absl::OkStatus();
  }
  absl::Status ReadKey(const std::string& name, const toml::node& node, JobSpec::Input* input) {
    const absl::StatusOr<std::string> value = TomlText(node);
    if (!value.ok()) return At(node, Annotate(value.status(), name));
    return At(node, SetKey(name, *value, {&file_, input}));
  }
  absl::Status At(const toml::node& node, const absl::Status& status) const {
    return Annotate(status, fmt::format("{}:{}", source_, node.source().begin.line));
  }

  const std::string source_;
  SpecFile file_;
};

}  // namespace

absl::StatusOr<std::string> TomlText(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* on = node.as_boolean()) return std::string(on->get() ? "true" : "false");
  if (const auto* list = node.as_array()) {
    std::string text;
    for (const toml::node& element : *list) {
      ASSIGN_OR_RETURN(const std::string one, TomlText(element));
      text += (text.empty() ? "" : ",") + one;
    }
    return text;
  }
  return InvalidArgumentError("must be a text, a number, or true or false");
}

void AddSideFile(std::string_view path, std::string_view name, SpecFile* file) {
  file->files.emplace_back(path, name.empty() ? path.substr(path.rfind('/') + 1) : name);
}

absl::StatusOr<SpecFile> ParseSpec(std::string_view toml, std::string_view source) {
  SpecReader reader(source);
  try {
    const toml::table table = toml::parse(toml);
    RETURN_IF_ERROR(reader.Read(table));
  } catch (const toml::parse_error& error) {
    return InvalidArgumentError("{}:{}: {}", source, error.source().begin.line,
                                std::string(error.description()));
  }
  return reader.Take();
}

absl::Status SetSpecKey(std::string_view assignment, SpecFile* file) {
  const size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return InvalidArgumentError("'{}' is not KEY=VALUE", assignment);
  }
  return SetSpecKey(assignment.substr(0, equals), assignment.substr(equals + 1), file);
}

absl::Status SetSpecKey(std::string_view key, std::string_view value, SpecFile* file) {
  if (key.starts_with("limits.") && !file->spec.has_limits()) {
    file->spec.mutable_limits()->set_deterministic(true);
  }
  if (!key.starts_with("input.")) return SetKey(key, value, {file, nullptr});
  if (file->spec.inputs().empty()) file->spec.add_inputs();
  for (JobSpec::Input& input : *file->spec.mutable_inputs()) {
    RETURN_IF_ERROR(SetKey(key, value, {file, &input}));
  }
  return absl::OkStatus();
}

absl::Status CheckParameters(const SpecFile& file) {
  RETURN_IF_ERROR(CheckParameterNames(file));
  return CheckParameterForms(file);
}

absl::Status CheckParameterNames(const SpecFile& file) {
  if (!file.parameters.has_value()) return absl::OkStatus();
  const std::vector<std::string>& known = *file.parameters;
  for (const auto& [name, value] : file.spec.params()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string near = DidYouMean(name, known);
    return InvalidArgumentError(
        "params.{}: {} has {}{}", CleanLine(name, 100), file.spec.name(),
        known.empty() ? "no parameters" : fmt::format("only {}", fmt::join(known, ", ")),
        near.empty() ? "" : fmt::format(". Did you mean params.{}?", near));
  }
  return absl::OkStatus();
}

absl::Status CheckKindsOfFiles(const SpecFile& file, const ReadFileStart& read) {
  const std::map<std::string, std::string> params(file.spec.params().begin(),
                                                  file.spec.params().end());
  return CheckFileKinds(file.file_kinds, {file.files, params, file.parameter_of_file}, read);
}

absl::Status CheckParameterForms(const SpecFile& file) {
  std::vector<std::string> files;
  for (const auto& [path, name] : file.files) files.push_back(name);
  for (const auto& [name, form] : file.forms) {
    const auto set = file.spec.params().find(name);
    if (set == file.spec.params().end()) continue;
    if (set->second.find("${") != std::string::npos) continue;
    RETURN_IF_ERROR(Annotate(form.Check(set->second, files), fmt::format("params.{}", name)));
  }
  const auto& params = file.spec.params();
  return CheckNeeds(file.needs, {params.begin(), params.end()}, files);
}

}  // namespace quern::mr
