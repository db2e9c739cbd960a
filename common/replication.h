// Limits of copies, the same for whoever asks and whoever decides.
#pragma once

#include <cstdint>

namespace quern {

// Copies of one chunk: each is a link of the chain that its writer waits for.
inline constexpr uint32_t kMaxReplication = 16;

}  // namespace quern
