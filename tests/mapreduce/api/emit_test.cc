// What Emit takes, and what arrives.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "mapreduce/api/field.h"
#include "mapreduce/api/testing.h"

namespace quern {
namespace {

static_assert(!std::is_constructible_v<Field, std::nullptr_t>, "a null pointer is no text");
static_assert(!std::is_constructible_v<Field, bool>, "true could mean 1 or true");
static_assert(!std::is_constructible_v<Field, char>, "'a' could mean a or 97");
static_assert(std::is_constructible_v<Field, const char*>);
static_assert(std::is_constructible_v<Field, std::string>);

TEST(FieldTest, WritesNumbersAsDecimalText) {
  EXPECT_EQ(Field(0).bytes(), "0");
  EXPECT_EQ(Field(-7).bytes(), "-7");
  EXPECT_EQ(Field(std::numeric_limits<int64_t>::min()).bytes(), "-9223372036854775808");
  EXPECT_EQ(Field(std::numeric_limits<uint64_t>::max()).bytes(), "18446744073709551615");
  EXPECT_EQ(Field(uint8_t{65}).bytes(), "65");
  EXPECT_EQ(Field(0.1).bytes(), "0.1");
  EXPECT_EQ(Field(-1.7976931348623157e308).bytes(), "-1.7976931348623157e+308");
}

class EmitsEverything : public Mapper {
 public:
  void Map(const MapInput& in) override {
    Emit("zero", 0);
    Emit(1, std::string("text"));
    Emit("", "");
    Emit(in.value(), in.key());
    Emit(std::string("a\0b", 3), 2.5);
  }
};

TEST(MapperTest, EmitsTextAndNumbers) {
  const auto out = testing::RunMapper<EmitsEverything>({{"k", "v"}});
  const testing::Records want = {
      {"zero", "0"}, {"1", "text"}, {"", ""}, {"v", "k"}, {std::string("a\0b", 3), "2.5"}};
  EXPECT_EQ(out.records, want);
}

// A sink with a small window, as the engine's are.
class WindowBuffer : public EmitBuffer {
 public:
  WindowBuffer() { SetWindow(window_, window_ + sizeof(window_)); }
  testing::Records Take() {
    Drain();
    return std::move(records_);
  }

 private:
  void AppendSlow(std::string_view key, std::string_view value) override {
    Drain();
    if (kRecordHeaderBytes + key.size() + value.size() > sizeof(window_)) {
      records_.emplace_back(key, value);
    } else {
      Append(key, value);
    }
  }
  void Drain() {
    for (const char* at = window_; at < cursor();) {
      uint32_t sizes[2];
      std::memcpy(sizes, at, sizeof(sizes));
      at += kRecordHeaderBytes;
      records_.emplace_back(std::string(at, sizes[0]), std::string(at + sizes[0], sizes[1]));
      at += sizes[0] + sizes[1];
    }
    SetWindow(window_, window_ + sizeof(window_));
  }

  char window_[64];
  testing::Records records_;
};

TEST(EmitBufferTest, KeepsRecordsOfEveryLengthWholeAndInOrder) {
  WindowBuffer buffer;
  testing::Records want;
  for (size_t key = 0; key < 40; ++key) {
    for (size_t value = 0; value < 40; ++value) {
      std::string k(key, 'k');
      std::string v(value, 'v');
      for (size_t i = 0; i < key; ++i) k[i] = static_cast<char>('a' + i % 26);
      for (size_t i = 0; i < value; ++i) v[i] = static_cast<char>('A' + i % 26);
      buffer.Append(k, v);
      want.emplace_back(k, v);
    }
  }
  EXPECT_EQ(buffer.Take(), want);
}

TEST(MapInputTest, KeyOfALineIsItsOffsetAsText) {
  const MapInput line({"/in/a", 1234567890123}, "text");
  EXPECT_EQ(line.key(), "1234567890123");
  EXPECT_EQ(line.source().path, "/in/a");
  const MapInput whole({"/in/a", 0}, "/in/a", "text");
  EXPECT_EQ(whole.key(), "/in/a");
}

}  // namespace
}  // namespace quern
