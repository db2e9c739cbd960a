// What --version and /version say.
#pragma once

#include <string>

namespace quern {

// "0.1.0 (e68394a1b2c3, Release)".
std::string VersionString();

}  // namespace quern
