// SentencePiece models: ids as the library itself gives them, and each type against its definition.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <stdexcept>

#include "jobs/text/sentencepiece_encoder.h"
#include "tests/jobs/text/small_sentencepiece.h"
#include "tests/support/random_test.h"

namespace quern::text {
namespace {

using namespace std::literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ids = std::vector<uint32_t>;
using PieceType = SentencePieceModel::Type;

std::string KeptModel(const std::string& name) {
  std::ifstream file(QUERN_SOURCE_DIR "/tests/jobs/text/sentencepiece/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Ids IdsOf(const SentencePieceModel& model, std::string_view text) {
  Ids ids;
  SentencePieceEncoder(&model).Encode(text, &ids);
  return ids;
}

std::string WhyRefused(const std::string& file) {
  try {
    const SentencePieceModel model(file);
    const SentencePieceEncoder encoder(&model);
  } catch (const std::invalid_argument& problem) {
    return problem.what();
  }
  return "";
}

struct KnownIds {
  std::string_view text;
  Ids unigram;
  Ids bpe;
};

// Written by version 0.2.3 of the library for Python, with the models of
// tests/jobs/text/sentencepiece/.
const KnownIds kKnown[] = {
    {""sv, {}, {}},
    {" "sv, {}, {336, 336}},
    {"The miller counted seven lanterns before the rain came."sv,
     {274, 272, 322, 279, 268, 328, 318, 342, 260, 259, 262, 261, 313, 281, 324,
      317, 268, 281, 262, 312, 360, 261, 259, 266, 259, 271, 292, 303, 283, 263},
     {29, 103, 105, 238, 241, 183, 11, 180, 179, 354}},
    {"  blanks  at   both ends  "sv,
     {336, 301, 307, 445, 262, 259, 286, 259, 282, 340, 259, 316, 260, 262},
     {336, 336, 25, 347, 36,  361, 345, 336, 133, 336,
      336, 25,  58, 343, 336, 337, 14,  345, 336, 336}},
    {"lines\nand\n\nlines\n"sv,
     {357, 276, 289, 259, 273, 357, 276, 289},
     {18, 8, 20, 4, 54, 4, 4, 347, 8, 20, 4}},
    {"他把地图放在桌子上，然后回家了。"sv,
     {259, 427, 233, 141, 141, 232, 159, 179, 232, 158, 193, 233, 151, 193, 374, 233, 164,
      143, 378, 389, 380, 234, 135, 185, 232, 147, 145, 232, 158, 161, 393, 391, 335},
     {336, 0, 387, 0, 306, 419, 0, 307, 366}},
    {"龍の水車小屋は川の側"sv,
     {259, 236, 193, 144, 433, 233, 179, 183, 235, 190, 141, 232, 179,
      146, 232, 180, 142, 399, 232, 186, 160, 433, 232, 132, 183},
     {336, 0, 405, 0}},
    {"😀 👩\u200d🚀 x"sv,
     {259, 355, 44, 259, 243, 162, 148, 172, 229, 131, 144, 243, 162, 157, 131, 259, 123},
     {336, 0, 336, 0, 336, 0}},
    {"ﬁsh, e\u0301te\u0301, soft\u00adhyphen, ①Ａ"sv,
     {259, 267, 309, 262, 339, 403, 259, 371, 265, 371, 403, 259,
      262, 300, 267, 340, 269, 331, 272, 281, 403, 311, 446},
     {336, 0, 345, 343, 0, 336, 337, 0, 285, 0, 15, 342, 349, 340, 0, 162, 358, 150, 0, 336, 0}},
    {"a\tb\u3000c"sv, {278, 336, 328}, {13, 0, 352, 0, 355}},
    {"the <mask> of <s></s> <unk> <0x0A>"sv,
     {259, 266, 259, 63, 345, 348, 445, 65, 264, 267, 259, 63,  262, 65,  63, 50,
      262, 65,  259, 63, 277, 281, 445, 65, 259, 63,  293, 123, 293, 446, 65},
     {11, 336, 3, 28, 336, 0, 345, 0, 345, 0, 336, 0, 287, 361, 0, 336, 0, 362, 0, 362, 360, 0}},
    {"▁under▁ ▁▁"sv, {259, 259, 277, 308, 268}, {336, 336, 111, 6, 336, 336, 336, 336}},
    {"bad \377\376 bytes \344\270"sv,
     {336, 346, 259, 242, 194, 192, 242, 194, 192, 336,
      269, 265, 289, 259, 242, 194, 192, 242, 194, 192},
     {25, 60, 336, 0, 25, 356, 340, 20, 336, 0}},
    {"\355\240\200\300\200\364\220\200\200"sv,
     {259, 242, 194, 192, 242, 194, 192, 242, 194, 192, 242, 194, 192, 242,
      194, 192, 242, 194, 192, 242, 194, 192, 242, 194, 192, 242, 194, 192},
     {336, 0}},
    {"nul\000in it"sv, {259, 281, 277, 301, 3, 276, 259, 309, 265}, {214, 353, 347, 0, 8, 336, 62}},
    {"Größere Schiffe kommen 1897 selten; Ça coûte 12.50"sv,
     {259, 405, 271, 383, 400, 268, 261, 259, 428, 338, 339, 309, 267, 267, 261,
      259, 445, 304, 283, 281, 311, 369, 370, 368, 259, 262, 261, 333, 316, 343,
      259, 407, 332, 328, 300, 412, 265, 261, 311, 351, 263, 353, 293},
     {336, 0,  324, 312, 336, 0, 309, 313, 72, 82,  317, 336, 363, 380, 381, 379,
      203, 71, 16,  367, 336, 0, 341, 332, 0,  285, 336, 363, 370, 354, 372, 362}},
};

TEST(SentencePiece, GivesTheIdsOfTheLibrary) {
  const SentencePieceModel unigram(KeptModel("unigram.model"));
  const SentencePieceModel bpe(KeptModel("bpe.model"));
  EXPECT_EQ(unigram.size(), 450u);
  EXPECT_EQ(bpe.size(), 420u);
  EXPECT_EQ(unigram.end_of_text(), 2u);
  SentencePieceEncoder of_unigram(&unigram);
  SentencePieceEncoder of_bpe(&bpe);
  // Twice: what was remembered is the same.
  for (int round = 0; round < 2; ++round) {
    for (const KnownIds& known : kKnown) {
      Ids ids;
      of_unigram.Encode(known.text, &ids);
      EXPECT_EQ(ids, known.unigram) << known.text;
      ids.clear();
      of_bpe.Encode(known.text, &ids);
      EXPECT_EQ(ids, known.bpe) << known.text;
    }
  }
}

TEST(SentencePiece, TokensAreAppended) {
  const SentencePieceModel model(KeptModel("unigram.model"));
  Ids ids = {7};
  SentencePieceEncoder(&model).Encode("he", &ids);
  EXPECT_GT(ids.size(), 1u);
  EXPECT_EQ(ids[0], 7u);
}

// Pieces of the letters a to c, in which the alphabet of the texts has one more.
ModelParts RandomParts(RandomTest* random, uint64_t (*below)(RandomTest*, uint64_t),
                       uint64_t model_type) {
  ModelParts parts{.pieces = {{"<unk>", 0, PieceType::kUnknown}}, .model_type = model_type};
  std::map<std::string, bool> known;
  for (const char* letter : {"a", "b", "c"}) known[letter] = true;
  while (known.size() < 15) {
    std::string piece;
    for (uint64_t size = 2 + below(random, 3); size > 0; --size) {
      piece += static_cast<char>('a' + below(random, 3));
    }
    known[piece] = true;
  }
  for (const auto& [piece, there] : known) {
    // Whole numbers have exact sums.
    parts.pieces.push_back({piece, -1 - static_cast<float>(below(random, 20))});
  }
  return parts;
}

class SentencePieceRandomTest : public RandomTest {
 protected:
  static uint64_t BelowOf(RandomTest* test, uint64_t n) {
    return static_cast<SentencePieceRandomTest*>(test)->Below(n);
  }
  std::string RandomText(uint64_t most) {
    std::string text;
    for (uint64_t size = Below(most); size > 0; --size) text += static_cast<char>('a' + Below(4));
    return text;
  }
};

TEST_F(SentencePieceRandomTest, UnigramsHaveTheGreatestSum) {
  for (int round = 0; round < 50; ++round) {
    const ModelParts parts = RandomParts(this, BelowOf, 1);
    const SentencePieceModel model(ModelOf(parts));
    const std::string text = RandomText(60);
    // From the end, without a trie. What is unknown costs the least score and 10 more.
    std::vector<double> best(text.size() + 1, -1e9);
    best[text.size()] = 0;
    for (size_t at = text.size(); at-- > 0;) {
      best[at] = best[at + 1] + (text[at] == 'd' ? model.least_score() - 10 : -1e9);
      for (const ModelPiece& piece : parts.pieces) {
        if (text.compare(at, piece.text.size(), piece.text) != 0) continue;
        best[at] = std::max(best[at], best[at + piece.text.size()] + piece.score);
      }
    }
    double sum = 0;
    std::string back;
    for (const uint32_t id : IdsOf(model, text)) {
      if (id == 0) {
        const size_t run = std::min(text.find_first_not_of('d', back.size()), text.size());
        sum += static_cast<double>(run - back.size()) * (model.least_score() - 10);
        back.append(run - back.size(), 'd');
      } else {
        sum += parts.pieces[id].score;
        back += parts.pieces[id].text;
      }
    }
    EXPECT_EQ(back, text);
    EXPECT_EQ(sum, best[0]) << text;
  }
}

TEST_F(SentencePieceRandomTest, BpeJoinsTheBestPairAgainAndAgain) {
  for (int round = 0; round < 50; ++round) {
    const ModelParts parts = RandomParts(this, BelowOf, 2);
    const SentencePieceModel model(ModelOf(parts));
    const std::string text = RandomText(40);
    std::map<std::string, uint32_t> id_of;
    for (uint32_t id = 1; id < parts.pieces.size(); ++id) id_of[parts.pieces[id].text] = id;
    std::vector<std::string> left;
    for (const char c : text) left.emplace_back(1, c);
    while (true) {
      size_t best = left.size();
      float score = -std::numeric_limits<float>::infinity();
      for (size_t i = 0; i + 1 < left.size(); ++i) {
        const auto found = id_of.find(left[i] + left[i + 1]);
        if (found == id_of.end() || parts.pieces[found->second].score <= score) continue;
        best = i;
        score = parts.pieces[found->second].score;
      }
      if (best == left.size()) break;
      left[best] += left[best + 1];
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    }
    Ids want;
    for (const std::string& piece : left) {
      const auto found = id_of.find(piece);
      const uint32_t id = found == id_of.end() ? 0 : found->second;
      if (id != 0 || want.empty() || want.back() != 0) want.push_back(id);
    }
    EXPECT_EQ(IdsOf(model, text), want) << text;
  }
}

TEST(SentencePiece, PiecesOfTheUsersAreKeptAndUnusedOnesTakenApart) {
  ModelParts parts{.pieces = {{"<unk>", 0, PieceType::kUnknown},
                              {"a", -2},
                              {"b", -3},
                              {"c", -4},
                              {"ab", -1},
                              {"abc", -3},
                              {"bc", 0, PieceType::kUserDefined}}};
  for (const uint64_t model_type : {1u, 2u}) {
    parts.model_type = model_type;
    parts.pieces[6].type = PieceType::kUserDefined;
    parts.pieces[5].type = PieceType::kNormal;
    EXPECT_THAT(IdsOf(SentencePieceModel(ModelOf(parts)), "aabc"), ElementsAre(1, 1, 6));
    // Nothing becomes an unused piece: it is what it would be made of.
    parts.pieces[6].type = PieceType::kNormal;
    parts.pieces[6].score = -9;
    EXPECT_THAT(IdsOf(SentencePieceModel(ModelOf(parts)), "aabc"), ElementsAre(1, 5));
    parts.pieces[5].type = PieceType::kUnused;
    EXPECT_THAT(IdsOf(SentencePieceModel(ModelOf(parts)), "aabc"), ElementsAre(1, 4, 3));
  }
}

TEST(SentencePiece, LongTextsWithoutABlankAreText) {
  for (const char* name : {"unigram.model", "bpe.model"}) {
    const SentencePieceModel model(KeptModel(name));
    std::string text;
    while (text.size() < 300'000) text += "counted今天";
    const Ids ids = IdsOf(model, text);
    EXPECT_GT(ids.size(), text.size() / 20) << name;
    EXPECT_LT(ids.size(), text.size()) << name;
    // The same words in the middle of it have the same tokens.
    const Ids few = IdsOf(model, text.substr(0, 260));
    EXPECT_TRUE(std::equal(ids.begin(), ids.begin() + 20, few.begin())) << name;
  }
}

TEST(SentencePiece, RefusesWhatIsNoModel) {
  EXPECT_EQ(WhyRefused(""), "is no SentencePiece model: it has no pieces");
  EXPECT_THAT(WhyRefused("{\"model\": {\"type\": \"BPE\"}}"), HasSubstr("no SentencePiece model"));
  const std::string whole = KeptModel("unigram.model");
  EXPECT_EQ(WhyRefused(whole), "");
  EXPECT_EQ(WhyRefused(whole.substr(0, 1'000)), "is no SentencePiece model, or a damaged one");
  ModelParts parts{.pieces = {{"<unk>", 0, PieceType::kUnknown}, {"a", -1}}};
  EXPECT_EQ(WhyRefused(ModelOf(parts)), "");
  parts.model_type = 3;
  EXPECT_THAT(WhyRefused(ModelOf(parts)), HasSubstr("is a model of words or characters"));
  parts.model_type = 1;
  parts.byte_fallback = true;
  EXPECT_THAT(WhyRefused(ModelOf(parts)), HasSubstr("no pieces for some of them"));
  parts.byte_fallback = false;
  parts.charsmap = "\xff\xff\xff\x7fmuch too short"s;
  EXPECT_THAT(WhyRefused(ModelOf(parts)), HasSubstr("damaged replacements of characters"));
}

TEST(SentencePiece, RefusesPiecesThatDoNotFit) {
  const auto with = [](ModelPiece piece) {
    return WhyRefused(
        ModelOf({.pieces = {{"<unk>", 0, PieceType::kUnknown}, {"a", -1}, std::move(piece)}}));
  };
  EXPECT_EQ(with({"b", -1}), "");
  EXPECT_EQ(with({"a", -2}), "the piece 2 'a' is there twice");
  EXPECT_EQ(with({"", -2}), "the piece 2 '' is empty");
  EXPECT_EQ(with({"b", std::numeric_limits<float>::quiet_NaN()}),
            "the piece 2 'b' has a score that is no number");
  EXPECT_EQ(with({"x", 0, PieceType::kUnknown}),
            "the piece 2 'x' is a second one for what is unknown");
  EXPECT_EQ(with({"<0x0a>", 0, PieceType::kByte}), "the piece 2 '<0x0a>' is none of a byte");
  EXPECT_EQ(with({"<0x0A>", 0, PieceType::kByte}),
            "the piece 2 '<0x0A>' is one of a byte, and the model falls back on none");
  EXPECT_EQ(WhyRefused(ModelOf({.pieces = {{"a", -1}}})), "has no piece for what is unknown");
}

TEST(SentencePiece, PiecesAreShownOnOneLineAndNotWhole) {
  const auto why = [](const std::string& piece) {
    return WhyRefused(ModelOf({.pieces = {{"<unk>", 0, PieceType::kUnknown},
                                          {piece, std::numeric_limits<float>::infinity()}}}));
  };
  EXPECT_EQ(why("a\n\x1b[31m"), "the piece 1 'a??[31m' has a score that is no number");
  // No part of a character at the end.
  EXPECT_EQ(why(std::string(99, 'z') + "\xc3\xa9"),
            "the piece 1 '" + std::string(99, 'z') + "' has a score that is no number");
}

TEST(SentencePiece, DamagedModelsAreRefusedOrRead) {
  const std::string whole = KeptModel("unigram.model");
  for (size_t at = 0; at < whole.size(); at += 7) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    try {
      const SentencePieceModel model(damaged);
      EXPECT_FALSE(IdsOf(model, "The ﬁsh \u3000 and \xff").empty()) << at;
    } catch (const std::invalid_argument& problem) {
      EXPECT_STRNE(problem.what(), "") << at;
    }
  }
}

}  // namespace
}  // namespace quern::text
