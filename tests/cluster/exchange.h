// Bytes to a port of loopback and back, without any library in between.
#pragma once

#include <absl/time/time.h>

#include <string>
#include <string_view>

namespace quern::testing {

// Sends `bytes` and takes what comes back until the other side closes or says nothing for
// `patience`: a second is for what may get no answer. Empty, without a failure, when nobody
// listens.
inline constexpr absl::Duration kForAnAnswer = absl::Seconds(60);
std::string Exchange(int port, std::string_view bytes, absl::Duration patience = absl::Seconds(1));

}  // namespace quern::testing
