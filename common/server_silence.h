// What the silence of a chunkserver or a client means to the master when the operator says nothing
// else. Clients that wait for the outcome wait by these: a master with another --dead_after is
// given up sooner or waited for in vain, which they say.
#pragma once

#include <absl/time/time.h>

namespace quern {

// Nothing heard for so long: dead.
inline constexpr absl::Duration kDefaultDeadAfter = absl::Seconds(10);
// Nothing heard since the master's start, for so long: dead as well.
inline constexpr absl::Duration kDefaultAwaitedFor = absl::Minutes(10);
// Nothing heard of the writer of a file for so long: given up.
inline constexpr absl::Duration kDefaultWriterTimeout = absl::Hours(1);

}  // namespace quern
