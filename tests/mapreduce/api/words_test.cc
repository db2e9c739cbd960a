// text::Words against a loop over the bytes.
#include "mapreduce/api/words.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/random_test.h"

namespace quern {
namespace {

std::vector<std::string> AllWords(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : text::Words(text)) words.emplace_back(word);
  return words;
}

std::vector<std::string> NaiveWords(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : std::string(text) + " ") {
    if (!std::isspace(static_cast<unsigned char>(c))) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, ""));
    }
  }
  return words;
}

TEST(WordsTest, SplitsAtTheSixSpacesAndNothingElse) {
  std::string every_byte;
  for (int c = 0; c < 256; ++c) every_byte += static_cast<char>(c);
  EXPECT_EQ(AllWords(every_byte), NaiveWords(every_byte));
  EXPECT_EQ(AllWords("a b\tc\nd\ve\ff\rg"),
            (std::vector<std::string>{"a", "b", "c", "d", "e", "f", "g"}));
  EXPECT_TRUE(AllWords("").empty());
  EXPECT_TRUE(AllWords(" \t\n").empty());
  EXPECT_EQ(AllWords(std::string_view("a\0b", 3)),
            std::vector<std::string>{std::string("a\0b", 3)});
}

using WordsRandomTest = RandomTest;

TEST_F(WordsRandomTest, AgreesWithALoopForEveryLengthAndAlignment) {
  for (size_t size = 0; size < 300; ++size) {
    std::string text;
    const uint64_t spaces_one_in = 1 + Below(70);
    for (size_t i = 0; i < size; ++i)
      text += OneIn(spaces_one_in) ? ' ' : static_cast<char>(Below(256));
    // Exactly as long as the text, so that a read beyond it is seen by the sanitizer.
    const std::vector<char> exact(text.begin(), text.end());
    ASSERT_EQ(AllWords({exact.data(), exact.size()}), NaiveWords(text)) << size;
  }
}

}  // namespace
}  // namespace quern
