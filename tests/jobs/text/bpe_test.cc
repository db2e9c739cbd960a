// The tokeniser against its definition: a vocabulary trained here, and an encoder that merges as
// the paper says it, without tables, lists or caches.
#include "jobs/text/bpe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <utility>

#include "jobs/text/gpt2_pieces.h"
#include "tests/jobs/text/small_vocabulary.h"
#include "tests/support/random_test.h"

namespace quern::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Gpt2Pieces, CutsAsTheExpressionDoes) {
  EXPECT_THAT(PiecesOf("Hello, world's  end"),
              ElementsAre("Hello", ",", " world", "'s", " ", " end"));
  EXPECT_THAT(PiecesOf("I'll we've you're I'd it'd I'm don't o'clock 'S"),
              ElementsAre("I", "'ll", " we", "'ve", " you", "'re", " I", "'d", " it", "'d", " I",
                          "'m", " don", "'t", " o", "'", "clock", " '", "S"));
  EXPECT_THAT(PiecesOf("a1b22 3c"), ElementsAre("a", "1", "b", "22", " 3", "c"));
  EXPECT_THAT(PiecesOf(" 's !'s"), ElementsAre(" '", "s", " !'", "s"));
  EXPECT_THAT(PiecesOf("x\n\ny \n z\t"), ElementsAre("x", "\n", "\n", "y", " \n", " z", "\t"));
  EXPECT_THAT(PiecesOf("   "), ElementsAre("   "));
  EXPECT_THAT(PiecesOf("\u3000\u3000é½ ٣中文，"),
              ElementsAre("\u3000", "\u3000", "é", "½", " ٣", "中文", "，"));
  EXPECT_THAT(PiecesOf("a\xff\xfe b\xc3"), ElementsAre("a", "\xff\xfe", " b", "\xc3"));
  EXPECT_THAT(PiecesOf("'"), ElementsAre("'"));
}

