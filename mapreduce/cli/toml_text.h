// Values of a TOML file as they would stand after KEY= on the command line.
#pragma once

#include <string>

#include "common/status.h"

// Including toml++ takes seconds: that is left to source files.
namespace toml {
inline namespace v3 {
class node;
}
}  // namespace toml

namespace quern::mr {

// Lists become "a,b". InvalidArgument for what has no such form.
absl::StatusOr<std::string> TomlText(const toml::node& node);

}  // namespace quern::mr
