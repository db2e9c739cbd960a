#include "jobs/text/text_stats.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "jobs/text/unicode_words.h"
#include "tests/support/random_test.h"

namespace quern::text {
namespace {

double Of(std::string_view text, Metric metric) { return At(TextMeter().Measure(text), metric); }

TEST(TextStats, CountWordsAndTokens) {
  EXPECT_EQ(Of("One, two; don't --- 3 äöü", Metric::kWords), 5);
  EXPECT_DOUBLE_EQ(Of("ab cdef äöü", Metric::kMeanWordLength), 3);
  EXPECT_EQ(Of("ab äöüß-äöüß\nx", Metric::kLongestToken), 9);
  EXPECT_EQ(Of("水车日夜转动，磨坊abc主人。", Metric::kLongestToken), 3);
  EXPECT_EQ(Of("물레방아 방아", Metric::kLongestToken), 4);
  EXPECT_DOUBLE_EQ(Of("a 1 b- --", Metric::kAlphaTokens), 0.5);
  EXPECT_DOUBLE_EQ(Of("# a #b c", Metric::kHashRatio), 0.5);
  EXPECT_DOUBLE_EQ(Of("a... b… c d", Metric::kEllipsisRatio), 0.5);
  EXPECT_EQ(Of("the of The to be xthe, and the", Metric::kStopWords), 5);
  EXPECT_DOUBLE_EQ(Of("a b\nc d\n", Metric::kNewlinesPerWord), 0.5);
  EXPECT_EQ(Of("äöü", Metric::kCharacters), 3);
}

TEST(TextStats, LookAtLines) {
  const std::string text = "- one.\n\n  • two...\nthree thousand four hundred and more…\nfour\n";
  EXPECT_DOUBLE_EQ(Of(text, Metric::kBulletLines), 0.5);
  EXPECT_DOUBLE_EQ(Of(text, Metric::kEllipsisLines), 0.5);
  EXPECT_DOUBLE_EQ(Of(text, Metric::kPunctuatedLines), 0.75);
  EXPECT_DOUBLE_EQ(Of(text, Metric::kShortLines), 0.75);
}

TEST(TextStats, LinesOfProseEndInMarks) {
  for (const char* line : {"a.", "a!", "a? ", "\"a\"", "'a'", "“a”", "a…", "a...", "«a»", "水。"}) {
    EXPECT_EQ(Of(line, Metric::kPunctuatedLines), 1) << line;
  }
  for (const char* line : {"a:", "a;", "a,", "a)", "a. b", "a-", "int a;"}) {
    EXPECT_EQ(Of(line, Metric::kPunctuatedLines), 0) << line;
  }
}

TEST(TextStats, FindRepeatedLinesAndParagraphs) {
  const std::string text = "aa\nbb\naa\naa\n\n\ncc\n\naa\nbb\naa\naa";
  EXPECT_DOUBLE_EQ(Of(text, Metric::kDupLines), 6.0 / 9);
  EXPECT_DOUBLE_EQ(Of(text, Metric::kDupLineChars), 12.0 / static_cast<double>(text.size()));
  EXPECT_DOUBLE_EQ(Of(text, Metric::kDupParagraphs), 1.0 / 3);
  EXPECT_DOUBLE_EQ(Of(text, Metric::kDupParagraphChars), 11.0 / static_cast<double>(text.size()));
}

TEST(TextStats, AreTheSameWhereLinesEndInCrLf) {
  const std::string text =
      "Aa bb cc.\nDd ee\nAa bb cc.\n\nff\n\n\nAa bb cc.\nDd ee\nAa bb cc.\n\nff";
  std::string windows;
  for (const char c : text) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_EQ(TextMeter().Measure(windows), TextMeter().Measure(text));
  EXPECT_GT(Of(windows, Metric::kDupParagraphs), 0);
  EXPECT_EQ(Of("a\rb\r", Metric::kCharacters), 4);
}

TEST(TextStats, KnowWhatC4DoesNotWant) {
  EXPECT_EQ(Of("One. Two! Three? 3.5 \"Four.\" (Five.) Six", Metric::kSentences), 5);
  EXPECT_EQ(Of("一。二！", Metric::kSentences), 2);
  EXPECT_EQ(Of("{a} }", Metric::kCurlyBrackets), 3);
  EXPECT_EQ(Of("x Lorem IPSUM", Metric::kLoremIpsum), 1);
  EXPECT_EQ(Of("lorem  ipsum", Metric::kLoremIpsum), 0);
}

TEST(TextStats, OfNothingAreZero) {
  for (const char* text : {"", " \n\n ", "\n"}) {
    const TextStats stats = TextMeter().Measure(text);
    for (size_t i = 1; i < kMetricCount; ++i) {
      EXPECT_EQ(stats[i], 0) << NameOf(static_cast<Metric>(i));
    }
  }
}

TEST(TextStats, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kMetricCount; ++i) {
    names.insert(NameOf(static_cast<Metric>(i)));
    EXPECT_FALSE(HelpOf(static_cast<Metric>(i)).empty());
  }
  EXPECT_EQ(names.size(), kMetricCount);
}

class TextStatsRandomTest : public RandomTest {
 protected:
  using Gram = std::vector<std::string>;