std::vector<std::string> SlowEncode(const Trained& trained, std::string_view text) {
  std::vector<std::string> tokens;
  for (const std::string& piece : PiecesOf(text)) {
    std::vector<std::string> parts;
    for (const char c : piece) parts.emplace_back(1, c);
    for (const auto& [a, b] : trained.merges) {
      for (size_t i = 0; i + 1 < parts.size(); ++i) {
        if (parts[i] != a || parts[i + 1] != b) continue;
        parts[i] += b;
        parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
    tokens.insert(tokens.end(), parts.begin(), parts.end());
  }
  return tokens;
}

constexpr std::string_view kTrainingText =
    "the cat and the hat sat on the mat with that rat; thinner things than these, then they'd "
    "think "
    "the theme there. aaaaaaaa aaaa bananas ananas 中文中文 été été naïve 123 123 1231 --- ---- "
    "the the "
    "therefore nevertheless whatever the weather";

class BpeTest : public RandomTest {
 protected:
  std::string RandomText(uint64_t parts) {
    const std::string_view words[] = {"the", "that", " then", " the", "a", "aa",
                                      "ana", "中",   "文",    "é",    " ", "\n",
                                      "--",  "12",   "\xff",  "'d",   "n", "x"};
    std::string text;
    for (uint64_t i = Below(parts); i > 0; --i) text += words[Below(std::size(words))];
    return text;
  }
  void ExpectAsDefined(const std::string& text) {
    std::vector<uint32_t> tokens;
    encoder_.Encode(text, &tokens);
    std::vector<std::string> got;
    for (const uint32_t token : tokens) got.emplace_back(vocabulary_.bytes(token));
    ASSERT_EQ(got, SlowEncode(trained_, text)) << text;
    ASSERT_EQ(encoder_.Decode(tokens), text);
  }

  const Trained trained_ = Train(kTrainingText, 120);
  const BpeVocabulary vocabulary_{trained_.encoder_json, trained_.vocab_bpe};
  BpeEncoder encoder_{&vocabulary_};
};

TEST_F(BpeTest, MergesAsThePaperSays) {
  ASSERT_GT(trained_.merges.size(), 80u);
  ExpectAsDefined(std::string(kTrainingText));
  for (int round = 0; round < 3000; ++round) ExpectAsDefined(RandomText(30));
}

TEST_F(BpeTest, PiecesOfAnyLengthAreMergedAlike) {
  for (int round = 0; round < 300; ++round) {
    std::string piece;
    // Letters only: one piece, short and long ones about the border between the two ways to merge.
    for (uint64_t i = 1 + Below(60); i > 0; --i) piece += Below(2) ? "an" : Below(2) ? "the" : "a";
    ExpectAsDefined(piece);
  }
  ExpectAsDefined(std::string(1000, 'a') + std::string(999, 't'));
}

TEST_F(BpeTest, AQuarterMegabyteWithoutABlankIsNoTrouble) {
  std::vector<uint32_t> tokens;
  const std::string text(1 << 18, 'a');
  encoder_.Encode(text, &tokens);
  EXPECT_EQ(encoder_.Decode(tokens), text);
  EXPECT_LE(tokens.size(), text.size() / 4);
}

TEST_F(BpeTest, KnowsTheTokenBetweenDocuments) {
  EXPECT_EQ(vocabulary_.end_of_text(), vocabulary_.size() - 1);
  std::vector<uint32_t> tokens;
  encoder_.Encode("<|endoftext|>", &tokens);
  EXPECT_GT(tokens.size(), 1u) << "text never makes it";
  EXPECT_EQ(vocabulary_.bytes(vocabulary_.size()), "");
}

// A blank is written as another character: what has one in it is a special token, also where its
// bytes are those of a token that text makes.
TEST(BpeVocabulary, ASpecialTokenIsNoneThatTextMakes) {
  std::string json = FilesOf({{" ", " "}}).encoder_json;
  json.insert(json.size() - 1, R"(, "  ": 300, " ": 301, "    ": 302)");
  const BpeVocabulary vocabulary(json, Written(" ") + " " + Written(" "));
  BpeEncoder encoder(&vocabulary);
  std::vector<uint32_t> tokens;
  encoder.Encode("a   ", &tokens);
  EXPECT_THAT(tokens, ElementsAre(255 - 'a', 256, 255 - ' '));
  EXPECT_EQ(encoder.Decode({302}), "    ");
}

std::string WhyRefused(const std::string& encoder, const std::string& merges) {
  try {
    BpeVocabulary vocabulary(encoder, merges);
  } catch (const std::invalid_argument& problem) {
    return problem.what();
  }
  return "accepted";
}

TEST(BpeVocabulary, RefusesFilesThatDoNotFitTogether) {
  const Trained good = FilesOf({{"t", "h"}, {"th", "e"}});
  const auto with = [&](const char* field) {
    return good.encoder_json.substr(0, good.encoder_json.size() - 1) + ", " + field + "}";
  };
  EXPECT_EQ(WhyRefused(good.encoder_json, good.vocab_bpe), "accepted");
  EXPECT_EQ(WhyRefused(good.encoder_json, "t h\r\nth e"), "accepted");
  EXPECT_EQ(WhyRefused(good.encoder_json, ""), "accepted");
  EXPECT_THAT(WhyRefused("[]", ""), HasSubstr("encoder.json: is no JSON object"));
  EXPECT_THAT(WhyRefused("{\"a\": 1}", ""), HasSubstr("no token stands for the byte 0"));
  EXPECT_THAT(WhyRefused(with("\"zz\": -1"), ""), HasSubstr("the id of 'zz' is no number below"));
  EXPECT_THAT(WhyRefused(with("\"zz\": 4000000000"), ""), HasSubstr("is no number below"));
  EXPECT_THAT(WhyRefused(with("\"zz\": 5"), ""), HasSubstr("two tokens have the id 5"));
  EXPECT_THAT(WhyRefused(good.encoder_json, "t h\nth"), HasSubstr("line 2 'th': is no two tokens"));
  EXPECT_THAT(WhyRefused(good.encoder_json, "t h\nth  e"), HasSubstr("line 2"));
  EXPECT_THAT(WhyRefused(good.encoder_json, "t x"), HasSubstr("has no id in encoder.json"));
  EXPECT_THAT(WhyRefused(good.encoder_json, "th e\nt h"), HasSubstr("made only by a later line"));
}

}  // namespace
}  // namespace quern::text
