// Words, folding and languages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <utf8proc.h>

#include <cstdlib>
#include <ios>
#include <iterator>
#include <optional>

#include "jobs/text/fold.h"
#include "jobs/text/language.h"
#include "jobs/text/unicode_words.h"
#include "jobs/text/utf8.h"
#include "tests/support/growth.h"
#include "tests/support/random_test.h"

namespace quern::text {
namespace {

using ::testing::ElementsAre;

template <typename Reader>
std::vector<std::string> All(std::string_view text) {
  std::vector<std::string> pieces;
  Reader reader(text);
  for (auto piece = reader.Next(); !piece.empty(); piece = reader.Next())
    pieces.emplace_back(piece);
  return pieces;
}

TEST(Words, AreThoseOfTheStandard) {
  EXPECT_THAT(
      All<WordReader>("The quick (“brown”) fox can’t jump 32.3 feet, right?"),
      ElementsAre("The", "quick", "brown", "fox", "can’t", "jump", "32.3", "feet", "right"));
  EXPECT_THAT(All<WordReader>("a.b c. 3,500;2 x_1 _ e:f a,b 1.a '' don't'"),
              ElementsAre("a.b", "c", "3,500;2", "x_1", "_", "e:f", "a", "b", "1", "a", "don't"));
  EXPECT_THAT(All<WordReader>("e\u0301te\u0301 שֶׁ\"ל 가나 ｶﾅ カナ 12\u0301.5"),
              ElementsAre("e\u0301te\u0301", "שֶׁ\"ל", "가나", "ｶﾅ", "カナ", "12\u0301.5"));
  EXPECT_THAT(All<WordReader>("中文 x\xffy -\u200dz"), ElementsAre("中", "文", "x", "y", "z"));
  EXPECT_THAT(All<WordReader>(""), ElementsAre());
}

TEST(Words, SegmentsKeepTogetherWhatIsOne) {
  EXPECT_THAT(All<SegmentReader>("a\r\nb\n\u0308  c"),
              ElementsAre("a", "\r\n", "b", "\n", "\u0308", "  ", "c"));
  EXPECT_THAT(All<SegmentReader>("🇩🇪🇫🇷🇬 👩‍🔧x"),
              ElementsAre("🇩🇪", "🇫🇷", "🇬", " ", "👩‍🔧", "x"));
}

TEST(Words, UnspacedScriptsComeInPairs) {
  EXPECT_THAT(All<BigramReader>("我爱北京 ok 天,地 カタカナ"),
              ElementsAre("我爱", "爱北", "北京", "ok", "天", "地", "カタカナ"));
  EXPECT_THAT(All<BigramReader>("ひら x가나"), ElementsAre("ひら", "x가나"));
}

class WordsRandomTest : public RandomTest {
 protected:
  std::string RandomText(std::initializer_list<std::string_view> pieces) {
    std::string text;
    for (uint64_t i = Below(12); i > 0; --i) text += *(pieces.begin() + Below(pieces.size()));
    return text;
  }
};

// A zero width joiner after a word forces the slow road and belongs to the word.
TEST_F(WordsRandomTest, AsciiTakesAFastRoadToTheSamePlace) {
  for (int round = 0; round < 20'000; ++round) {
    const std::string text =
        RandomText({"a", "B", "1", "_", ".", "'", ":", ",", ";", "\"", " ", "\n", "-", "x2"});
    std::string slow_text;
    for (const char c : text) slow_text.append(1, c).append(c == '\n' ? "" : "\u200d");
    std::vector<std::string> slow = All<WordReader>(slow_text);
    for (std::string& word : slow) {
      for (size_t at = word.find("\u200d"); at != std::string::npos; at = word.find("\u200d")) {
        word.erase(at, 3);
      }
    }
    ASSERT_EQ(All<WordReader>(text), slow) << text;
  }
}

TEST_F(WordsRandomTest, SegmentsAreTheText) {
  for (int round = 0; round < 5000; ++round) {
    const std::string text = RandomText({"a", ".", " ", "\r", "\n", "中", "é", "\u0301", "\u200d",
                                         "🇩", "👩", "ש", "\"", "'", "カ", "\xff", "\xe4", "7"});
    std::string joined;
    for (const std::string& segment : All<SegmentReader>(text)) joined += segment;
    ASSERT_EQ(joined, text);
  }
}

std::vector<std::string> WordsOfPieces(std::string_view text, size_t piece_bytes) {
  std::vector<std::string> all;
  PieceReader pieces(text, piece_bytes);
  while (const std::optional<TextPiece> piece = pieces.Next()) {
    BigramReader words(*piece);
    for (auto word = words.Next(); !word.empty(); word = words.Next()) all.emplace_back(word);
  }
  return all;
}

// Wherever it is cut, with blanks and without, in every script.
TEST_F(WordsRandomTest, PiecesHaveTheWordsOfTheText) {
  for (int round = 0; round < 20'000; ++round) {
    const bool han = OneIn(2);
    std::string text;
    for (int i = 0; i < 4; ++i) {
      text +=
          han ? RandomText({"中", "文", "字", "。", "ひ", "\u0301", "ก", "า", "\ufe00", "a"})
              : RandomText({"a", "B", "9",  "_",      ".",      "'",      " ",    "\n",  "\r", "-",
                            ",", "é", "\"", "\u0301", "\u200d", "\u00ad", "中",   "文",  "、", "カ",
                            "ש", "🇩", "🔧",  "\u2139", "½",      "\xff",   "\xe4", "\xb8"});
    }
    const size_t piece_bytes = 1 + Below(20);
    ASSERT_EQ(WordsOfPieces(text, piece_bytes), All<BigramReader>(text))
        << text << " in pieces of " << piece_bytes;
  }
}

TEST(Words, PiecesAreOfTheirSize) {
  const std::string text = "我爱北京天安门 and some more words";
  PieceReader pieces(text, 12);
  std::vector<std::string> all;
  while (const std::optional<TextPiece> piece = pieces.Next()) all.emplace_back(piece->text);
  EXPECT_THAT(all, ElementsAre("我爱北京", "京天安门", " and some ", "more words"));
}

// However long they are, they are looked at a few times and no more.
TEST(Words, WordsWithoutEndAreCut) {
  const std::string text(2 * PieceReader::kMostUncutBytes + 10, 'x');
  PieceReader pieces(text, 1000);
  std::vector<size_t> sizes;
  while (const std::optional<TextPiece> piece = pieces.Next()) sizes.push_back(piece->text.size());
  EXPECT_THAT(sizes, ElementsAre(PieceReader::kMostUncutBytes, PieceReader::kMostUncutBytes, 10u));
  EXPECT_EQ(WordsOfPieces(std::string(5000, 'x') + " y", 1000).size(), 2u);
}

TEST(Fold, EqualTextsHaveOneSpelling) {
  EXPECT_EQ(FoldText("HELLO World_1"), "hello world_1");
  EXPECT_EQ(FoldText("ÉCOLE E\u0301cole"), "école école");
  EXPECT_EQ(FoldText("Straße STRASSE ΣΊΣΥΦΟΣ"), "strasse strasse σίσυφοσ");
  EXPECT_EQ(FoldText("ﬁve Ⅷ １２ ｶﾞ ①"), "five viii 12 ガ 1");
  EXPECT_EQ(FoldText("soft\u00adhyphen\ufeff"), "softhyphen");
  EXPECT_EQ(FoldText("A\xffÉ\xc3"), "a\uFFFDé\uFFFD");
  EXPECT_EQ(FoldText(""), "");
}

// Runs of ASCII are folded eight bytes at a time.
TEST(Fold, EachByteOfARunOfAsciiIsFoldedWhereverItStands) {
  for (size_t size = 1; size <= 20; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (char c = 1; c < 127; ++c) {
        std::string text(size, 'Q');
        text[at] = c;
        std::string lower(size, 'q');
        lower[at] = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        ASSERT_EQ(FoldText(text), lower) << "size " << size << ", " << int{c} << " at " << at;
        ASSERT_EQ(FoldText(text + "中" + text), lower + "中" + lower) << int{c} << " at " << at;
      }
    }
  }
}

TEST_F(WordsRandomTest, FoldingPartsIsFoldingTheWhole) {
  for (int round = 0; round < 20'000; ++round) {
    const std::string text = RandomText({"a", "E", "o", "\u0301", "\u0308", "É", "ß", "中",
                                         "\u1100", "\u1161", "가", "\u00ad", "ﬁ", "K", "\xff"});
    // Without ASCII between its parts a text is folded as a whole: letters of full width become
    // ASCII.
    std::string wide;
    for (const char c : text) {
      const bool letter = c >= 'A' && c <= 'z';
      const uint32_t code = 0xff21 + static_cast<uint32_t>(c - 'A');
      letter ? wide.append({static_cast<char>(0xe0 | code >> 12),
                            static_cast<char>(0x80 | (code >> 6 & 63)),
                            static_cast<char>(0x80 | (code & 63))})
             : wide.append(1, c);
    }
    ASSERT_EQ(FoldText(text), FoldText(wide)) << text;
    ASSERT_EQ(FoldText(FoldText(text)), FoldText(text)) << text;
  }
}

std::string WhatUtf8procMakesOf(const std::string& text) {
  constexpr auto kOptions = static_cast<utf8proc_option_t>(
      UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &mapped, kOptions);
  std::string result(reinterpret_cast<const char*>(mapped), static_cast<size_t>(size));
  std::free(mapped);
  return result;
}

// Fingerprints of texts that were made before must stay what they are.
TEST_F(WordsRandomTest, FoldingIsTheTransformationOfTheLibrary) {
  for (uint32_t code = 1; code <= kMaxCharacter; ++code) {
    std::string text = "x";
    AppendUtf8(code, &text);
    ASSERT_EQ(FoldText(text), WhatUtf8procMakesOf(text)) << "U+" << std::hex << code;
  }
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    // Marks of several classes, what has some in it, and anything.
    constexpr uint32_t kPlaces[] = {'A', 0x300, 0x316, 0x344, 0x5b0, 0x1ea4, 0x1100, 0xfb1d};
    for (uint64_t i = Below(40); i > 0; --i) {
      AppendUtf8(OneIn(20) ? 1 + static_cast<uint32_t>(Below(kMaxCharacter))
                           : kPlaces[Below(std::size(kPlaces))] + static_cast<uint32_t>(Below(20)),
                 &text);
    }
    ASSERT_EQ(FoldText(text), WhatUtf8procMakesOf(text)) << text;
  }
}