  static Gram WordsOf(std::string_view text) {
    Gram words;
    WordReader reader(text);
    for (auto word = reader.Next(); !word.empty(); word = reader.Next()) words.emplace_back(word);
    return words;
  }
  static size_t LengthOf(const Gram& gram) {
    size_t length = 0;
    for (const std::string& word : gram) length += word.size();
    return length;
  }
  static double TopGram(const Gram& words, size_t n) {
    std::map<Gram, size_t> counts;
    for (size_t i = 0; i + n <= words.size(); ++i) {
      ++counts[Gram(words.begin() + static_cast<std::ptrdiff_t>(i),
                    words.begin() + static_cast<std::ptrdiff_t>(i + n))];
    }
    size_t most = 2, longest = 0;
    for (const auto& [gram, count] : counts) {
      if (count < most) continue;
      if (count > most) longest = 0;
      most = count;
      longest = std::max(longest, LengthOf(gram) + n - 1);
    }
    return static_cast<double>(most * longest);
  }
  static double RepeatedGram(const Gram& words, size_t n) {
    std::set<Gram> seen;
    size_t repeated = 0;
    for (size_t i = 0; i + n <= words.size();) {
      const Gram gram(words.begin() + static_cast<std::ptrdiff_t>(i),
                      words.begin() + static_cast<std::ptrdiff_t>(i + n));
      if (seen.insert(gram).second) {
        ++i;
      } else {
        repeated += LengthOf(gram);
        i += n;
      }
    }
    return static_cast<double>(repeated);
  }
};

TEST_F(TextStatsRandomTest, GramsAreThoseOfTheDefinition) {
  TextMeter meter;  // one for all: what it keeps must not be seen
  for (int round = 0; round < 400; ++round) {
    std::string text;
    const uint64_t kinds = 1 + Below(6);
    for (uint64_t i = Below(120); i > 0; --i) {
      text += std::string(1 + Below(3), static_cast<char>('a' + Below(kinds))) +
              (OneIn(9) ? ", " : " ");
    }
    const TextStats stats = meter.Measure(text);
    const Gram words = WordsOf(text);
    const auto share = [&](double part) {
      return text.empty() ? 0 : part / static_cast<double>(text.size());
    };
    for (size_t n = 2; n <= 4; ++n) {
      ASSERT_DOUBLE_EQ(stats[static_cast<size_t>(Metric::kTop2Gram) + n - 2],
                       share(TopGram(words, n)))
          << n << ": " << text;
    }
    for (size_t n = 5; n <= 10; ++n) {
      ASSERT_DOUBLE_EQ(stats[static_cast<size_t>(Metric::kDup5Gram) + n - 5],
                       share(RepeatedGram(words, n)))
          << n << ": " << text;
    }
  }
}

}  // namespace
}  // namespace quern::text
