// The links of a document, as `extract` writes them: [["https://...", "anchor text"], ...].
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quern::classic {

// What the links lead to, in their order; nothing when `json` is no such list. A list of strings is
// one too.
std::optional<std::vector<std::string>> ReadLinkTargets(std::string_view json);

}  // namespace quern::classic
