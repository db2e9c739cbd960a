// Text from outside (what user code says, names of files, log lines) made fit to be stored, sent in
// a message and shown on a terminal: valid UTF-8, no control characters, of bounded length.
//
// It belongs where text enters: what is too long cannot be sent any more, and what is no text
// spoils every page and terminal that it comes to. Names that mean something (of files, users,
// parameters) are bytes and stay as they are; this is for what people read.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace quern {

// One line. Control characters and bytes that are no UTF-8 become \n, \t, \x1b and the like. What
// is longer than max_bytes ends in "..." after a whole character; never more than max_bytes.
std::string CleanLine(std::string_view text, size_t max_bytes);

// The same, with its line feeds and tabs.
std::string CleanText(std::string_view text, size_t max_bytes);

// Like CleanText, but what is too long loses its beginning.
std::string CleanTail(std::string_view text, size_t max_bytes);

bool IsUtf8(std::string_view text);

// Length of the UTF-8 character that `text` begins with, 1 to 4; 0 when it begins with none.
size_t Utf8CharacterBytes(std::string_view text);

}  // namespace quern
