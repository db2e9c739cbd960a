#include "mapreduce/cli/pipeline_spec.h"

#include <absl/strings/str_replace.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <functional>

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/shell_words.h"
#include "mapreduce/cli/job_source.h"
#include "mapreduce/cli/listed_files.h"
#include "mapreduce/cli/optional_stages.h"
#include "mapreduce/cli/toml_text.h"
#include "mapreduce/cli/unused_settings.h"
#include "mapreduce/plan/pipeline_rules.h"

namespace quern::mr {
namespace {

constexpr std::string_view kParams = "params.";
constexpr std::string_view kParameters = "parameters";
constexpr std::string_view kRepeat = "repeat.";

// Keys in the order of the file.
std::vector<std::pair<std::string, const toml::node*>> InOrder(const toml::table& table) {
  std::vector<std::pair<std::string, const toml::node*>> keys;
  for (const auto& [key, node] : table) keys.emplace_back(std::string(key.str()), &node);
  std::stable_sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) {
    return a.second->source().begin < b.second->source().begin;
  });
  return keys;
}

void Set(const std::string& key, const std::string& value, Settings* settings) {
  std::erase_if(*settings, [&](const auto& one) { return one.first == key; });
  settings->emplace_back(key, value);
}

// Where a stage publishes is a key of the stage; a job would call it output.path.
void SetOfStage(const std::string& key, const std::string& value, StageFile* stage) {
  if (key == "output" || key == "output.path") {
    stage->output = value;
  } else {
    Set(key, value, &stage->settings);
  }
}

// A key of a stage's `repeat`.
absl::Status SetOfRounds(const std::string& key, const std::string& value,
                         pb::PipelineStage::Repeat* repeat) {
  if (key == "until") {
    repeat->set_until(value);
  } else if (key == "first") {
    repeat->set_first(value);
  } else if (key == "at_max" && (value == "fail" || value == "end")) {
    repeat->set_fail_at_max(value == "fail");
  } else if (key == "max" || key == "in_a_row") {
    const absl::StatusOr<int64_t> number = ParseNumber(value, {1, kMaxRounds});
    if (!number.ok()) return Annotate(number.status(), key);
    key == "max" ? repeat->set_max(static_cast<uint32_t>(*number))
                 : repeat->set_in_a_row(static_cast<uint32_t>(*number));
  } else {
    return InvalidArgumentError(
        "{}: it has until, max, first, in_a_row and at_max = \"end\" or \"fail\"", key);
  }
  return absl::OkStatus();
}

// "repeat.max" of a command line.
absl::Status SetRepeat(const std::string& key, const std::string& value, StageFile* stage) {
  if (!stage->repeat) {
    return InvalidArgumentError("{}: stage {} has no rounds", CleanLine(key, 100), stage->name);
  }
  return Annotate(SetOfRounds(key.substr(kRepeat.size()), value, &*stage->repeat),
                  fmt::format("{}.repeat", stage->name));
}

class PipelineReader {
 public:
  explicit PipelineReader(std::string_view source) : source_(source) {}

  absl::Status Read(const toml::table& table) {
    for (const auto& [key, node] : InOrder(table)) {
      RETURN_IF_ERROR(At(*node, Annotate(ReadKey(key, *node), key)));
    }
    for (const auto& [parameter, help] : flags_) {
      RETURN_IF_ERROR(Annotate(AddJobFlag(parameter, help, &as_of_a_job_), source_));
    }
    file_.forms = std::move(as_of_a_job_.forms);
    file_.flags = std::move(as_of_a_job_.flags);
    return absl::OkStatus();
  }
  PipelineFile Take() { return std::move(file_); }

