#include "mapreduce/engine/index_sort.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "mapreduce/engine/emit_buffer.h"
#include "mapreduce/engine/key_prefix.h"
#include "tests/support/random_test.h"

namespace quern::mr {
namespace {

class IndexSortTest : public RandomTest {
 protected:
  void Add(const std::string& key, uint32_t partition, size_t depth = 0) {
    IndexEntry entry;
    entry.prefix = KeyPrefix(std::string_view(key).substr(depth));
    entry.offset = static_cast<uint32_t>(arena_.size());
    entry.partition = partition & 0xffffff;
    entry.key_size = std::min<uint32_t>(static_cast<uint32_t>(key.size()), 255) & 255;
    entries_.push_back(entry);
    const uint32_t sizes[2] = {static_cast<uint32_t>(key.size()), 0};
    arena_.append(reinterpret_cast<const char*>(sizes), sizeof(sizes));
    arena_ += key;
  }
  std::string KeyOf(const IndexEntry& entry) const {
    uint32_t size = 0;
    std::memcpy(&size, arena_.data() + entry.offset, sizeof(size));
    return arena_.substr(entry.offset + EmitBuffer::kRecordHeaderBytes, size);
  }
  void ExpectSorted(size_t depth = 0) {
    std::vector<IndexEntry> scratch(entries_.size());
    const auto sorted = SortIndex(entries_, scratch, arena_.data(), depth);
    const auto rank = [this](const IndexEntry& e) {
      return std::tuple(uint32_t{e.partition}, KeyOf(e), e.offset);
    };
    EXPECT_TRUE(std::is_sorted(sorted.begin(), sorted.end(),
                               [&](const auto& a, const auto& b) { return rank(a) < rank(b); }));
    std::vector<uint32_t> offsets;
    for (const IndexEntry& entry : sorted) offsets.push_back(entry.offset);
    std::sort(offsets.begin(), offsets.end());
    EXPECT_EQ(std::unique(offsets.begin(), offsets.end()), offsets.end()) << "an entry twice";
    EXPECT_EQ(offsets.size(), scratch.size());
    entries_.clear();
    arena_.clear();
  }

  std::string arena_;
  std::vector<IndexEntry> entries_;
};

TEST_F(IndexSortTest, OrdersByPartitionThenKeyThenEmit) {
  for (const size_t count : {0, 1, 2, 50, 999, 1000, 1001, 5000}) {
    for (const uint64_t alphabet : {1, 2, 256}) {
      for (const size_t longest : {0, 3, 8, 9, 30}) {
        const uint64_t partitions = 1 + Below(5);
        for (size_t i = 0; i < count; ++i) {
          std::string key(Below(longest + 1), '\0');
          for (char& c : key) c = static_cast<char>(Below(alphabet));
          Add(key, static_cast<uint32_t>(Below(partitions)));
        }
        ExpectSorted();
      }
    }
  }
}

// Starts that many keys share, keys that go on with zeros, and keys that are the start of others.
TEST_F(IndexSortTest, OrdersKeysThatBeginAlike) {
  for (const size_t count : {5, 17, 100, 1500, 20'000}) {
    for (const std::string& start :
         {std::string(), std::string("https://"), std::string(40, 'p')}) {
      for (const uint64_t families : {1, 3, 200}) {
        const uint64_t partitions = 1 + Below(3);
        for (size_t i = 0; i < count; ++i) {
          std::string key =
              start + std::string(Below(30), static_cast<char>('a' + Below(families)));
          const size_t tail = Below(20);
          for (size_t c = 0; c < tail; ++c) key += static_cast<char>(OneIn(2) ? 0 : Below(256));
          Add(key, static_cast<uint32_t>(Below(partitions)), start.size());
        }
        ExpectSorted(start.size());
      }
    }
  }
}

TEST_F(IndexSortTest, OrdersKeysOfWhichEachIsTheStartOfTheNext) {
  for (size_t i = 0; i < 3000; ++i) Add(std::string(Below(3000), '\0'), 0);
  ExpectSorted();
}

TEST(CommonStartTest, CountsEqualBytes) {
  for (size_t size = 0; size < 30; ++size) {
    const std::string a = std::string(size, 'x') + "abcdefghij";
    const std::string b = std::string(size, 'x') + "Z";
    EXPECT_EQ(CommonStart(a, b), size);
    EXPECT_EQ(CommonStart(a, std::string(size, 'x')), size);
    EXPECT_EQ(CommonStart(a, a, size), a.size());
  }
}

TEST(KeyPrefixTest, OrderIsThatOfTheBytes) {
  const std::vector<std::string> keys = {
      "",         std::string(1, '\0'), "\x01", "a",    "ab",   "abcdefg",
      "abcdefgh", "abcdefghi",          "b",    "\x7f", "\x80", "\xff\xff\xff\xff\xff\xff\xff\xff"};
  for (size_t i = 1; i < keys.size(); ++i) {
    EXPECT_LE(KeyPrefix(keys[i - 1]), KeyPrefix(keys[i])) << i;
  }
  EXPECT_EQ(KeyPrefix("abc"), 0x6162630000000000u);
  EXPECT_EQ(KeyPrefix("abcde"), 0x6162636465000000u);
}

}  // namespace
}  // namespace quern::mr
