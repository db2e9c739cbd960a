// How text becomes terms: the same for documents and for queries, so it is kept with the index.
#pragma once

#include <cstdint>
#include <string>

namespace quern::search {

// What the settings mean. 0: of segments of version 1. 1: traditional Chinese characters are like
// simplified ones.
inline constexpr uint32_t kAnalysisVersion = 1;

struct AnalysisSettings {
  // Of the stemmer and of the stop words: "english", or "en" as Snowball has it. Empty: neither.
  std::string language{};
  bool stem = false;
  // Terms that are in every document are left out; they keep their position.
  bool stop_words = false;
  // An index keeps the one that it was made with: queries are treated as its documents were.
  uint32_t version = kAnalysisVersion;
  // Terms are the same: the language changes them only with one of the two.
  friend bool operator==(const AnalysisSettings& a, const AnalysisSettings& b) {
    const bool has_language = a.stem || a.stop_words;
    return a.stem == b.stem && a.stop_words == b.stop_words && a.version == b.version &&
           (!has_language || a.language == b.language);
  }
};

}  // namespace quern::search
