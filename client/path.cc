#include "client/path.h"

#include <algorithm>

namespace quern::client {

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) parts.emplace_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

absl::StatusOr<std::string> CleanPath(std::string_view path) {
  if (!path.starts_with('/')) {
    return InvalidArgumentError("{}: paths of the cluster begin with '/'. Try: /{}",
                                path.empty() ? "''" : path, path);
  }
  std::string clean;
  for (const std::string& part : SplitPath(path)) clean += "/" + part;
  return clean.empty() ? "/" : clean;
}

std::string ParentOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

std::string BaseName(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos || path.size() == 1 ? path
                                                                         : path.substr(slash + 1));
}

bool IsHiddenName(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.starts_with('_') || name.starts_with('.');
}

std::string JoinPath(std::string_view directory, std::string_view name) {
  return fmt::format("{}{}{}", directory, directory.ends_with('/') ? "" : "/", name);
}

}  // namespace quern::client
