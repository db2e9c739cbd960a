// One spelling for texts that readers take for equal: NFKC and case folding (the transformation
// NFKC_Casefold of Unicode, which also removes what is invisible), or NFC, which changes nothing
// that a reader sees.
#pragma once

#include <string>
#include <string_view>

namespace quern::text {

// Bytes that are no UTF-8 become U+FFFD. Runs of ASCII take a fast road with the same result.
std::string FoldText(std::string_view text);

// In NFC. Bytes that are no UTF-8 stay as they are, and nothing joins what they part.
std::string ToNfc(std::string_view text);

}  // namespace quern::text
