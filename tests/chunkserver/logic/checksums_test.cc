#include "chunkserver/logic/checksums.h"

#include <algorithm>

#include "common/crc32c.h"
#include "tests/support/random_test.h"

namespace quern::chunkserver {
namespace {

class ChunkSumsTest : public RandomTest {
 protected:
  std::string Bytes(size_t n) {
    std::string bytes(n, '\0');
    for (char& c : bytes) c = static_cast<char>(random_());
    return bytes;
  }
  // Cuts bytes into pieces, as they come from a socket.
  std::vector<iovec> Pieces(const std::string& bytes) {
    std::vector<iovec> pieces;
    for (size_t at = 0; at < bytes.size();) {
      const size_t n = std::min<size_t>(1 + Below(40'000), bytes.size() - at);
      pieces.push_back({const_cast<char*>(bytes.data()) + at, n});
      at += n;
    }
    return pieces;
  }
  static void ExpectSumsOf(const ChunkSums& sums, const std::string& all) {
    EXPECT_EQ(sums.length(), all.size());
    EXPECT_EQ(sums.crc(), Crc32c(all));
    const std::vector<uint32_t> blocks = sums.Blocks();
    ASSERT_EQ(blocks.size(), (all.size() + kBlockBytes - 1) / kBlockBytes);
    for (size_t i = 0; i < blocks.size(); ++i) {
      EXPECT_EQ(blocks[i], Crc32c(std::string_view(all).substr(i * kBlockBytes, kBlockBytes)));
      EXPECT_EQ(sums.block(i), blocks[i]);
    }
  }
};

TEST_F(ChunkSumsTest, AgreeWithSumsOfTheWholeHoweverItWasCut) {
  std::string all;
  ChunkSums sums;
  ChunkSums replayed;
  for (int i = 0; i < 60; ++i) {
    const std::string payload = Bytes(OneIn(4) ? kBlockBytes : 1 + Below(100'000));
    const PayloadSums payload_sums = SumPayload(all.size(), Pieces(payload));
    EXPECT_EQ(payload_sums.crc, Crc32c(payload));
    EXPECT_EQ(payload_sums.bytes, payload.size());
    const AppendRecord record = sums.Next(payload_sums);
    EXPECT_EQ(sums.length(), all.size()) << "Next changes nothing";
    sums.Apply(record);
    replayed.Apply(record);
    all += payload;
  }
  ExpectSumsOf(sums, all);
  ExpectSumsOf(replayed, all);
}

TEST_F(ChunkSumsTest, OfNothingAreZero) {
  ExpectSumsOf(ChunkSums(), "");
  EXPECT_EQ(SumPayload(0, {}).bytes, 0u);
}

}  // namespace
}  // namespace quern::chunkserver
