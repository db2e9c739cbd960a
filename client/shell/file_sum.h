// The checksum of a file of the cluster, without reading it.
#pragma once

#include <cstdint>
#include <vector>

#include "client/types.h"

namespace quern::shell {

// Put together from those that the chunks were sealed with: the same bytes give the same sum
// however they are cut into chunks.
struct FileSum {
  uint32_t crc = 0;
  bool of_all = true;  // otherwise of the sealed chunks alone
};
FileSum SumOfChunks(const std::vector<client::ChunkInfo>& chunks);

}  // namespace quern::shell
