#include "jobs/search/analysis/analyzer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "jobs/text/fold.h"
#include "jobs/text/han_forms.h"
#include "jobs/text/unicode_words.h"
#include "jobs/text/utf8.h"
#include "tests/support/random_test.h"

namespace quern::search {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// term@position
std::vector<std::string> Terms(const AnalysisSettings& settings, std::string_view text) {
  Analyzer analyzer(settings);
  std::vector<std::string> terms;
  for (const Token& token : analyzer.Analyze(text)) {
    terms.push_back(std::string(token.term) + "@" + std::to_string(token.position));
  }
  return terms;
}

TEST(AnalyzerTest, FoldsWordsInAnyScript) {
  EXPECT_THAT(
      Terms({}, "The GNU/Linux kernel's 3.14 e-mail"),
      ElementsAre("the@0", "gnu@1", "linux@2", "kernel@3", "s@4", "3.14@5", "e@6", "mail@7"));
  EXPECT_THAT(Terms({}, "Straße ＡＢＣ ﬁne ΣΊΣΥΦΟΣ Ёлка"),
              ElementsAre("strasse@0", "abc@1", "fine@2", "σίσυφοσ@3", "ёлка@4"));
  EXPECT_THAT(Terms({}, "我爱北京 ok"), ElementsAre("我爱@0", "爱北@1", "北京@2", "ok@3"));
  EXPECT_THAT(Terms({}, " ... \n"), IsEmpty());
}

TEST(AnalyzerTest, TraditionalAndSimplifiedCharactersAreTheSameTerms) {
  constexpr std::pair<std::string_view, std::string_view> kPairs[] = {
      {"漢語", "汉语"},
      {"機器學習", "机器学习"},
      {"圖書館", "图书馆"},
      {"後", "后"},
      {"發", "发"},
      {"髮", "发"},
      {"臺灣", "台湾"},
      {"資訊檢索", "资讯检索"},
      {"龍", "龙"},
      {"憂鬱的烏龜", "忧郁的乌龟"},
      {"裡", "里"},
      {"裏", "里"},
      {"乾燥", "干燥"},
      {"鐘", "钟"},
      {"鍾", "钟"},
      {"著作", "著作"},
      {"中文", "中文"},
      {"\uf902", "车"},
      {"C++語言 2.0", "c++语言 2.0"}};
  for (const auto& [traditional, simplified] : kPairs) {
    EXPECT_EQ(Terms({}, traditional), Terms({}, simplified)) << traditional;
  }
  EXPECT_THAT(Terms({}, "漢語"), ElementsAre("汉语@0"));
  EXPECT_THAT(Terms({.version = 0}, "漢語 ABC"), ElementsAre("漢語@0", "abc@1"));
  EXPECT_EQ(Analyzer({}).Fold("漢"), "汉");
  EXPECT_EQ(Analyzer({.version = 0}).Fold("漢"), "漢");
}

// Japanese is not parted from itself, nor are its kana touched.
TEST(AnalyzerTest, JapaneseKeepsItsKana) {
  EXPECT_THAT(Terms({}, "東京タワーの図書館"),
              ElementsAre("东京@0", "タワー@1", "の図@2", "図书@3", "书馆@4"));
}

// An article or an ending must not hide a word.
TEST(AnalyzerTest, ApostrophesDivide) {
  EXPECT_THAT(Terms({}, "l'homme İstanbul\u2019da 'quoted' rock'n'roll"),
              ElementsAre("l@0", "homme@1", "i\u0307stanbul@2", "da@3", "quoted@4", "rock@5", "n@6",
                          "roll@7"));
  Analyzer analyzer({});
  const std::vector<Token>& tokens = analyzer.Analyze("d\u2019où");
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[1].begin, 4u);
  EXPECT_EQ(tokens[1].end, 7u);
}

TEST(AnalyzerTest, StemsByLanguage) {
  EXPECT_THAT(Terms({"english", true, false}, "Running runners ran"),
              ElementsAre("run@0", "runner@1", "ran@2"));
  EXPECT_THAT(Terms({"de", true, false}, "Häuser Hauses"), ElementsAre("haus@0", "haus@1"));
  EXPECT_THAT(Terms({"english", true, false}, "running running"), ElementsAre("run@0", "run@1"));
}

TEST(AnalyzerTest, StopWordsKeepTheirPlace) {
  EXPECT_THAT(Terms({"english", false, true}, "The end of the world"),
              ElementsAre("end@1", "world@4"));
}

TEST(AnalyzerTest, LongRunsAreNoWords) {
  const std::string longest(Analyzer::kMaxTermBytes, 'a');
  EXPECT_THAT(Terms({}, longest + " " + longest + "a b"), ElementsAre(longest + "@0", "b@2"));
  Analyzer analyzer({});
  analyzer.Analyze(longest + "a-b " + longest + "a");
  EXPECT_EQ(analyzer.too_long(), 2u);
  analyzer.Analyze(longest);
  EXPECT_EQ(analyzer.too_long(), 0u);
}