 private:
  absl::Status ReadKey(const std::string& key, const toml::node& node) {
    if (key == "stage") return ReadStages(node);
    if (key == "params") return ReadSection(node, "", &file_.params);
    if (key == "flags") return ReadSection(node, "", &flags_);
    ASSIGN_OR_RETURN(const std::string text, TomlText(node));
    if (key == "name") {
      file_.name = text;
    } else if (key == "usage") {
      file_.usage = text;
    } else if (key == "help") {
      file_.help = text;
    } else if (key == "input") {
      file_.inputs = SplitList(text);
    } else if (key == "output") {
      file_.output = text;
    } else if (key == "keep") {
      file_.keep = text == "true";
    } else if (key == kParameters) {
      return SetSpecKey(kParameters, text, &as_of_a_job_);
    } else {
      return InvalidArgumentError(
          "unknown key: a pipeline has name, usage, help, input, output, keep, parameters, "
          "[params], [flags] and [[stage]]");
    }
    return absl::OkStatus();
  }

  absl::Status ReadStages(const toml::node& node) {
    const toml::array* stages = node.as_array();
    if (stages == nullptr || !stages->is_array_of_tables()) {
      return InvalidArgumentError("write [[stage]], once for each stage");
    }
    for (const toml::node& stage : *stages) {
      file_.stages.emplace_back();
      for (const auto& [key, value] : InOrder(*stage.as_table())) {
        RETURN_IF_ERROR(At(*value, Annotate(ReadStageKey(key, *value, &file_.stages.back()), key)));
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadStageKey(const std::string& key, const toml::node& node, StageFile* stage) {
    if (key == "input") return ReadInputs(node, stage);
    if (key == "repeat") return ReadRepeat(node, stage);
    if (key == "params") return ReadSection(node, "", &stage->params);
    if (node.is_table()) {
      Settings settings;
      RETURN_IF_ERROR(ReadSection(node, key + ".", &settings));
      for (const auto& [name, value] : settings) SetOfStage(name, value, stage);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const std::string text, TomlText(node));
    if (key == "name") {
      stage->name = text;
    } else if (key == "job") {
      stage->job = text;
    } else if (key == "when") {
      stage->when = text;
    } else if (key == "otherwise") {
      stage->otherwise = text;
    } else {
      SetOfStage(key, text, stage);
    }
    return absl::OkStatus();
  }

  absl::Status ReadInputs(const toml::node& node, StageFile* stage) {
    const toml::array* inputs = node.as_array();
    if (inputs == nullptr) {
      ASSIGN_OR_RETURN(const std::string path, TomlText(node));
      stage->inputs.push_back({.settings = {{"path", path}}});
      return absl::OkStatus();
    }
    for (const toml::node& input : *inputs) {
      Settings& settings = stage->inputs.emplace_back().settings;
      if (input.is_table()) {
        RETURN_IF_ERROR(ReadSection(input, "", &settings));
      } else {
        ASSIGN_OR_RETURN(std::string path, TomlText(input));
        settings.emplace_back("path", std::move(path));
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadRepeat(const toml::node& node, StageFile* stage) {
    Settings settings;
    RETURN_IF_ERROR(ReadSection(node, "", &settings));
    stage->repeat.emplace();
    for (const auto& [key, value] : settings) {
      RETURN_IF_ERROR(SetOfRounds(key, value, &*stage->repeat));
    }
    return absl::OkStatus();
  }

  absl::Status ReadSection(const toml::node& node, const std::string& prefix, Settings* settings) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return InvalidArgumentError("must be a table of KEY = VALUE");
    for (const auto& [key, value] : InOrder(*table)) {
      if (const toml::table* inner = value->as_table()) {
        RETURN_IF_ERROR(ReadSection(*inner, fmt::format("{}{}.", prefix, key), settings));
        continue;
      }
      ASSIGN_OR_RETURN(std::string text, TomlText(*value));
      settings->emplace_back(prefix + key, std::move(text));
    }
    return absl::OkStatus();
  }

  // The innermost place is the one to look at.
  absl::Status At(const toml::node& node, const absl::Status& status) const {
    if (status.ok() || Message(status).starts_with(source_)) return status;
    return Annotate(status, fmt::format("{}:{}", source_, node.source().begin.line));
  }

  const std::string source_;
  PipelineFile file_;
  SpecFile as_of_a_job_;  // its parameters
  Settings flags_;        // parameter, help
};

// Those of a stage, one for each path that @in stands for.
absl::StatusOr<std::vector<StageInput>> InputsOf(const PipelineFile& file, const StageFile& stage) {
  std::vector<StageInput> inputs;
  for (const StageInput& input : stage.inputs) {
    const auto path = std::find_if(input.settings.begin(), input.settings.end(),
                                   [](const auto& one) { return one.first == "path"; });
    if (path == input.settings.end()) return InvalidArgumentError("input: path is missing");
    if (path->second != "@in") {
      inputs.push_back(input);
      continue;
    }
    if (file.inputs.empty()) {
      return InvalidArgumentError("reads @in, which nobody has named. Try: mr run {} IN OUT",
                                  file.usage.empty() ? "PIPELINE" : ShellQuotedLine(file.name));
    }
    for (const std::string& in : file.inputs) {
      inputs.push_back(input);
      Set("path", in, &inputs.back().settings);
    }
  }
  return inputs;
}

// Whether what stands for a stage that is left out is read anyway, or stands for another one too:
// nothing is read twice that the file does not name twice.
bool IsReadAnyway(const std::vector<StageInput>& inputs,
                  const std::vector<pb::JobSpec::Input>& filled, size_t i) {
  const std::string bytes = filled[i].SerializeAsString();
  for (size_t j = 0; j < filled.size(); ++j) {
    const bool is_first = inputs[j].kind == StageInput::Kind::kWritten ||
                          (inputs[j].kind == StageInput::Kind::kStandIn && j < i);
    if (j != i && is_first && filled[j].SerializeAsString() == bytes) return true;
  }
  return false;
}

// The inputs that a stage reads, in the forms that its job gives them. A form goes with its input.
absl::Status FillInputs(const PipelineFile& file, LoadedStage* stage) {
  pb::JobSpec* spec = &stage->file.spec;
  ASSIGN_OR_RETURN(const std::vector<StageInput> inputs, InputsOf(file, stage->stage));
  if (inputs.empty()) {
    if (spec->inputs().empty() || spec->inputs(0).path().empty()) {
      return InvalidArgumentError("input: is missing");
    }
    return absl::OkStatus();
  }
  const google::protobuf::RepeatedPtrField<pb::JobSpec::Input> forms = spec->inputs();
  if (forms.size() > 1 && forms.size() != static_cast<int>(inputs.size())) {
    return InvalidArgumentError("input: its job has {} inputs, and {} are named", forms.size(),
                                inputs.size());
  }
  std::vector<pb::JobSpec::Input> filled;
  for (size_t i = 0; i < inputs.size(); ++i) {
    SpecFile one;
    pb::JobSpec::Input* input = one.spec.add_inputs();
    if (!forms.empty()) *input = forms.Get(forms.size() > 1 ? static_cast<int>(i) : 0);
    for (const auto& [key, value] : inputs[i].settings) {
      RETURN_IF_ERROR(SetSpecKey("input." + key, value, &one));
    }
    filled.push_back(one.spec.inputs(0));
  }
  spec->clear_inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].kind == StageInput::Kind::kGone) continue;
    if (inputs[i].kind == StageInput::Kind::kStandIn && IsReadAnyway(inputs, filled, i)) continue;
    *spec->add_inputs() = filled[i];
  }
  if (!spec->inputs().empty()) return absl::OkStatus();
  return InvalidArgumentError(
      "input: is of stages that are left out, and nothing stands for it. Try: the same when = ... "
      "for this stage");
}

absl::Status FillFirst(const PipelineFile& file, StageFile* stage) {
  if (!stage->repeat || stage->repeat->first() != "@in") return absl::OkStatus();
  if (file.inputs.size() != 1) {
    return InvalidArgumentError("repeat: first: @in is {} paths. Try: a stage that reads @in",
                                file.inputs.size());
  }
  stage->repeat->set_first(file.inputs[0]);
  return absl::OkStatus();
}

// Those of the pipeline, then the stage's own over them.
absl::Status FillParams(const PipelineFile& file, LoadedStage* stage) {
  for (const auto& [name, value] : file.params) {
    if (!ReadsParam(*stage, name)) continue;
    RETURN_IF_ERROR(SetSpecKey("params." + name, value, &stage->file));
  }
  for (const auto& [name, value] : stage->stage.params) {
    RETURN_IF_ERROR(SetSpecKey("params." + name, value, &stage->file));
  }
  return CheckParameterNames(stage->file);
}

// With what the parameter of the stage's condition stands for.
std::string Filled(const PipelineFile& file, const StageFile& stage, std::string text) {
  const std::string* const value = stage.when.empty() ? nullptr : FindParam(file, stage.when);
  const std::string name = fmt::format("${{{}}}", stage.when);
  if (value != nullptr) absl::StrReplaceAll({{name, *value}}, &text);
  return text;
}

absl::Status FillStage(const PipelineFile& file, LoadedStage* stage) {
  // A job's own output paths are for when it runs alone.
  for (pb::JobSpec::NamedOutput& output : *stage->file.spec.mutable_outputs()) {
    if (!IsBesideMain(output)) output.mutable_output()->clear_path();
  }
  for (const auto& [key, value] : stage->stage.settings) {
    if (const auto parameter = ParameterOfFiles(stage->stage, key, value)) {
      if (!ReadsParam(*stage, *parameter)) {
        return InvalidArgumentError("{}: its job reads no such parameter", CleanLine(key, 100));
      }
      RETURN_IF_ERROR(AddListedFiles(file.params, *parameter, value, stage));
      continue;
    }
    const bool says_path = key.starts_with("files.") && Filled(file, stage->stage, key) != key;
    if (says_path) stage->file.parameter_of_file[value] = stage->stage.when;
    // A side file's path is in the key.
    RETURN_IF_ERROR(SetSpecKey(Filled(file, stage->stage, key), Filled(file, stage->stage, value),
                               &stage->file));
  }
  RETURN_IF_ERROR(FillInputs(file, stage));
  RETURN_IF_ERROR(FillFirst(file, &stage->stage));
  // Said on the command line, of all inputs: over what the file says of each.
  for (const auto& [key, value] : stage->stage.settings) {
    if (key.starts_with("input.")) RETURN_IF_ERROR(SetSpecKey(key, value, &stage->file));
  }
  RETURN_IF_ERROR(FillParams(file, stage));
  stage->file.spec.mutable_output()->set_path(stage->stage.output);
  return RunsCommands(stage->file) ? CompleteCommands(&stage->file) : absl::OkStatus();
}

// Empty: it is none of the stage's outputs.
std::string FormatOf(const pb::JobSpec& job, const std::string& output) {
  if (output.empty()) return job.output().format();
  for (const pb::JobSpec::NamedOutput& named : job.outputs()) {
    if (named.name() == output) return named.output().format();
  }
  return "";
}

// What reads another stage's output reads it in the form in which it was written.
void MatchFormats(pb::PipelineSpec* spec) {
  for (pb::PipelineStage& stage : *spec->mutable_stages()) {
    for (pb::JobSpec::Input& input : *stage.mutable_job()->mutable_inputs()) {
      const std::optional<StageReference> reference = ParseStageReference(input.path());
      if (!reference || !input.format().empty()) continue;
      for (const pb::PipelineStage& from : spec->stages()) {
        if (from.name() != reference->stage) continue;
        const std::string written = FormatOf(from.job(), reference->output);
        const bool same =
            written == "record" || written == "table" || written == "jsonl" || written == "parquet";
        if (same) input.set_format(written);
      }
    }
  }
}

}  // namespace

const std::string* FindParam(const PipelineFile& file, std::string_view name) {
  for (const auto& [key, value] : file.params) {
    if (key == name) return &value;
  }
  return nullptr;
}

bool ReadsParam(const LoadedStage& stage, std::string_view param) {
  const auto& known = stage.file.parameters;
  return !known || std::find(known->begin(), known->end(), param) != known->end();
}

bool IsPipelineText(std::string_view toml) {
  try {
    return toml::parse(toml).contains("stage");
  } catch (const toml::parse_error&) {
    return false;
  }
}

absl::StatusOr<PipelineFile> ParsePipeline(std::string_view toml, std::string_view source) {
  PipelineReader reader(source);
  try {
    const toml::table table = toml::parse(toml);
    RETURN_IF_ERROR(reader.Read(table));
  } catch (const toml::parse_error& error) {
    return InvalidArgumentError("{}:{}: {}", source, error.source().begin.line,
                                std::string(error.description()));
  }
  return reader.Take();
}

absl::StatusOr<LoadedStage> LoadStage(StageFile stage, SpecFile job) {
  // Before anybody sets one of them, or asks for them.
  for (const auto& [key, value] : stage.settings) {
    if (key == kParameters) RETURN_IF_ERROR(SetSpecKey(key, value, &job));
  }
  std::erase_if(stage.settings, [](const auto& one) { return one.first == kParameters; });
  return LoadedStage{std::move(stage), std::move(job)};
}

absl::Status SetPipelineKey(std::string_view assignment, PipelineFile* file,
                            std::vector<LoadedStage>* stages) {
  const size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return InvalidArgumentError("'{}' is not KEY=VALUE", assignment);
  }
  std::string key(assignment.substr(0, equals));
  const std::string value(assignment.substr(equals + 1));
  for (LoadedStage& stage : *stages) {
    if (!key.starts_with(stage.stage.name + ".")) continue;
    stage.stage.said.push_back(key);
    std::string rest = key.substr(stage.stage.name.size() + 1);
    const bool is_param = stage.file.parameters && ReadsParam(stage, rest);
    if (rest.starts_with(kParams) || is_param) {
      if (rest.starts_with(kParams)) rest.erase(0, kParams.size());
      Set(rest, value, &stage.stage.params);
    } else if (rest == kParameters) {
      RETURN_IF_ERROR(SetSpecKey(rest, value, &stage.file));
    } else if (rest.starts_with(kRepeat)) {
      RETURN_IF_ERROR(SetRepeat(rest, value, &stage.stage));
    } else {
      SetOfStage(rest, value, &stage.stage);
    }
    return absl::OkStatus();
  }
  if (key.starts_with(kParams)) key.erase(0, kParams.size());
  const bool declared = std::any_of(file->params.begin(), file->params.end(),
                                    [&](const auto& one) { return one.first == key; });
  const bool is_read = std::any_of(stages->begin(), stages->end(), [&](const LoadedStage& stage) {
    return stage.stage.when == key || (stage.file.parameters && ReadsParam(stage, key));
  });
  if (!declared && !is_read) {
    std::vector<std::string> names;
    for (const LoadedStage& stage : *stages) names.push_back(stage.stage.name);
    return InvalidArgumentError(
        "{}: no stage reads such a parameter. Try: STAGE.{}, where STAGE is one of {}",
        CleanLine(key, 100), CleanLine(key, 100), fmt::format("{}", fmt::join(names, ", ")));
  }
  file->said.push_back(key);
  Set(key, value, &file->params);
  return absl::OkStatus();
}

