// What the quality rules of corpora ask of a text, measured once.
//
// Words are those of UAX #29 (jobs/text/unicode_words.h), without marks; tokens are runs without a
// blank, as Gopher counts words. Lengths are in characters. What is measured follows Rae et al.
// 2021 (Gopher), table A1, Raffel et al. 2020 (C4) and Penedo et al. 2024 (FineWeb).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "jobs/text/equal_hashes.h"

namespace quern::text {

// X(enumerator, name, what it is)
// clang-format off
#define QUERN_TEXT_METRICS(X)                                                                     \
  X(kCharacters, "characters", "characters, blanks too")                                          \
  X(kWords, "words", "words")                                                                     \
  X(kMeanWordLength, "mean_word_length", "characters of a word on average")                       \
  X(kLongestToken, "longest_token", "characters of the longest token of scripts with blanks")      \
  X(kHashRatio, "hash_ratio", "'#' for each token")                                               \
  X(kEllipsisRatio, "ellipsis_ratio", "'...' and '…' for each token")                             \
  X(kAlphaTokens, "alpha_tokens", "share of tokens with a letter")                                \
  X(kStopWords, "stop_words", "how many of the, be, to, of, and, that, have, with occur")         \
  X(kBulletLines, "bullet_lines", "share of lines that begin with '•' or '-'")                    \
  X(kEllipsisLines, "ellipsis_lines", "share of lines that end in '...' or '…'")                  \
  X(kDupLines, "dup_lines", "share of lines that came before")                                    \
  X(kDupLineChars, "dup_line_chars", "share of characters in lines that came before")             \
  X(kDupParagraphs, "dup_paragraphs", "share of paragraphs that came before")                     \
  X(kDupParagraphChars, "dup_paragraph_chars", "share of characters in such paragraphs")          \
  X(kTop2Gram, "top_2gram_chars", "share of characters in the commonest two words")               \
  X(kTop3Gram, "top_3gram_chars", "the same of three words")                                      \
  X(kTop4Gram, "top_4gram_chars", "the same of four words")                                       \
  X(kDup5Gram, "dup_5gram_chars", "share of characters in runs of five words that came before")   \
  X(kDup6Gram, "dup_6gram_chars", "the same of six words")                                        \
  X(kDup7Gram, "dup_7gram_chars", "the same of seven words")                                      \
  X(kDup8Gram, "dup_8gram_chars", "the same of eight words")                                      \
  X(kDup9Gram, "dup_9gram_chars", "the same of nine words")                                       \
  X(kDup10Gram, "dup_10gram_chars", "the same of ten words")                                      \
  X(kSentences, "sentences", "marks that end sentences, with a blank or nothing after them")      \
  X(kCurlyBrackets, "curly_brackets", "'{' and '}'")                                              \
  X(kLoremIpsum, "lorem_ipsum", "1 when 'lorem ipsum' occurs, in either case")                    \
  X(kPunctuatedLines, "punctuated_lines", "share of lines that end in . ! ? … or a quotation mark")                    \
  X(kShortLines, "short_lines", "share of lines of up to 30 characters")                          \
  X(kNewlinesPerWord, "newlines_per_word", "line feeds for each token")
// clang-format on

enum class Metric : uint8_t {
#define QUERN_ENUMERATOR(enumerator, name, help) enumerator,
  QUERN_TEXT_METRICS(QUERN_ENUMERATOR)
#undef QUERN_ENUMERATOR
};
#define QUERN_COUNT(enumerator, name, help) +1
inline constexpr size_t kMetricCount = QUERN_TEXT_METRICS(QUERN_COUNT);
#undef QUERN_COUNT

// By Metric.
using TextStats = std::array<double, kMetricCount>;
inline double& At(TextStats& stats, Metric metric) { return stats[static_cast<size_t>(metric)]; }
inline double At(const TextStats& stats, Metric metric) {
  return stats[static_cast<size_t>(metric)];
}

std::string_view NameOf(Metric metric);
std::string_view HelpOf(Metric metric);

// Keeps its tables from text to text; used by one thread.
class TextMeter {
 public:
  // Of an empty text everything is 0.
  TextStats Measure(std::string_view text);

 private:
  void ReadWords(std::string_view text, TextStats* stats);
  void MeasureDuplicates(std::string_view text, size_t line_feeds, Metric share, Metric characters,
                         TextStats* stats);
  void MeasureGrams(TextStats* stats);
  void CountGrams(size_t n);
  size_t CharactersOfTopGram(size_t n) const;
  size_t CharactersOfRepeatedGrams(size_t n);
  void KeepRepeatedGrams();

  std::vector<uint64_t> words_;    // hashes
  std::vector<uint32_t> lengths_;  // characters of the words before each
  // The places of grams that may come twice, since the shorter ones that they begin with do.
  std::vector<uint32_t> places_;
  std::vector<uint64_t> hashes_;  // of the grams in these places, or of parts of the text
  EqualHashes equal_;             // among hashes_
  std::vector<bool> seen_;        // by place of the first gram among equal ones
};

}  // namespace quern::text
