#include "client/shell/file_sum.h"

#include <gtest/gtest.h>

#include "common/crc32c.h"

namespace quern::shell {
namespace {

client::ChunkInfo SealedChunk(std::string_view bytes) {
  client::ChunkInfo chunk;
  chunk.length = bytes.size();
  chunk.crc = Crc32c(bytes);
  chunk.sealed = true;
  return chunk;
}

TEST(FileSumTest, IsTheSameHoweverTheBytesAreCut) {
  const FileSum whole = SumOfChunks({SealedChunk("some bytes")});
  EXPECT_EQ(whole.crc, Crc32c("some bytes"));
  EXPECT_TRUE(whole.of_all);
  const FileSum cut = SumOfChunks({SealedChunk("some"), SealedChunk(""), SealedChunk(" bytes")});
  EXPECT_EQ(cut.crc, whole.crc);
  EXPECT_TRUE(cut.of_all);
  EXPECT_EQ(SumOfChunks({}).crc, Crc32c(""));
  EXPECT_TRUE(SumOfChunks({}).of_all);
}

// What it has for a sum means nothing.
TEST(FileSumTest, SaysWhenAChunkIsNotSealed) {
  client::ChunkInfo open = SealedChunk("more");
  open.sealed = false;
  const FileSum sum = SumOfChunks({SealedChunk("some"), open});
  EXPECT_EQ(sum.crc, Crc32c("some"));
  EXPECT_FALSE(sum.of_all);
}

}  // namespace
}  // namespace quern::shell
