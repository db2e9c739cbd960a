// One spelling for a value of JSON, for those who compare values and hand them on.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace quern::text {

// A number as RFC 8259 has it; -abc, +1, 01, 1. and NaN are none.
bool IsJsonNumber(std::string_view value);

// The same value: strings without escapes that they do not need, and without bytes that are no
// UTF-8; no blanks but one behind each comma and colon. Numbers stay as they are spelt, fields of
// objects in their order. Nothing when `value` is no JSON. Nesting may be of any depth.
std::optional<std::string> NormalJson(std::string_view value);

}  // namespace quern::text
