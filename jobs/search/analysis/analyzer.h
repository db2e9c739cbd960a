// Text to terms: words of UAX #29, NFKC and case folded, traditional Chinese characters as
// simplified ones, pairs of characters where a script has no blanks, stems.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/search/analysis/analysis_settings.h"
#include "jobs/text/unicode_words.h"

namespace quern::search {

struct Token {
  std::string_view term;  // a view until the next Analyze
  // Counts the words of the text from 0.
  uint32_t position = 0;
  // Its bytes in the text.
  size_t begin = 0;
  size_t end = 0;
};

// Used by one thread.
class Analyzer {
 public:
  // Longer words are data: they are left out, and their position is kept.
  static constexpr size_t kMaxTermBytes = 80;

  explicit Analyzer(const AnalysisSettings& settings);
  ~Analyzer();
  // Empty, or why there is no such analysis: a language without a stemmer, a later version.
  static std::string Check(const AnalysisSettings& settings);

  // The tokens of `text`, which hold until the next call.
  const std::vector<Token>& Analyze(std::string_view text);
  // The same of pieces of a text (text::PieceReader), each of which counts from 0.
  const std::vector<Token>& Analyze(const text::TextPiece& piece);
  // Words of that text, also those that became no token.
  uint32_t words() const;
  // Those of them that were left out for their length.
  uint32_t too_long() const;
  // The words of a text, as it has them: views of it.
  static std::vector<std::string_view> Parts(std::string_view text);
  // Folded, but with no word broken and nothing stemmed: what a prefix or a fuzzy term is.
  std::string Fold(std::string_view word) const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace quern::search
