// What the name and the first bytes of an input file say of it: one word for the formats of the
// engine and for mappers that are given such files.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace quern {

// The name of a file in small letters of ASCII, without its directory and without the end that says
// how it is compressed: "a.txt" of "/in/A.TXT.gz". That end is no more than a name; formats unpack
// by content.
inline std::string PlainFileName(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  for (const std::string_view end : {".gz", ".bz2", ".xz", ".zst", ".lz4"}) {
    if (!name.ends_with(end)) continue;
    name.erase(name.size() - end.size());
    break;
  }
  return name;
}

namespace internal {

inline bool HasNameEnd(std::string_view path, std::initializer_list<std::string_view> ends) {
  const std::string name = PlainFileName(path);
  return std::any_of(ends.begin(), ends.end(),
                     [&](std::string_view end) { return name.ends_with(end); });
}

}  // namespace internal

// A text without markup that anybody would look for: "a.txt", "a.text", "a.md.gz".
inline bool HasTextName(std::string_view path) {
  return internal::HasNameEnd(path, {".txt", ".text", ".md"});
}

// A page: "a.html", "a.htm.gz", "a.xhtml".
inline bool HasHtmlName(std::string_view path) {
  return internal::HasNameEnd(path, {".html", ".htm", ".xhtml"});
}

// So many first bytes tell whether a file is a WARC file.
inline constexpr size_t kWarcBeginning = 7;

// Of the version that every record of a WARC file begins with, 0.17 or 1.1.
inline bool BeginsLikeWarc(std::string_view bytes) {
  return bytes.starts_with("WARC/1.") || bytes.starts_with("WARC/0.");
}

}  // namespace quern
