#include "mapreduce/cli/listed_files.h"

#include <fmt/ranges.h>

#include "common/cli/cli.h"

namespace quern::mr {

std::optional<std::string> ParameterOfFiles(const StageFile& stage, std::string_view key,
                                            std::string_view value) {
  constexpr std::string_view kOpen = "files.${";
  if (!key.starts_with(kOpen) || !key.ends_with('}')) return std::nullopt;
  const std::string_view name = key.substr(kOpen.size(), key.size() - kOpen.size() - 1);
  if (name == stage.when && !value.empty()) return std::nullopt;
  return std::string(name);
}

absl::Status AddListedFiles(const Settings& params, std::string_view parameter,
                            std::string_view name, LoadedStage* stage) {
  std::optional<std::string> paths;
  for (const Settings& settings : {params, stage->stage.params}) {
    for (const auto& [key, value] : settings) {
      if (key == parameter) paths = value;
    }
  }
  if (!paths.has_value()) return absl::OkStatus();
  std::vector<std::string> names;
  for (const std::string& path : SplitList(*paths)) {
    RETURN_IF_ERROR(SetSpecKey("files." + path, name, &stage->file));
    names.push_back(stage->file.files.back().second);
  }
  Settings& own = stage->stage.params;
  std::erase_if(own, [&](const auto& one) { return one.first == parameter; });
  own.emplace_back(parameter, fmt::format("{}", fmt::join(names, ",")));
  return absl::OkStatus();
}

}  // namespace quern::mr
