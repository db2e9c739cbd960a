// Names in lines of columns between tabs.
#pragma once

#include <string>
#include <string_view>

namespace quern::text {

// Backslash, tab and line feed are written \\ \t \n: a name stays one column of one line, and
// different names stay different.
inline std::string EscapeName(std::string_view name) {
  std::string escaped;
  for (const char c : name) {
    if (c == '\\') {
      escaped += "\\\\";
    } else if (c == '\t') {
      escaped += "\\t";
    } else if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

}  // namespace quern::text