TEST(Fold, RunsOfMarksTakeNoLongerThanTheyAreLong) {
  const auto fold = [](size_t marks) {
    std::string text = "a";
    for (size_t i = 0; i < marks; ++i) text += "\u0301";
    for (size_t i = 0; i < marks; ++i) text += "\u0316";
    return FoldText(text);
  };
  EXPECT_EQ(fold(2), "\u00e1\u0316\u0316\u0301");
  EXPECT_LT(GrowthOfFourTimes(1000, fold), kMostGrowth);
}

TEST(Language, IsThatOfMostOfTheText) {
  const auto code = [](std::string_view text) { return DetectLanguage(text).code; };
  EXPECT_EQ(
      code("The mill had stood there for three hundred years, and nobody knew who had built it."),
      "en");
  EXPECT_EQ(code("Die Mühle stand dort seit dreihundert Jahren, und niemand wusste, wer sie gebaut "
                 "hatte."),
            "de");
  EXPECT_EQ(code("Мельница стояла там триста лет, и никто не знал, кто её построил."), "ru");
  EXPECT_EQ(code("水车在那里已经三百年了，没有人知道是谁建造的。"), "zh");
  EXPECT_EQ(code("הטחנה עמדה שם שלוש מאות שנה ואיש לא ידע מי בנה אותה."), "he");
  // The full tables know these; the usual ones do not.
  EXPECT_EQ(code("Ĉiuj homoj estas denaske liberaj kaj egalaj laŭ digno kaj rajtoj."), "eo");
  EXPECT_EQ(
      code("Omnes homines dignitate et iure liberi et pares nascuntur, rationis et conscientiae."),
      "la");
  EXPECT_EQ(code("0 1 2 3 --- ..."), "und");
  EXPECT_EQ(code(""), "und");
  const LanguageGuess bad = DetectLanguage(
      "The mill had stood \xff there for three\x01 hundred years, \xc3 and nobody knew who had "
      "built it.");
  EXPECT_EQ(bad.code, "en");
  EXPECT_GT(bad.score, 0.9);
  EXPECT_TRUE(bad.reliable);
}

TEST(Language, LooksAtPartsOfALongText) {
  std::string text;
  while (text.size() < (200 << 10))
    text += "Die Mühle stand dort seit dreihundert Jahren am Fluss. ";
  text.replace(0, 1000, std::string(1000, 'x'));
  EXPECT_EQ(DetectLanguage(text).code, "de");
}

}  // namespace
}  // namespace quern::text
