#include "mapreduce/cli/optional_stages.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "mapreduce/cli/flag_value.h"
#include "mapreduce/plan/pipeline_rules.h"

namespace quern::mr {
namespace {

constexpr std::string_view kIn = "@in";
constexpr size_t kShownReferenceBytes = 100;

// Each of them has a `when`.
absl::Status NoStageIsLeft(const std::vector<LoadedStage>& stages) {
  std::vector<std::string> settings;
  for (const LoadedStage& stage : stages) {
    const std::string setting = fmt::format("--set {}=...", stage.stage.when);
    if (std::find(settings.begin(), settings.end(), setting) == settings.end()) {
      settings.push_back(setting);
    }
  }
  return InvalidArgumentError("every stage is left out. Try: {}", fmt::join(settings, " or "));
}

// Nothing for IN, which is no stage.
std::optional<StageReference> ReferenceTo(std::string_view path) {
  return path == kIn ? std::nullopt : ParseStageReference(path);
}

using StagesByName = std::map<std::string, const StageFile*, std::less<>>;

absl::Status CheckOtherwise(const StageFile& stage, const StagesByName& all) {
  if (stage.when.empty()) {
    return InvalidArgumentError("the stage is never left out. Try: when = \"PARAMETER\"");
  }
  if (stage.otherwise == kIn) return absl::OkStatus();
  const std::optional<StageReference> reference = ReferenceTo(stage.otherwise);
  if (!reference) {
    return InvalidArgumentError("'{}' is none of @STAGE, @STAGE.OUTPUT and @in",
                                CleanLine(stage.otherwise, kShownReferenceBytes));
  }
  if (all.contains(reference->stage)) return absl::OkStatus();
  std::vector<std::string> names;
  for (const auto& [name, one] : all) names.push_back(name);
  const std::string near = DidYouMean(reference->stage, names);
  return InvalidArgumentError("{}: there is no such stage{}",
                              CleanLine(stage.otherwise, kShownReferenceBytes),
                              near.empty() ? "" : fmt::format(". Did you mean @{}?", near));
}

// From one `otherwise` to the next, until a stage has none.
absl::Status CheckChain(const StageFile& stage, const StagesByName& all) {
  std::vector<std::string> chain = {"@" + stage.name};
  for (const StageFile* at = &stage; !at->otherwise.empty();) {
    chain.push_back(at->otherwise);
    const std::optional<StageReference> reference = ReferenceTo(at->otherwise);
    if (!reference) break;
    at = all.at(reference->stage);
    if (at != &stage && chain.size() <= all.size()) continue;
    return InvalidArgumentError(
        "goes in circles: {}. Try: one that names a stage which is always there",
        fmt::join(chain, " -> "));
  }
  return absl::OkStatus();
}

absl::Status CheckAll(const std::vector<LoadedStage>& stages) {
  StagesByName all;
  for (const LoadedStage& stage : stages) all.emplace(stage.stage.name, &stage.stage);
  // Each by itself first: chains go through all of them.
  for (const auto& check : {CheckOtherwise, CheckChain}) {
    for (const LoadedStage& stage : stages) {
      if (stage.stage.otherwise.empty()) continue;
      RETURN_IF_ERROR(
          Annotate(check(stage.stage, all), fmt::format("stage {}: otherwise", stage.stage.name)));
    }
  }
  return absl::OkStatus();
}

// Stages that do the same in other ways have one output and a switch each.
absl::Status CheckAlternatives(const std::vector<LoadedStage>& stages) {
  std::map<std::string_view, const StageFile*> writers;  // by output
  for (const LoadedStage& loaded : stages) {
    const StageFile& stage = loaded.stage;
    if (stage.when.empty() || stage.output.empty()) continue;
    const auto [other, is_first] = writers.emplace(stage.output, &stage);
    if (is_first || other->second->when == stage.when) continue;
    return InvalidArgumentError("{} and {}: each of them makes the output {}. Try: one of them",
                                other->second->when, stage.when, CleanLine(stage.output, 200));
  }
  return absl::OkStatus();
}

// What is read in the place of stages that are left out.
class StandIns {
 public:
  StandIns(std::vector<StageFile> left_out, const std::vector<LoadedStage>& kept) {
    for (StageFile& stage : left_out) left_out_.emplace(stage.name, std::move(stage));
    for (const LoadedStage& stage : kept) left_out_.erase(stage.stage.name);
  }

  absl::Status Fill(StageFile* stage) const {
    for (StageInput& input : stage->inputs) {
      for (auto& [key, value] : input.settings) {
        if (key != "path") continue;
        ASSIGN_OR_RETURN(const std::optional<std::string> read, Read(value, stage->name));
        if (read == value) continue;
        input.kind = read ? StageInput::Kind::kStandIn : StageInput::Kind::kGone;
        if (read) value = *read;
      }
    }
    if (!stage->repeat || stage->repeat->first().empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::optional<std::string> first,
                     Read(stage->repeat->first(), stage->name));
    stage->repeat->set_first(first.value_or(""));
    return absl::OkStatus();
  }

 private:
  // What `reader` reads where it says `path`; nothing for a named output of a stage that is left
  // out.
  absl::StatusOr<std::optional<std::string>> Read(std::string path,
                                                  const std::string& reader) const {
    const std::string written = path;
    while (true) {
      const std::optional<StageReference> reference = ReferenceTo(path);
      const auto found = reference ? left_out_.find(reference->stage) : left_out_.end();
      if (found == left_out_.end()) {
        if (path == written || reference == std::nullopt || reference->stage != reader) return path;
        return InvalidArgumentError("input {}: {} stands for it, which is the stage's own output",
                                    CleanLine(written, kShownReferenceBytes), path);
      }
      if (found->second.otherwise.empty()) {
        return InvalidArgumentError(
            "input {}: stage {} is left out, and nothing stands for it. Try: --set {}=..., or "
            "otherwise = \"@STAGE\" of stage {}",
            CleanLine(written, kShownReferenceBytes), found->first, found->second.when,
            found->first);
      }
      if (!reference->output.empty()) return std::nullopt;
      path = found->second.otherwise;
    }
  }

  std::map<std::string, StageFile, std::less<>> left_out_;
};

}  // namespace

Switch SwitchOf(const PipelineFile& file, const StageFile& stage) {
  const std::string* const value = FindParam(file, stage.when);
  if (value == nullptr || value->empty()) return Switch::kUnset;
  return ReadFlag(*value).value_or(true) ? Switch::kOn : Switch::kOff;
}

bool IsLeftOut(const PipelineFile& file, const StageFile& stage) {
  return !stage.when.empty() && SwitchOf(file, stage) != Switch::kOn;
}

absl::Status LeaveOutStages(const PipelineFile& file, std::vector<LoadedStage>* stages) {
  RETURN_IF_ERROR(CheckAll(*stages));
  std::vector<StageFile> left_out;
  for (const LoadedStage& stage : *stages) {
    if (IsLeftOut(file, stage.stage)) left_out.push_back(stage.stage);
  }
  if (left_out.size() == stages->size() && !stages->empty()) return NoStageIsLeft(*stages);
  std::erase_if(*stages, [&](const LoadedStage& one) { return IsLeftOut(file, one.stage); });
  RETURN_IF_ERROR(CheckAlternatives(*stages));
  const StandIns stand_ins(std::move(left_out), *stages);
  for (LoadedStage& stage : *stages) {
    RETURN_IF_ERROR(
        Annotate(stand_ins.Fill(&stage.stage), fmt::format("stage {}", stage.stage.name)));
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
