#include "jobs/search/segment/number_group.h"

#include <gtest/gtest.h>

#include <array>

#include "jobs/search/segment/bit_packing.h"
#include "tests/support/random_test.h"

namespace quern::search {
namespace {

class NumberGroupTest : public RandomTest {
 protected:
  uint32_t OfBits(uint32_t bits) {
    return bits == 0 ? 0 : static_cast<uint32_t>(Below(uint64_t{1} << bits));
  }
};

TEST_F(NumberGroupTest, PackedNumbersComeBackInEveryWidth) {
  for (uint32_t bits = 0; bits <= kMaxPackedBits; ++bits) {
    std::array<uint32_t, kPackedValues> values, read;
    for (uint32_t& value : values) value = OfBits(bits);
    std::string packed(PackedBytes(bits), '\xee');
    Pack(values.data(), bits, reinterpret_cast<uint8_t*>(packed.data()));
    Unpack(reinterpret_cast<const uint8_t*>(packed.data()), bits, read.data());
    EXPECT_EQ(read, values) << bits;
  }
}

TEST_F(NumberGroupTest, NumbersComeBackWhateverTheyAre) {
  for (int round = 0; round < 20'000; ++round) {
    const size_t count = Below(kMaxGroup + 1);
    const auto common = static_cast<uint32_t>(Below(33));
    const uint64_t wide = 1 + Below(40);
    std::array<uint32_t, kMaxGroup> values{}, read;
    for (size_t i = 0; i < count; ++i) values[i] = OfBits(OneIn(wide) ? 32 : common);
    std::string bytes;
    AppendGroup(values.data(), count, &bytes);
    // A number has at most 31 bits in place and the last one apart, in two bytes.
    ASSERT_LE(bytes.size(), 2 + 6 * count);
    const std::string longer = bytes + "x";
    ByteReader in(longer);
    ASSERT_TRUE(ReadGroup(&in, count, read.data()));
    EXPECT_EQ(in.left(), 1u);
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(read[i], values[i]) << i << " of " << count;
    ByteReader skipped(longer);
    ASSERT_TRUE(SkipGroup(&skipped, count));
    EXPECT_EQ(skipped.left(), 1u);
    if (bytes.empty()) continue;
    ByteReader cut(std::string_view(bytes).substr(0, Below(bytes.size())));
    ASSERT_FALSE(ReadGroup(&cut, count, read.data()));
  }
}

TEST_F(NumberGroupTest, SkewedNumbersCostLittle) {
  std::array<uint32_t, kMaxGroup> values;
  values.fill(5);
  values[77] = 4'000'000'000;
  std::string bytes;
  AppendGroup(values.data(), values.size(), &bytes);
  EXPECT_EQ(bytes.size(), 1 + PackedBytes(3) + 1 + 5);
}

}  // namespace
}  // namespace quern::search
