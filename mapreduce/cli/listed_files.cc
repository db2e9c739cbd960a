#include "mapreduce/cli/listed_files.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "common/cli/cli.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {
namespace {

// The file's own name behind those of so many directories above it.
std::string NameBehindDirs(const std::string& path, size_t dirs) {
  std::string name = path.substr(path.rfind('/') + 1);
  std::string_view plain = path;
  if (plain.starts_with(kLocalScheme)) plain.remove_prefix(kLocalScheme.size());
  std::filesystem::path dir = std::filesystem::path(plain).lexically_normal().parent_path();
  for (; dirs > 0 && dir.has_filename(); --dirs, dir = dir.parent_path()) {
    std::string front = dir.filename().string();
    // A job may take what follows a dot for the kind of the file.
    std::replace(front.begin(), front.end(), '.', '_');
    name = fmt::format("{}_{}", front, name);
  }
  return name;
}

}  // namespace

std::vector<std::string> NamesOfFiles(const std::vector<std::string>& paths) {
  std::vector<size_t> dirs(paths.size(), 0);
  std::vector<std::string> names;
  std::vector<std::string> before;
  do {
    before = std::exchange(names, {});
    std::map<std::string, size_t> count;
    for (size_t i = 0; i < paths.size(); ++i) {
      ++count[names.emplace_back(NameBehindDirs(paths[i], dirs[i]))];
    }
    for (size_t i = 0; i < paths.size(); ++i) dirs[i] += count[names[i]] > 1 ? 1 : 0;
  } while (names != before);
  return names;
}

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
  const std::vector<std::string> listed = SplitList(*paths);
  std::vector<std::string> names = NamesOfFiles(listed);
  if (!name.empty()) std::fill(names.begin(), names.end(), name);
  for (size_t i = 0; i < listed.size(); ++i) {
    RETURN_IF_ERROR(SetSpecKey("files." + listed[i], names[i], &stage->file));
    stage->file.parameter_of_file[names[i]] = parameter;
  }
  Settings& own = stage->stage.params;
  std::erase_if(own, [&](const auto& one) { return one.first == parameter; });
  own.emplace_back(parameter, fmt::format("{}", fmt::join(names, ",")));
  return absl::OkStatus();
}

}  // namespace quern::mr
