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

TEST(MapInputTest, KeyOfALineIsItsOffsetAsText) {
  testing::FakeTask task({});
  const quern_source source = {sizeof(source), 3, {"/in/a", 5}};
  quern_record record = {sizeof(record), 0, {nullptr, 0}, {"text", 4}, 1234567890123, &source};
  const MapInput line(&task, &record);
  EXPECT_EQ(line.key(), "1234567890123");
  EXPECT_EQ(line.value(), "text");
  EXPECT_EQ(line.source().path, "/in/a");
  EXPECT_EQ(line.source().offset, 1234567890123u);
  EXPECT_EQ(line.source().piece, 3u);
  record.key = source.path;
  EXPECT_EQ(MapInput(&task, &record).key(), "/in/a");
}

}  // namespace
}  // namespace quern