TEST(AnalyzerTest, SaysWhatItCannotDo) {
  EXPECT_THAT(Analyzer::Check({.version = 2}), HasSubstr("version 2; this program knows 1"));
  EXPECT_EQ(Analyzer::Check({}), "");
  EXPECT_EQ(Analyzer::Check({"english", true, true}), "");
  EXPECT_EQ(Analyzer::Check({"klingon", false, false}), "");
  EXPECT_THAT(Analyzer::Check({"klingon", true, false}), HasSubstr("'klingon'; there are"));
  EXPECT_THAT(Analyzer::Check({"finnish", true, true}), HasSubstr("no stop words"));
}

// Indexes made with a language alone go on with segments that have none.
TEST(AnalysisSettingsTest, ALanguageAloneChangesNothing) {
  const AnalysisSettings none{};
  EXPECT_TRUE((none == AnalysisSettings{"english", false, false}));
  EXPECT_FALSE((none == AnalysisSettings{"english", true, false}));
  EXPECT_FALSE((none == AnalysisSettings{.version = 0}));
  EXPECT_FALSE(
      (AnalysisSettings{"german", false, true} == AnalysisSettings{"english", false, true}));
}

class AnalyzerRandomTest : public RandomTest {
 protected:
  static std::vector<std::string_view> SplitAtApostrophes(std::string_view word) {
    std::vector<std::string_view> parts;
    for (size_t at = 0; at <= word.size();) {
      const size_t end = std::min(word.find('\'', at), word.size());
      if (end > at) parts.push_back(word.substr(at, end - at));
      at = end + 1;
    }
    return parts;
  }
};

// What stands alone gives the term that it gives within a text, and offsets say where that is.
TEST_F(AnalyzerRandomTest, TokensAreTheFoldedWordsOfTheText) {
  constexpr std::string_view kPieces[] = {"a", "B", "Zz", "9",    "_",      ".",  "'",  " ",  "\n",
                                          "-", "é", "É",  "ß",    "\u0301", "中", "文", "カ", "ﬁ",
                                          "Σ", "я", "Ж",  "\xff", "\xe4",   "ש",  ",",  "x"};
  Analyzer analyzer({});
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (uint64_t i = Below(30); i > 0; --i) text += kPieces[Below(std::size(kPieces))];
    text::BigramReader words(text);
    size_t next = 0;
    uint32_t position = 0;
    const std::vector<Token>& tokens = analyzer.Analyze(text);
    std::vector<std::string> parts;  // apostrophes divide
    for (auto word = words.Next(); !word.empty(); word = words.Next()) {
      for (const std::string_view part : SplitAtApostrophes(word)) parts.emplace_back(part);
    }
    for (const std::string& part : parts) {
      const std::string folded = text::FoldText(part);
      const uint32_t place = position++;
      if (folded.empty() || folded.size() > Analyzer::kMaxTermBytes) continue;
      ASSERT_LT(next, tokens.size()) << text;
      ASSERT_EQ(tokens[next].term, folded) << text;
      ASSERT_EQ(tokens[next].position, place) << text;
      ASSERT_EQ(text.substr(tokens[next].begin, tokens[next].end - tokens[next].begin), part);
      ++next;
    }
    ASSERT_EQ(next, tokens.size()) << text;
    ASSERT_EQ(analyzer.words(), position) << text;
  }
}

// Only terms with Chinese characters differ from what they were before these had one form, and no
// token stands elsewhere.
TEST_F(AnalyzerRandomTest, OneFormOfChineseCharactersChangesNothingElse) {
  Analyzer now({});
  Analyzer before({.version = 0});
  size_t changed = 0;
  for (int round = 0; round < 5'000; ++round) {
    std::string text;
    for (uint64_t i = Below(20); i > 0; --i) {
      const uint64_t kind = Below(6);
      const uint64_t code = kind == 0   ? 1 + Below(0x7f)
                            : kind == 1 ? 0x3000 + Below(0x100)
                            : kind == 2 ? 0x4e00 + Below(0x5200)
                            : kind == 3 ? 0xac00 + Below(0x2ba4)
                                        : 0x80 + Below(0xd700);
      text::AppendUtf8(static_cast<uint32_t>(code), &text);
    }
    const std::vector<Token>& tokens = now.Analyze(text);
    const std::vector<Token>& old = before.Analyze(text);
    ASSERT_EQ(tokens.size(), old.size());
    for (size_t i = 0; i < tokens.size(); ++i) {
      ASSERT_EQ(tokens[i].position, old[i].position) << text;
      ASSERT_EQ(tokens[i].begin, old[i].begin) << text;
      ASSERT_EQ(tokens[i].end, old[i].end) << text;
      std::string simplified(old[i].term);
      text::SimplifyHan(&simplified);
      ASSERT_EQ(tokens[i].term, simplified);
      ASSERT_EQ(simplified.size(), old[i].term.size());
      if (simplified == old[i].term) continue;
      ++changed;
      ASSERT_TRUE(std::any_of(simplified.begin(), simplified.end(), [](char c) {
        return static_cast<uint8_t>(c) >= 0xe3 && static_cast<uint8_t>(c) <= 0xe9;
      })) << text;
      text::SimplifyHan(&simplified);
      ASSERT_EQ(tokens[i].term, simplified) << "twice is once";
    }
  }
  EXPECT_GT(changed, 100u);
}

}  // namespace
}  // namespace quern::search
