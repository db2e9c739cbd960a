#include "client/shell/file_sum.h"

#include "common/crc32c.h"

namespace quern::shell {

FileSum SumOfChunks(const std::vector<client::ChunkInfo>& chunks) {
  FileSum sum;
  for (const client::ChunkInfo& chunk : chunks) {
    if (chunk.sealed) {
      sum.crc = ConcatCrc32c(sum.crc, chunk.crc, chunk.length);
    } else {
      sum.of_all = false;
    }
  }
  return sum;
}

}  // namespace quern::shell
