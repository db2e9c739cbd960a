// How much room a cluster has. Plain values in, sums out.
#pragma once

#include <cstdint>

#include "client/types.h"
#include "common/write_trouble.h"

namespace quern::shell {

struct Space {
  uint64_t capacity = 0;
  uint64_t used = 0;
  uint64_t free = 0;
};

// Of the chunkservers that are alive. A disk that several of them share, or that holds several of
// their directories, has its room once.
Space SpaceOf(const client::ClusterStatus& cluster);
// Whether files can be written, as far as servers and their room tell.
WriteAbility WriteAbilityOf(const client::ClusterStatus& cluster);

}  // namespace quern::shell
