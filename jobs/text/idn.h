// The names of hosts in other scripts, as the DNS has them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace quern::text {

// "Bücher.example" -> "xn--bcher-kva.example" (RFC 3492), in small letters of one form (NFKC); a
// name in ASCII is only put into small letters. Nothing for bytes that are no UTF-8.
std::optional<std::string> AsciiHost(std::string_view host);

}  // namespace quern::text
