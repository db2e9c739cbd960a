#include "jobs/text/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "jobs/text/json_normal.h"
#include "tests/support/random_test.h"

namespace quern::text {
namespace {

TEST(Json, GivesTheFieldsAsTheyStand) {
  const auto fields = ReadJsonObject(
      "\xef\xbb\xbf {\"a\" : 1e999 ,\"b\\n\":[{\"}\":\"]\"}, null],\"c\":{}, \"a\":\"x\"}\r\n");
  ASSERT_TRUE(fields.has_value());
  ASSERT_EQ(fields->size(), 4u);
  EXPECT_EQ((*fields)[0].value, "1e999");
  EXPECT_EQ((*fields)[1].name, "b\n");
  EXPECT_EQ((*fields)[1].value, "[{\"}\":\"]\"}, null]");
  EXPECT_EQ((*fields)[2].value, "{}");
  EXPECT_EQ(FindField(*fields, "a")->value, "\"x\"") << "the last one counts";
  EXPECT_EQ(FindField(*fields, "d"), nullptr);
  EXPECT_TRUE(ReadJsonObject("{}").has_value());
}

TEST(Json, GivesTheStringOfAField) {
  const auto fields = ReadJsonObject(R"({"a": "\u0041", "b": 1, "c": "x", "c": null})");
  ASSERT_TRUE(fields.has_value());
  EXPECT_EQ(StringField(*fields, "a"), "A");
  for (const char* name : {"b", "c", "d"}) EXPECT_EQ(StringField(*fields, name), "") << name;
}

// Strings are read eight bytes at a time.
TEST(Json, StringsEndAndEscapesStandAnywhere) {
  for (size_t size = 0; size <= 20; ++size) {
    const std::string plain(size, '!');  // next to the quotation mark
    EXPECT_EQ(ReadJsonString("\"" + plain + "\""), plain);
    EXPECT_FALSE(ReadJsonString("\"" + plain).has_value()) << size;
    for (size_t at = 0; at <= size; ++at) {
      const std::string before = plain.substr(at);
      const std::string behind = plain.substr(0, at) + "\xa2\xdc";  // those two with a high bit
      const std::string value = "\"" + before + "\\\"\\\\" + behind + "\"";
      EXPECT_EQ(ReadJsonString(value), before + "\"\\" + behind) << size << " " << at;
      const std::string object = "{\"a\":" + value + ",\"b\":1}";
      const auto fields = ReadJsonObject(object);
      ASSERT_TRUE(fields.has_value()) << size << " " << at;
      EXPECT_EQ(fields->at(0).value, value);
      EXPECT_EQ(fields->at(1).value, "1");
      EXPECT_FALSE(ReadJsonObject("{\"a\":" + value.substr(0, value.size() - 1)).has_value());
    }
  }
}

TEST(Json, GivesTheElementsOfAnArray) {
  using Elements = std::vector<std::string_view>;
  EXPECT_EQ(ReadJsonArray(" [1 , \"a,]\",[2,[3]], {\"b\": [4]}] "),
            (Elements{"1", "\"a,]\"", "[2,[3]]", "{\"b\": [4]}"}));
  EXPECT_EQ(ReadJsonArray("[ ]"), Elements{});
  for (const char* text :
       {"", "{}", "1", "[", "[1", "[1,]", "[,1]", "[1]]", "[1] x", "[\"x]", "[1 2]"}) {
    EXPECT_FALSE(ReadJsonArray(text).has_value()) << text;
  }
}

TEST(Json, RefusesWhatIsNoObject) {
  for (const char* text :
       {"", "[]", "1", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1}}", "{\"a\":1} x",
        "{\"a\":\"x}", "{\"a\":\"x\\", "{a:1}", "{\"a\":1 \"b\":2}", "{\"\\x\":1}"}) {
    EXPECT_FALSE(ReadJsonObject(text).has_value()) << text;
  }
}

TEST(Json, ReadsEscapes) {
  EXPECT_EQ(ReadJsonString(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(ReadJsonString(R"("\u0041\u00e9\u4e2d\ud83d\ude00")"), "Aé中😀");
  EXPECT_EQ(ReadJsonString(R"("\ud83d!\ude00\ud83d\u0041")"), "\uFFFD!\uFFFD\uFFFDA");
  for (const char* text : {"", "x", "\"", "\"\\q\"", "\"\\u12g4\"", "\"\\u12\"", "\"a\"b"}) {
    EXPECT_FALSE(ReadJsonString(text).has_value()) << text;
  }
}

TEST(Json, GivesNoMoreOfAStringThanIsAskedFor) {
  const std::string_view json = R"("ab\u00e9c\ud83d\ude00 d")";
  const std::string whole = "ab\u00e9c\U0001f600 d";
  for (size_t most = 0; most <= whole.size() + 1; ++most) {
    EXPECT_EQ(ReadJsonString(json, most), whole.substr(0, most)) << most;
  }
  EXPECT_FALSE(ReadJsonString(R"("ab\q")", 1).has_value()) << "broken behind it";
  const auto fields = ReadJsonObject(R"({"n": 1234, "s": "abc"})");
  ASSERT_TRUE(fields.has_value());
  EXPECT_EQ(NameField(*fields, "n", 2), "12");
  EXPECT_EQ(NameField(*fields, "s", 2), "ab");
}

TEST(Json, WritesOneObjectAfterAnother) {
  JsonObjectWriter writer;
  writer.AddString("a\"", "x\n\x01\\é\xff");
  writer.AddRaw("n", "[1]");
  EXPECT_EQ(writer.Take(), "{\"a\\\"\": \"x\\n\\u0001\\\\é\uFFFD\", \"n\": [1]}");
  EXPECT_EQ(writer.Take(), "{}");
}

TEST(Json, KnowsNumbers) {
  for (const char* number : {"0", "-0", "7", "-12.50", "1e5", "1E+05", "0.0e-0", "1e400"}) {
    EXPECT_TRUE(IsJsonNumber(number)) << number;
  }
  for (const char* other : {"", "-", "-abc", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "1.e5",
                            "0x1", "NaN", "-Infinity", "1 ", "1f", "1_000", "\"1\""}) {
    EXPECT_FALSE(IsJsonNumber(other)) << other;
  }
}

TEST(Json, NamesAreStringsAndNumbers) {
  const auto name = [](const std::string& value) {
    return NameField(*ReadJsonObject("{\"id\": " + value + ", \"n\": 1}"), "id");
  };
  EXPECT_EQ(name("\"a\\u0062\""), "ab");
  for (const char* number : {"17", "-1.50"}) EXPECT_EQ(name(number), number);
  for (const char* other : {"-abc", "1x", "01", "-", "null", "[1]", "\"\\q\""}) {
    EXPECT_EQ(name(other), "") << other;
  }
  EXPECT_EQ(NameField({}, "id"), "");
}

TEST(Json, ValuesHaveOneSpelling) {
  const std::pair<const char*, const char*> table[] = {
      {R"("caf\u00e9\/\t")", "\"café/\\t\""},
      {"\"\xff\t\"", "\"\uFFFD\\t\""},
      {"[]", "[]"},
      {" [ 1 ,2,\t{ } ] ", "[1, 2, {}]"},
      {R"({"\u0061":[[],{"b":null}] ,"c":1.0})", R"({"a": [[], {"b": null}], "c": 1.0})"},
      {"true", "true"},
      {"-1e+5", "-1e+5"}};
  for (const auto& [text, normal] : table) {
    EXPECT_EQ(NormalJson(text), normal);
    EXPECT_EQ(NormalJson(normal), normal);
  }
  const std::string deep(100'000, '[');
  EXPECT_EQ(NormalJson(deep + std::string(deep.size(), ']'))->size(), 2 * deep.size());
  for (const std::string text :
       {"",    " ",   "NaN",   "-abc",    "nul",      "\"x",        "\"\\q\"", "[",
        "[1",  "[1,", "[1,]",  "[,1]",    "[1 2]",    "[1}",        "]",       "1]",
        "1 2", "{",   "{1:2}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}",     "\"x\"y"}) {
    EXPECT_FALSE(NormalJson(text).has_value()) << text;
  }
}

using JsonRandomTest = RandomTest;

TEST_F(JsonRandomTest, ReadsBackWhatItWrites) {
  const std::string_view parts[] = {"a",  "\"", "\\",   "\n",   "\t", "é",
                                    "中", "😀",  "\x7f", "\x1f", "{"};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (uint64_t i = Below(20); i > 0; --i) text += parts[Below(std::size(parts))];
    std::string json;
    AppendJsonString(text, &json);
    ASSERT_EQ(ReadJsonString(json), text) << json;
  }
}

}  // namespace
}  // namespace quern::text
