#include "mapreduce/cli/unused_settings.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "common/clean_text.h"
#include "mapreduce/cli/optional_stages.h"

namespace quern::mr {
namespace {

constexpr size_t kShownKeyBytes = 100;
constexpr size_t kShownListBytes = 300;

bool IsOffOnPurpose(const PipelineFile& file, const StageFile& stage) {
  const auto& said = file.said;
  return std::find(said.begin(), said.end(), stage.when) != said.end() &&
         SwitchOf(file, stage) == Switch::kOff;
}

bool HasOwn(const StageFile& stage, std::string_view param) {
  return std::any_of(stage.params.begin(), stage.params.end(),
                     [&](const auto& one) { return one.first == param; });
}

void AddOnce(const std::string& text, std::vector<std::string>* list) {
  if (std::find(list->begin(), list->end(), text) == list->end()) list->push_back(text);
}

// "--set lines=..., or lines=false where that is meant".
std::string Switches(const std::vector<std::string>& names) {
  std::vector<std::string> on;
  for (const std::string& name : names) on.push_back(fmt::format("--set {}=...", name));
  return fmt::format("{}, or {}=false where that is meant", fmt::join(on, " or "),
                     fmt::join(names, "=false "));
}

absl::Status CheckParamIsUsed(const std::string& param, const PipelineFile& file,
                              const std::vector<LoadedStage>& stages) {
  std::vector<std::string> own;
  std::vector<std::string> left_out;
  std::vector<std::string> switches;
  for (const LoadedStage& loaded : stages) {
    const StageFile& stage = loaded.stage;
    if (stage.when == param) return absl::OkStatus();
    if (!ReadsParam(loaded, param)) continue;
    if (HasOwn(stage, param)) {
      own.push_back(fmt::format("--set {}.{}=...", stage.name, param));
      continue;
    }
    if (!IsLeftOut(file, stage) || IsOffOnPurpose(file, stage)) return absl::OkStatus();
    left_out.push_back(stage.name);
    AddOnce(stage.when, &switches);
  }
  if (left_out.empty() && own.empty()) return absl::OkStatus();
  if (left_out.empty()) {
    return InvalidArgumentError(
        "{}: every stage that reads it has a value of its own. Try: {}",
        CleanLine(param, kShownKeyBytes),
        CleanLine(fmt::format("{}", fmt::join(own, " or ")), kShownListBytes));
  }
  return InvalidArgumentError("{}: is read only by stages that are left out ({}). Try: {}",
                              CleanLine(param, kShownKeyBytes), fmt::join(left_out, ", "),
                              Switches(switches));
}

}  // namespace

absl::Status CheckParamsAreRead(const PipelineFile& file, const std::vector<LoadedStage>& stages) {
  for (const auto& [name, value] : file.params) {
    const bool is_read = std::any_of(stages.begin(), stages.end(), [&](const LoadedStage& stage) {
      return stage.stage.when == name || ReadsParam(stage, name);
    });
    if (!is_read) {
      return InvalidArgumentError("params.{}: no stage reads it", CleanLine(name, kShownKeyBytes));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSettingsAreUsed(const PipelineFile& file,
                                  const std::vector<LoadedStage>& stages) {
  for (const LoadedStage& loaded : stages) {
    const StageFile& stage = loaded.stage;
    if (stage.said.empty() || !IsLeftOut(file, stage) || IsOffOnPurpose(file, stage)) continue;
    return InvalidArgumentError("{}: stage {} is left out. Try: {}",
                                CleanLine(stage.said.front(), kShownKeyBytes), stage.name,
                                Switches({stage.when}));
  }
  for (const std::string& param : file.said) {
    RETURN_IF_ERROR(CheckParamIsUsed(param, file, stages));
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
