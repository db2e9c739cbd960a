// A parameter that is a flag, read as jobs read it (jobs/params.h).
#pragma once

#include <absl/strings/match.h>

#include <optional>
#include <string_view>

#include "common/status.h"

namespace quern::mr {

// "true" or "false", in any case; nothing for what is neither.
inline std::optional<bool> ReadFlag(std::string_view value) {
  if (absl::EqualsIgnoreCase(ToAbsl(value), "true")) return true;
  if (absl::EqualsIgnoreCase(ToAbsl(value), "false")) return false;
  return std::nullopt;
}

}  // namespace quern::mr
