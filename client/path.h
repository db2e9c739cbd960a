// Paths of the cluster as text: absolute, names between slashes, a name being any bytes but NUL
// and "/".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern::client {

// Parts between slashes, empty ones left out: "/a//b/" -> {"a", "b"}.
std::vector<std::string> SplitPath(std::string_view path);
// A path as a person wrote it: "/a//b/" -> "/a/b". InvalidArgument when it does not begin with "/".
absl::StatusOr<std::string> CleanPath(std::string_view path);
// "/a/b" -> "/a" and "b"; "/" is its own parent.
std::string ParentOf(std::string_view path);
std::string BaseName(std::string_view path);
// True for a last part that the inputs of jobs skip: "_SUCCESS", ".hidden".
bool IsHiddenName(std::string_view path);
// What jobs and the coordinator keep in the file system while they work; it is not for users'
// files, and what is old in it goes away by itself.
inline constexpr std::string_view kReservedDir = "/.quern";
// True for the directory itself, and everything below it.
inline bool IsReserved(std::string_view path) {
  const size_t name = path.find_first_not_of('/');
  if (name == 0 || name == std::string_view::npos) return false;
  path.remove_prefix(name);
  const std::string_view reserved = kReservedDir.substr(1);
  return path.starts_with(reserved) &&
         (path.size() == reserved.size() || path[reserved.size()] == '/');
}
std::string JoinPath(std::string_view directory, std::string_view name);

}  // namespace quern::client
