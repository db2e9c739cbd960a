#include "jobs/text/minhash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "tests/support/random_test.h"

namespace quern::text {
namespace {

class MinHashTest : public RandomTest {
 protected:
  std::string RandomWord() {
    std::string word;
    for (uint64_t i = 0; i < 6; ++i) word += static_cast<char>('a' + Below(26));
    return word;
  }
  std::vector<std::string> RandomWords(size_t count) {
    std::vector<std::string> words;
    for (size_t i = 0; i < count; ++i) words.push_back(RandomWord());
    return words;
  }
  static std::string Join(const std::vector<std::string>& words, std::string_view blank = " ") {
    std::string text;
    for (const std::string& word : words) text.append(word).append(blank);
    return text;
  }
  double Jaccard(const std::string& a, const std::string& b) {
    const auto& first = shingler_.Read(a);
    const std::set<uint64_t> x(first.begin(), first.end());
    const auto& second = shingler_.Read(b);
    const std::set<uint64_t> y(second.begin(), second.end());
    size_t common = 0;
    for (const uint64_t shingle : x) common += y.count(shingle);
    return static_cast<double>(common) / static_cast<double>(x.size() + y.size() - common);
  }
  static bool ShareABand(const MinHashSignature& a, const MinHashSignature& b) {
    const auto x = a.Bands();
    const auto y = b.Bands();
    for (size_t band = 0; band < x.size(); ++band) {
      if (x[band] == y[band]) return true;
    }
    return false;
  }

  MinHasher hasher_;
  Shingler shingler_{kShingleWords};
};

TEST_F(MinHashTest, VectorUnitsGiveWhatIsDefined) {
  for (const size_t count : {0u, 1u, 2u, 100u, 1000u}) {
    std::vector<uint64_t> shingles;
    for (size_t i = 0; i < count; ++i) shingles.push_back(random_());
    std::array<uint32_t, kMinHashes> plain, best;
    LeastHashes(shingles, MinHashKernel::kPlain, &plain);
    LeastHashes(shingles, MinHashKernel::kBest, &best);
    EXPECT_EQ(plain, best);
  }
}

// Signatures are kept: those of today must be those of tomorrow.
TEST_F(MinHashTest, NeverChanges) {
  const MinHashSignature signature = hasher_.Sign("the quick brown fox jumps over the lazy dog");
  EXPECT_EQ(signature.shingles, 5u);
  EXPECT_EQ(signature.least[0], 1815371159u);
  EXPECT_EQ(signature.least[111], 1181496546u);
  EXPECT_EQ(signature.Bands()[13], 7520473592248501317u);
}

TEST_F(MinHashTest, CaseMarksAndDigitsMakeNoDifference) {
  const auto least = [this](std::string_view text) { return hasher_.Sign(text).least; };
  EXPECT_EQ(least("The Mill, 1987: it STOOD there!"), least("the mill 2024 it stood\n\nthere"));
  EXPECT_EQ(least("Caf\u00e9 au lait s'il vous pla\u00eet"),
            least("CAFE\u0301 AU LAIT S'IL VOUS PLAI\u0302T"));
  EXPECT_NE(least("the mill 19 it stood there"), least("the mill 2024 it stood there"));
  EXPECT_NE(least("one two three four five six"), least("six five four three two one"));
}

TEST_F(MinHashTest, ShortTextsAreOneShingle) {
  EXPECT_EQ(hasher_.Sign("").shingles, 0u);
  EXPECT_EQ(hasher_.Sign("...").shingles, 0u);
  EXPECT_EQ(hasher_.Sign("one").shingles, 1u);
  EXPECT_EQ(hasher_.Sign("one two three four five").shingles, 1u);
  EXPECT_NE(hasher_.Sign("one").least, hasher_.Sign("one two").least);
  EXPECT_EQ(hasher_.Sign("Two").least, hasher_.Sign("two").least);
}

TEST_F(MinHashTest, EstimatesTheJaccardSimilarity) {
  double squared_error = 0;
  constexpr int kRounds = 60;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::string> words = RandomWords(400);
    const std::string a = Join(words);
    for (uint64_t i = Below(40); i > 0; --i) words[Below(words.size())] = RandomWord();
    const std::string b = Join(words);
    const double error = hasher_.Sign(a).Similarity(hasher_.Sign(b)) - Jaccard(a, b);
    squared_error += error * error;
  }
  // The standard deviation is sqrt(s(1-s)/112), .047 at most.
  EXPECT_LT(std::sqrt(squared_error / kRounds), 0.07);
}

TEST_F(MinHashTest, NearDuplicatesShareABandAndOthersDoNot) {
  int found = 0, wrong = 0;
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::string> words = RandomWords(500);
    const MinHashSignature a = hasher_.Sign(Join(words));
    words[Below(words.size())] = RandomWord();  // 5 of 496 shingles: .98
    found += ShareABand(a, hasher_.Sign(Join(words)));
    for (size_t i = 0; i < words.size(); i += 6) words[i] = RandomWord();  // next to none is left
    wrong += ShareABand(a, hasher_.Sign(Join(words)));
  }
  EXPECT_EQ(found, kRounds);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace quern::text
