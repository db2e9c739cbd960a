// Records on their way to a command and back, and what a mapper's combiner gets.
#include "jobs/command/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "jobs/command/child.h"
#include "jobs/command/combine_buffer.h"
#include "tests/support/growth.h"
#include "tests/support/random_test.h"

namespace quern::command {
namespace {

using Records = std::vector<std::pair<std::string, std::string>>;

void AppendLine(std::string_view key, std::string_view value, std::string* out) {
  PutLine(key, value, {}, [out](std::string_view part) { *out += part; });
}
void AppendFrames(std::string_view key, std::string_view value, std::string* out) {
  PutFrames(key, value, [out](std::string_view part) { *out += part; });
}

// Everything that comes out of `bytes`, taken in pieces that end at `cuts`.
Records Split(bool frames, const LineRules& rules, const std::string& bytes,
              const std::vector<size_t>& cuts = {}) {
  Records records;
  RecordSplitter splitter(frames, rules, [&](std::string_view key, std::string_view value) {
    records.emplace_back(key, value);
  });
  size_t at = 0;
  for (const size_t cut : cuts) {
    splitter.Take(std::string_view(bytes).substr(at, cut - at));
    at = cut;
  }
  splitter.Take(std::string_view(bytes).substr(at));
  splitter.Finish();
  return records;
}

TEST(Wire, ALineIsKeyAndValue) {
  EXPECT_EQ(Split(false, {}, "a\tb\tc\nd\n\n\te\nlast"),
            (Records{{"a", "b\tc"}, {"d", ""}, {"", ""}, {"", "e"}, {"last", ""}}));
  EXPECT_EQ(Split(false, {"\t", 1, true}, "a\t\na\n\tb\n"),
            (Records{{"a\t", ""}, {"a", ""}, {"", "b"}}));
  EXPECT_EQ(Split(false, {"::", 2}, "a::b::c\na::b\n"), (Records{{"a::b", "c"}, {"a::b", ""}}));
}

TEST(Wire, WhatLinesCannotCarryIsRefused) {
  std::string out;
  AppendLine("a", "b", &out);
  PutValueLine("c", [&](std::string_view part) { out += part; });
  EXPECT_EQ(out, "a\tb\nc\n");
  CheckFitsLine("a\tb\r", "key");
  EXPECT_THROW(CheckFitsLine("a\n", "key"), std::invalid_argument);
  EXPECT_THROW(CheckFitsLine("b\nc", "value"), std::invalid_argument);
}

// Of a large record no copy is held, whatever the command takes of it.
TEST(Child, KeepsLittleOfALargeRecord) {
  const std::string value(size_t{64} << 20, 'v');
  size_t held = 0;
  size_t got = 0;
  const auto allocated = [] {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  const size_t before = allocated();
  Child child({.command = "cat",
               .dir = "/",
               .environment = {"PATH=/usr/bin:/bin"},
               .take_output =
                   [&](std::string_view bytes) {
                     got += bytes.size();
                     held = std::max(held, allocated() - std::min(before, allocated()));
                   },
               .take_errors = [](std::string_view) {}});
  PutValueLine(value, [&child](std::string_view part) { child.Write(part); });
  EXPECT_EQ(child.Finish(), "");
  EXPECT_EQ(got, value.size() + 1);
  EXPECT_LT(held, value.size() / 4);
}

TEST(Wire, BrokenFramesAreErrors) {
  EXPECT_THROW(Split(true, {}, std::string("\0\0\0\1a\0\0", 7)), std::runtime_error);
  EXPECT_THROW(Split(true, {}, "these are lines\n"), std::runtime_error);
}

class WireRandomTest : public RandomTest {};

TEST_F(WireRandomTest, RecordsComeBackWhateverThePieces) {
  for (int round = 0; round < 200; ++round) {
    const bool frames = OneIn(2);
    Records records;
    std::string bytes;
    for (uint64_t i = Below(20); i > 0; --i) {
      std::string key, value;
      for (uint64_t n = Below(5); n > 0; --n) key += static_cast<char>(frames ? Below(256) : 'k');
      for (uint64_t n = Below(300); n > 0; --n) value += static_cast<char>(frames ? Below(256) : 9);
      frames ? AppendFrames(key, value, &bytes) : AppendLine(key, value, &bytes);
      records.emplace_back(key, value);
    }
    std::vector<size_t> cuts;
    for (size_t at = 0; (at += 1 + Below(100)) < bytes.size();) cuts.push_back(at);
    EXPECT_EQ(Split(frames, {}, bytes, cuts), records);
  }
}

// Each piece is looked through once, however long the record has become.
TEST(Wire, TimeIsLinearInTheLengthOfARecord) {
  for (const bool frames : {false, true}) {
    const auto take = [&](size_t pieces) {
      std::string bytes;
      const std::string value(16 * pieces, 'v');
      frames ? AppendFrames("k", value, &bytes) : AppendLine("k", value, &bytes);
      size_t records = 0;
      RecordSplitter splitter(frames, {}, [&](std::string_view, std::string_view got) {
        records += got.size() == value.size();
      });
      for (size_t at = 0; at < bytes.size(); at += 16) {
        splitter.Take(std::string_view(bytes).substr(at, 16));
      }
      EXPECT_EQ(records, 1u);
    };
    EXPECT_LT(GrowthOfFourTimes(20'000, take), kMostGrowth) << frames;
  }
}

TEST(CombineBuffer, SortsByKeyAndKeepsTheOrderOfEqualOnes) {
  CombineBuffer buffer;
  const Records records = {
      {"b", "1"}, {"a long key 2", "2"},        {"a", "3"},    {"b", "4"}, {"a long key 1", "5"},
      {"", "6"},  {std::string("a\0", 2), "7"}, {"\xff", "8"}, {"b", "9"}};
  for (const auto& [key, value] : records) buffer.Add(key, value);
  Records sorted;
  buffer.TakeSorted(
      [&](std::string_view key, std::string_view value) { sorted.emplace_back(key, value); });
  EXPECT_EQ(sorted, (Records{{"", "6"},
                             {"a", "3"},
                             {std::string("a\0", 2), "7"},
                             {"a long key 1", "5"},
                             {"a long key 2", "2"},
                             {"b", "1"},
                             {"b", "4"},
                             {"b", "9"},
                             {"\xff", "8"}}));
  EXPECT_TRUE(buffer.empty());
}

}  // namespace
}  // namespace quern::command
