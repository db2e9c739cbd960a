#include "mapreduce/cli/on_this_machine.h"

#include <fmt/ranges.h>
#include <glob.h>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "client/file_system.h"
#include "common/cli/cli.h"
#include "common/shell_words.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {
namespace {

bool IsHere(PathUse use, const std::string& path) {
  if (use == PathUse::kSideFile) return IsRegularFile(path);
  if (FileSystem::Real()->Exists(path)) return true;
  glob_t matches{};
  const bool found = glob(path.c_str(), GLOB_BRACE | GLOB_NOSORT, nullptr, &matches) == 0;
  globfree(&matches);
  return found;
}

std::string Here(std::string_view path) { return fmt::format("{}{}", kLocalScheme, path); }

bool IsBelow(std::string_view dir, const std::string& path) {
  while (dir.ends_with('/')) dir.remove_suffix(1);
  return !dir.empty() && dir.starts_with('/') && path.starts_with(dir) &&
         path.size() > dir.size() && path[dir.size()] == '/';
}

// A list of paths, with that one as one of this machine; nothing where it is not among them. A
// pipeline makes paths out of a parameter that is a directory: `below` looks for those.
std::optional<std::string> ListWith(std::string_view list, const std::string& path, bool below) {
  std::vector<std::string> items = SplitList(list);
  bool found = false;
  for (std::string& item : items) {
    if (item != path && !(below && IsBelow(item, path))) continue;
    item = Here(item);
    found = true;
  }
  if (!found) return std::nullopt;
  return fmt::format("{}", fmt::join(items, ","));
}

// "--set KEY=VALUE", where VALUE or the end of KEY, files./PATH, is or lists the path.
std::optional<std::string> SettingWith(const std::string& setting, const std::string& path,
                                       bool below) {
  const size_t equals = setting.find('=');
  if (equals == std::string::npos) return std::nullopt;
  std::string key = setting.substr(0, equals);
  std::string value = setting.substr(equals + 1);
  if (key.ends_with("files." + path)) {
    key.insert(key.size() - path.size(), kLocalScheme);
  } else {
    std::optional<std::string> list = ListWith(value, path, below);
    if (!list) return std::nullopt;
    value = *std::move(list);
  }
  return fmt::format("--set {}", ShellQuotedLine(fmt::format("{}={}", key, value)));
}

// The flag that names the path, as it would name that of this machine; nothing when none does.
std::optional<std::string> FlagFor(const std::string& path, const SaidPaths& said) {
  for (const bool below : {false, true}) {
    for (const std::string& setting : said.settings) {
      if (auto flag = SettingWith(setting, path, below)) return flag;
    }
    for (const std::string& list : said.files) {
      const auto files = ListWith(list, path, below);
      if (files) return fmt::format("--files {}", ShellQuotedLine(*files));
    }
  }
  return std::nullopt;
}

std::string NextStep(PathUse use, const std::string& path, const SaidPaths& said) {
  // No worker of a cluster has a file of this machine.
  if (use == PathUse::kInput && !said.local) {
    return fmt::format("dfs put, or --local with {}", ShellQuotedLine(Here(path)));
  }
  if (auto flag = FlagFor(path, said)) return *std::move(flag);
  return use == PathUse::kInput ? ShellQuotedLine(Here(path))
                                : fmt::format("{}, where the spec names it", Here(path));
}

absl::Status Find(client::FileSystem* dfs, PathUse use, const std::string& path) {
  if (use == PathUse::kSideFile) return dfs->Stat(path).status();
  ASSIGN_OR_RETURN(const std::vector<std::string> found, dfs->Glob(path));
  return found.empty() ? NotFoundError("{}", path) : absl::OkStatus();
}

}  // namespace

absl::Status SayIfHere(const absl::Status& missing, PathUse use, const std::string& path,
                       const SaidPaths& said) {
  const bool is_gone = missing.code() == absl::StatusCode::kNotFound;
  const bool is_away = said.local && missing.code() == absl::StatusCode::kUnavailable;
  if ((!is_gone && !is_away) || !path.starts_with('/') || !IsHere(use, path)) return missing;
  const std::string_view what = use == PathUse::kInput ? "input" : "files";
  const std::string next = NextStep(use, path, said);
  if (is_gone) {
    return NotFoundError("{}: {}: is not in the cluster, but on this machine. Try: {}", what, path,
                         next);
  }
  return UnavailableError("{}: {}: the cluster does not answer, but this machine has it. Try: {}",
                          what, path, next);
}

absl::Status CheckNotOnlyHere(const Session& session, const pb::JobSpec& job,
                              const SaidPaths& said) {
  std::vector<std::pair<PathUse, std::string>> paths;
  const auto add = [&](PathUse use, const std::string& path) {
    if (path.starts_with('/') && IsHere(use, path)) paths.emplace_back(use, path);
  };
  for (const pb::JobSpec::Input& input : job.inputs()) add(PathUse::kInput, input.path());
  for (const pb::JobSpec::SideFile& side : job.files()) {
    add(PathUse::kSideFile, side.file().path());
  }
  if (paths.empty()) return absl::OkStatus();
  client::ClientOptions options;
  ASSIGN_OR_RETURN(options.masters, session.masters());
  options.clock = session.clock;
  const std::unique_ptr<client::FileSystem> dfs = client::FileSystem::Create(options);
  for (const auto& [use, path] : paths) {
    RETURN_IF_ERROR(SayIfHere(Find(dfs.get(), use, path), use, path, said));
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
