// BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009; k1 1.2, b 0.75), in
// numbers that add up to the same whatever the order.
//
// A part of a score is rounded down to a grid that is fine for the query (ScoreScale), and is a
// whole number from there on. So a document has the same score to the last bit whichever way it was
// found: with parts skipped, in another order, from one segment or several.
#pragma once

#include <cmath>
#include <cstdint>

namespace quern::search {

inline constexpr double kBm25K1 = 1.2;
inline constexpr double kBm25B = 0.75;

// A score on its grid. The parts of one query add up to less than 2^30.
using Score = int32_t;

// Of a term in `document_frequency` of `documents`; as Lucene has it, never negative.
inline double InverseDocumentFrequency(uint64_t documents, uint64_t document_frequency) {
  const double n = static_cast<double>(document_frequency);
  const double rest =
      documents > document_frequency ? static_cast<double>(documents - document_frequency) : 0.0;
  return std::log(1.0 + (rest + 0.5) / (n + 0.5));
}

// What a document's length makes of a frequency: 1 / (k1 (1 - b + b length / average)).
inline float InverseNorm(uint32_t length, double average_length) {
  const double relative = average_length > 0 ? length / average_length : 1.0;
  return static_cast<float>(1.0 / (kBm25K1 * (1.0 - kBm25B + kBm25B * relative)));
}

// weight * frequency / (frequency + 1 / inverse_norm). Written so that the rounded result never
// falls when the frequency or the inverse norm rises: what bounds one bounds the other.
inline Score ScorePart(float weight, uint32_t frequency, float inverse_norm) {
  return static_cast<Score>(
      weight -
      weight / (1.0f + static_cast<float>(static_cast<int32_t>(frequency)) * inverse_norm));
}

// A frequency that a document must have for its ScorePart to be `least`: the lowest one, or for
// rounding somewhat less.
inline uint32_t FrequencyFor(float weight, Score least, float inverse_norm) {
  constexpr double kRounding = 1.0 / (1 << 20);
  const double missing = double{weight} * (1 + kRounding) - least;
  if (missing <= 0 || inverse_norm <= 0) return least > 0 ? UINT32_MAX : 0;
  const double frequency = (weight / missing - 1) / inverse_norm;
  if (frequency < 1) return 0;
  return frequency < UINT32_MAX ? static_cast<uint32_t>(frequency) : UINT32_MAX;
}

// From weights, which are the largest parts that there can be, to the grid and back.
class ScoreScale {
 public:
  ScoreScale() = default;
  // `weights`: the sum of all of the query.
  explicit ScoreScale(double weights) {
    // 2^29 and not more: each weight is rounded to 24 bits on its way.
    if (weights > 0) exponent_ = 29 - static_cast<int>(std::ceil(std::log2(weights)));
  }

  float ToGrid(double weight) const { return static_cast<float>(std::ldexp(weight, exponent_)); }
  double FromGrid(Score score) const { return std::ldexp(static_cast<double>(score), -exponent_); }

 private:
  int exponent_ = 0;
};

}  // namespace quern::search
