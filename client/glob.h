// Shell patterns over paths, expanded by the client.
//
//   *  anything but '/'      ?  one character but '/'     [a-z] [!a] [^a]  one of a set
//   {a,b}  either; may nest and contain '/'               \x  x itself
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern::client {

// True when `pattern` has an unescaped * ? [ or {.
bool HasWildcards(std::string_view pattern);
// The pattern without its escapes: what it means when it has no wildcards.
std::string Unescape(std::string_view pattern);
// "/a/{b,c}d" -> {"/a/bd", "/a/cd"}. An unbalanced brace stands for itself. InvalidArgument when
// there would be more than 10,000.
absl::StatusOr<std::vector<std::string>> ExpandBraces(std::string_view pattern);
// One path component against one of a pattern without braces. A leading dot needs no special care.
bool MatchesComponent(std::string_view pattern, std::string_view name);
// Parts between slashes, empty ones left out: "/a//b/" -> {"a", "b"}.
std::vector<std::string> SplitPath(std::string_view path);

}  // namespace quern::client
