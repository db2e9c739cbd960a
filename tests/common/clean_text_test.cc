#include "common/clean_text.h"

#include <gtest/gtest.h>

#include "tests/support/random_test.h"

namespace quern {
namespace {

TEST(IsUtf8, FindsOneWrongByteAnywhere) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("plain ASCII of some length"));
  EXPECT_TRUE(IsUtf8("plain ASCII, then 中文 and é"));
  for (size_t i = 0; i < 40; ++i) {
    std::string text(40, 'a');
    text[i] = '\xe9';
    EXPECT_FALSE(IsUtf8(text)) << i;
  }
  EXPECT_FALSE(IsUtf8("\xed\xa0\x80")) << "a surrogate";
}

TEST(CleanText, LeavesGoodTextAlone) {
  for (const char* text : {"", "plain", "caf\u00e9 \u4e2d \U0001f600", "a\nb\tc"}) {
    EXPECT_EQ(CleanText(text, 100), text);
  }
  EXPECT_EQ(CleanText("exactly", 7), "exactly");
}

TEST(CleanText, EscapesControlCharactersAndWhatIsNoUtf8) {
  EXPECT_EQ(CleanLine("a\nb\tc\rd", 100), "a\\nb\\tc\\rd");
  EXPECT_EQ(CleanLine("\x1b[31mred\x7f", 100), "\\x1b[31mred\\x7f");
  EXPECT_EQ(CleanLine(std::string_view("a\0b", 3), 100), "a\\x00b");
  EXPECT_EQ(CleanLine("12\xb5", 100), "12\\xb5");
  EXPECT_EQ(CleanLine("\xc2\x9b"
                      "1m",
                      100),
            "\\xc2\\x9b1m")
      << "a control character of two bytes";
  EXPECT_EQ(CleanLine("\xc0\xaf", 100), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(CleanLine("\xed\xa0\x80", 100), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(CleanLine("\xf4\x90\x80\x80", 100), "\\xf4\\x90\\x80\\x80") << "above U+10FFFF";
  EXPECT_EQ(CleanLine("\xc3", 100), "\\xc3") << "the end is missing";
}

TEST(CleanText, CutsAtTheEndOfACharacter) {
  EXPECT_EQ(CleanText("abcdefghij", 8), "abcde...");
  EXPECT_EQ(CleanText("\u00e9\u00e9\u00e9\u00e9\u00e9", 8), "\u00e9\u00e9...");
  EXPECT_EQ(CleanText("\xff\xff\xff", 8), "\\xff...") << "escapes stay whole too";
  EXPECT_EQ(CleanText("abcdef", 2), "..");
  EXPECT_EQ(CleanText("abcdef", 0), "");
}

TEST(CleanText, ATailLosesItsBeginning) {
  EXPECT_EQ(CleanTail("first\nlast", 100), "first\nlast");
  EXPECT_EQ(CleanTail("first\nlast", 7), "...last");
  EXPECT_EQ(CleanTail("ab\u00e9\u00e9\u00e9", 7), "...\u00e9\u00e9") << "begins with a character";
  EXPECT_EQ(CleanTail("abcdef\xff", 8), "...f\\xff");
  EXPECT_EQ(CleanTail("abcdef", 2), "..");
}

class CleanTextRandom : public RandomTest {};

TEST_F(CleanTextRandom, AnyBytesBecomeTextWithinTheLimit) {
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(Below(40), '\0');
    // Mostly bytes above 127, where the rules are.
    for (char& c : bytes) c = static_cast<char>(Below(256) | (OneIn(4) ? 0 : 0x80));
    const size_t limit = Below(60);
    const std::string clean = OneIn(2) ? CleanLine(bytes, limit) : CleanTail(bytes, limit);
    ASSERT_LE(clean.size(), limit);
    for (std::string_view rest = clean; !rest.empty();) {
      const size_t character = Utf8CharacterBytes(rest);
      ASSERT_GT(character, 0u);
      ASSERT_FALSE(rest[0] == '\x1b' || rest[0] == '\x7f' || rest[0] == '\0');
      rest.remove_prefix(character);
    }
  }
}

}  // namespace
}  // namespace quern
