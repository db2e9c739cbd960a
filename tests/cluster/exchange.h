// Bytes to a port of loopback and back, without any library in between.
#pragma once

#include <string>
#include <string_view>

namespace quern::testing {

// Sends `bytes` and takes what comes back until the other side closes or says nothing for a second.
// Empty, without a failure, when nobody listens.
std::string Exchange(int port, std::string_view bytes);

}  // namespace quern::testing
