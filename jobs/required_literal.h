// A string that every match of a regular expression contains.
#pragma once

#include <string>
#include <string_view>

// The longest such string that is plain to see in `pattern`; empty when none is. Searching for it
// is many times faster than the expression and rules most lines out.
//   "the.*end"  -> "the"      "colou?r" -> "colo"      "a|b", "(x)", "[0-9]+" -> ""
std::string RequiredLiteral(std::string_view pattern);
