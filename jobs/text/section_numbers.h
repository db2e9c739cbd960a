// Numbers of sections and versions, 2.4.1.3 say, which look like addresses of the internet.
#pragma once

#include <cstddef>
#include <string_view>

namespace quern::text {

// Whether line[begin, end), four numbers with dots between them, is what one of these rules says:
//   * the word before it is section, chapter, version, v, release or such, or a section sign;
//   * it begins a line, all four are below 100, a word with a capital letter follows, and the line
//     does not end as a sentence does: a heading.
bool IsSectionNumber(std::string_view line, size_t begin, size_t end);

// Whether only a comma, a dash or a word such as "and" stands between two numbers, so that both are
// of one kind: "sections 1.2.3.4, 1.2.3.5 and 1.2.3.6".
bool JoinsNumbers(std::string_view between);

}  // namespace quern::text
