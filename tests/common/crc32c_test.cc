#include "common/crc32c.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/random_test.h"

namespace quern {
namespace {

// RFC 3720, B.4, and the check value of the CRC catalogues.
TEST(Crc32cTest, KnownVectors) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

class Crc32cRandomTest : public RandomTest {};

TEST_F(Crc32cRandomTest, PiecesGiveTheChecksumOfTheWhole) {
  for (int round = 0; round < 200; ++round) {
    const std::string bytes = RandomBytes(Below(5000));
    const size_t cut = Below(bytes.size() + 1);
    const std::string_view whole = bytes;
    const uint32_t a = Crc32c(whole.substr(0, cut));
    const uint32_t b = Crc32c(whole.substr(cut));
    EXPECT_EQ(ExtendCrc32c(a, bytes.data() + cut, bytes.size() - cut), Crc32c(bytes));
    EXPECT_EQ(ConcatCrc32c(a, b, bytes.size() - cut), Crc32c(bytes));
  }
}

TEST_F(Crc32cRandomTest, EveryFlippedBitIsNoticed) {
  std::string bytes = RandomBytes(512);
  const uint32_t crc = Crc32c(bytes);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const char mask = static_cast<char>(1 << (bit % 8));
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
    EXPECT_NE(Crc32c(bytes), crc);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
  }
}

}  // namespace
}  // namespace quern
