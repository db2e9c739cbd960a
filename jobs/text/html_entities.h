// Character references of HTML: &amp; &#8212; &eacute;
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quern::text {

// Appends `text` with its character references replaced (WHATWG HTML, 13.2.5.72). What is none
// stays as it is. In the value of an attribute &copy=2 is none.
void AppendUnescapedHtml(std::string_view text, bool in_attribute, std::string* out);

// What a byte of windows-1252 stands for; the numbers of references are read in the same way.
uint32_t FromWindows1252(uint32_t code);

}  // namespace quern::text
