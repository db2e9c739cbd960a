// Shell patterns over paths, expanded by the client.
//
//   *  anything but '/'      ?  one character but '/'     [a-z] [!a] [^a]  one of a set
//   {a,b}  either; may nest and contain '/'
//   \x  x itself, when x is one of * ? [ ] { } , - ! ^ \ ; before anything else a '\' is a '\'
//
// A path that somebody has written is first the name that it spells, byte for byte; only when
// nothing has that name it is a pattern (FileSystem::Glob). So a name with wildcards in it, as
// listings print it, means the file of that name and never its neighbours.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern::client {

// True when `pattern` can match anything but the name that it spells: a wildcard, or an escape.
bool IsPattern(std::string_view pattern);
// True when `pattern` has an unescaped * ? [ or {.
bool HasWildcards(std::string_view pattern);
// The pattern without its escapes: what it means when it has no wildcards.
std::string Unescape(std::string_view pattern);
// The pattern that matches `name` and nothing else.
std::string Escape(std::string_view name);
// "/a/{b,c}d" -> {"/a/bd", "/a/cd"}. An unbalanced brace stands for itself. InvalidArgument when
// there would be more than 10,000.
absl::StatusOr<std::vector<std::string>> ExpandBraces(std::string_view pattern);
// One path component against one of a pattern without braces. A leading dot needs no special care.
bool MatchesComponent(std::string_view pattern, std::string_view name);
// The same as shells do it with files: a name that begins with a dot is matched only by a pattern
// that says the dot.
bool MatchesVisible(std::string_view pattern, std::string_view name);

}  // namespace quern::client
