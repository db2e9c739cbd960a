// Finds a format in a list by its name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/cli/cli.h"
#include "common/status.h"

namespace quern::mr {

template <typename Format>
std::vector<std::string> NamesOf(const std::vector<std::unique_ptr<const Format>>& formats) {
  std::vector<std::string> names;
  for (const auto& format : formats) names.emplace_back(format->name());
  return names;
}

// `what` names the kind in the error: "input format".
template <typename Format>
absl::StatusOr<const Format*> FindByName(const std::vector<std::unique_ptr<const Format>>& formats,
                                         std::string_view name, std::string_view what) {
  for (const auto& format : formats) {
    if (format->name() == name) return format.get();
  }
  const std::vector<std::string> names = NamesOf(formats);
  const std::string near = DidYouMean(name, names);
  return InvalidArgumentError("{} '{}': is none of {}{}", what, name, fmt::join(names, ", "),
                              near.empty() ? "" : fmt::format(". Did you mean {}?", near));
}

}  // namespace quern::mr
