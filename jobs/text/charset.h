// From the bytes of a page to UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace quern::text {

// The encoding that a label means ("latin1" -> "windows-1252"), under its name in the WHATWG
// Encoding Standard; empty when it means none.
std::string_view FindEncoding(std::string_view label);

// The encoding that a page declares in its first 16 KiB: <meta charset> or <meta http-equiv>
// (WHATWG HTML, 13.2.3.2); empty when it declares none. UTF-16 there is a mistake for UTF-8.
std::string_view DeclaredEncoding(std::string_view html);

// The charset of a Content-Type header: "text/html; charset=utf-8" -> "utf-8"; empty when there is
// none.
std::string_view CharsetOfContentType(std::string_view content_type);

// The encoding of a page: its byte order mark, UTF-16 when every other byte is zero, whatever is
// declared ("utf-16" in a header means either order); what the header of its transport says, what
// it declares itself, UTF-8 when it is that, what its bytes look like, windows-1252. What is
// declared does not count where the bytes plainly contradict it: eight characters of UTF-8 and no
// byte that is none in another encoding, or eight such bytes and fewer characters in UTF-8.
std::string_view EncodingOfPage(std::string_view bytes, std::string_view content_type);

bool IsUtf8(std::string_view bytes);

// The beginning of a text in any encoding, at most so many bytes. Of UTF-8 no part of a character:
// with one at its end it would be no UTF-8, and be read as something else.
std::string_view Beginning(std::string_view bytes, size_t most_bytes);

// The text without its byte order mark; what the encoding has no character for becomes U+FFFD.
std::string ToUtf8(std::string_view bytes, std::string_view encoding);

// Whether U+0000 is among these characters: then they are no text. Half of the bytes of UTF-16 may
// be zero, and two of them stand for a letter; UTF-32 is no encoding of pages, and binary.
bool HoldsNul(std::string_view bytes, std::string_view encoding);

}  // namespace quern::text