absl::Status CheckPipelineForms(const PipelineFile& file) {
  for (const auto& [name, form] : file.forms) {
    const std::string* const value = FindParam(file, name);
    if (value == nullptr) continue;
    RETURN_IF_ERROR(Annotate(form.Check(*value), fmt::format("params.{}", name)));
  }
  return absl::OkStatus();
}

absl::StatusOr<pb::PipelineSpec> BuildPipeline(const PipelineFile& file,
                                               std::vector<LoadedStage>* stages) {
  pb::PipelineSpec spec;
  spec.set_name(file.name);
  spec.set_output_path(file.output);
  spec.set_keep(file.keep);
  RETURN_IF_ERROR(CheckParamsAreRead(file, *stages));
  RETURN_IF_ERROR(LeaveOutStages(file, stages));
  for (LoadedStage& stage : *stages) {
    RETURN_IF_ERROR(Annotate(FillStage(file, &stage), fmt::format("stage {}", stage.stage.name)));
    pb::PipelineStage* added = spec.add_stages();
    added->set_name(stage.stage.name);
    *added->mutable_job() = stage.file.spec;
    if (stage.stage.repeat) *added->mutable_repeat() = *stage.stage.repeat;
  }
  MatchFormats(&spec);
  return spec;
}

}  // namespace quern::mr
