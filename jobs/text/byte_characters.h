// How GPT-2's files write bytes: each as one printable character.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace quern::text {

// The bytes that the characters of a written token stand for; nothing when one stands for none.
std::optional<std::string> BytesOfCharacters(std::string_view written);

}  // namespace quern::text
