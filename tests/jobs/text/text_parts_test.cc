#include "jobs/text/text_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "jobs/text/part_hash.h"
#include "tests/support/random_test.h"

namespace quern::text {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

using Numbered = std::vector<std::pair<uint32_t, std::string>>;

Numbered PartsOf(std::string_view text, PartKind kind) {
  Numbered parts;
  PartReader reader(text, kind);
  while (const auto part = reader.Next()) parts.emplace_back(part->number, part->text);
  return parts;
}

TEST(TextParts, LinesKeepTheirNumbersBetweenBlankOnes) {
  EXPECT_THAT(PartsOf("a\n\n \t\r\nb c\r\nd", PartKind::kLine),
              ElementsAre(Pair(1, "a\n"), Pair(4, "b c\r\n"), Pair(5, "d")));
  EXPECT_THAT(PartsOf("\n\n", PartKind::kLine), ElementsAre());
  EXPECT_THAT(PartsOf("", PartKind::kLine), ElementsAre());
}

TEST(TextParts, ParagraphsStandBetweenBlankLines) {
  EXPECT_THAT(PartsOf("\na\nb\n\n \nc\n\nd", PartKind::kParagraph),
              ElementsAre(Pair(1, "a\nb\n"), Pair(2, "c\n"), Pair(3, "d")));
  EXPECT_THAT(PartsOf("a\n\n", PartKind::kParagraph), ElementsAre(Pair(1, "a\n")));
  EXPECT_THAT(PartsOf(" \n\n", PartKind::kParagraph), ElementsAre());
}

TEST(TextParts, GoWithTheirLineFeeds) {
  const auto without = [](std::string_view text, std::vector<uint32_t> lines) {
    return WithoutParts(text, {.lines = std::move(lines), .paragraphs = {}}).text;
  };
  EXPECT_EQ(without("a\nb\nc\n", {}), "a\nb\nc\n");
  EXPECT_EQ(without("a\nb\nc\n", {2}), "a\nc\n");
  EXPECT_EQ(without("a\nb\nc", {3}), "a\nb") << "no line feed where there was none";
  EXPECT_EQ(without("a\nb\n", {1, 2}), "");
  EXPECT_EQ(without("a\r\nb\r\nc\r\n", {2}), "a\r\nc\r\n");
  EXPECT_EQ(without("a\n", {0, 2, 7}), "a\n") << "numbers that it does not have";
}

TEST(TextParts, LeaveParagraphsApartAndNoBlankLinesOfTheirOwn) {
  const auto without = [](std::string_view text, std::vector<uint32_t> paragraphs) {
    return WithoutParts(text, {.lines = {}, .paragraphs = std::move(paragraphs)}).text;
  };
  EXPECT_EQ(without("\na\n\nb\n\n\nc\n\n", {}), "\na\n\nb\n\n\nc\n\n");
  EXPECT_EQ(without("a\n\nb\nb\n\n\nc\n", {2}), "a\n\nc\n");
  EXPECT_EQ(without("\na\n\nb\n", {1}), "b\n");
  EXPECT_EQ(without("a\n\nb", {2}), "a");
  EXPECT_EQ(without("a\n\nb\n\n", {2}), "a\n");
  EXPECT_EQ(without("a\n\nb\n\nc\n\nd", {2, 3}), "a\n\nd");
  EXPECT_EQ(without("a\r\n\r\nb\r\n\r\nc", {2}), "a\r\n\r\nc");
  EXPECT_EQ(without("a\r\n\r\nb", {2}), "a") << "no half of the end of a line";
  // Lines at the edge of a paragraph do not join it to the next one.
  EXPECT_EQ(WithoutParts("a\nb\n\nc\nd", {.lines = {2, 4}, .paragraphs = {}}).text, "a\n\nd");
}

TEST(TextParts, AreCountedWhenTheyWereThere) {
  const RemainingText left =
      WithoutParts("a\nb\n\nc\nd\n\ne", {.lines = {1, 3, 4, 99}, .paragraphs = {2, 3, 5}});
  EXPECT_EQ(left.text, "b");
  EXPECT_EQ(left.lines, 2u) << "the third one is blank";
  EXPECT_EQ(left.paragraphs, 2u);
}

TEST(TextParts, AreFoundAgainInWhatIsLeft) {
  const auto pieces = [](std::string_view text, std::vector<uint32_t> lines) {
    std::vector<std::vector<size_t>> found;
    const RemainingText left = WithoutParts(text, {.lines = std::move(lines), .paragraphs = {}});
    for (const RemainingPiece& piece : left.pieces) {
      found.push_back({piece.from, piece.to, piece.bytes});
    }
    return found;
  };
  using Pieces = std::vector<std::vector<size_t>>;
  EXPECT_EQ(pieces("a\nb\n\nc", {}), (Pieces{{0, 0, 6}}));
  EXPECT_EQ(pieces("a\nb\nc\n", {2}), (Pieces{{0, 0, 2}, {4, 2, 2}}));
  EXPECT_EQ(pieces("a\nb\nc", {1, 3}), (Pieces{{2, 0, 1}})) << "without its line feed";
  EXPECT_EQ(pieces("a\r\nb", {2}), (Pieces{{0, 0, 1}}));
  EXPECT_EQ(pieces("a\nb", {1, 2}), Pieces());
}

class RandomPartsTest : public RandomTest {
 protected:
  // What the pieces say, put together.
  static std::string FromPieces(std::string_view text, const RemainingText& left) {
    std::string joined;
    for (const RemainingPiece& piece : left.pieces) {
      EXPECT_EQ(piece.to, joined.size());
      joined += text.substr(piece.from, piece.bytes);
    }
    return joined;
  }
  std::string RandomText() {
    std::string text;
    for (uint64_t i = Below(40); i > 0; --i) text += "ab \n\n\n"[Below(6)];
    return text;
  }
  static std::string WithoutEnd(std::string line) {
    if (line.ends_with('\n')) line.pop_back();
    return line;
  }
};

// What is left of each paragraph is one still, and nothing else is there.
TEST_F(RandomPartsTest, WhatIsLeftIsTheRest) {
  for (int round = 0; round < 2'000; ++round) {
    const std::string text = RandomText();
    PartNumbers gone;
    std::vector<std::string> want;
    uint32_t last = 0;
    LineReader lines(text);
    while (const auto line = lines.Next()) {
      if (line->paragraph == 0) continue;
      const bool is_new = line->paragraph != last;
      if (is_new && OneIn(4)) gone.paragraphs.push_back(line->paragraph);
      if (is_new) want.emplace_back();
      last = line->paragraph;
      const bool is_gone = OneIn(3);
      if (is_gone) gone.lines.push_back(line->line);
      const bool in_gone = !gone.paragraphs.empty() && gone.paragraphs.back() == last;
      if (!is_gone && !in_gone) want.back() += line->text;
    }
    std::erase(want, "");
    std::vector<std::string> got;
    const RemainingText left = WithoutParts(text, gone);
    ASSERT_EQ(FromPieces(text, left), left.text) << ::testing::PrintToString(text);
    for (const auto& [number, paragraph] : PartsOf(left.text, PartKind::kParagraph)) {
      got.push_back(WithoutEnd(paragraph));
    }
    for (std::string& paragraph : want) paragraph = WithoutEnd(std::move(paragraph));
    ASSERT_EQ(got, want) << ::testing::PrintToString(text);
    ASSERT_EQ(WithoutParts(text, {}).text, text);
  }
}

TEST(PartHashes, AreEqualForWhatReadersTakeForEqual) {
  PartHasher hasher;
  const PartHash mill = hasher.Read("The mill, built in 1907,\nstands.");
  EXPECT_EQ(mill.words, 6u);
  for (const char* same :
       {"the MILL built in 2026 stands", "  The\tmill - built (in 0000) stands!\r\n",
        "the mill. built in １９０７ stands"}) {
    EXPECT_EQ(hasher.Read(same), mill) << same;
  }
  for (const char* other : {"the mill built in 190 stands", "the mill built in 1907",
                            "themill built in 1907 stands", "built the mill in 1907 stands", ""}) {
    const PartHash hash = hasher.Read(other);
    EXPECT_FALSE(hash.high == mill.high && hash.low == mill.low) << other;
  }
  EXPECT_EQ(hasher.Read("} ... {").words, 0u);
}

// What is written today is compared with what was written last year.
TEST(PartHashes, NeverChange) {
  PartHasher hasher;
  const PartHash hash = hasher.Read("the mill of 1907");
  EXPECT_EQ(hash.high, 0x9fceafd4bafc6af8);
  EXPECT_EQ(hash.low, 0x5bcc9f44077fff98);
}

}  // namespace
}  // namespace quern::text
