// How text becomes terms: the same for documents and for queries, so it is kept with the index.
#pragma once

#include <string>

namespace quern::search {

struct AnalysisSettings {
  // Of the stemmer and of the stop words: "english", or "en" as Snowball has it. Empty: neither.
  std::string language;
  bool stem = false;
  // Terms that are in every document are left out; they keep their position.
  bool stop_words = false;
  friend bool operator==(const AnalysisSettings&, const AnalysisSettings&) = default;
};

}  // namespace quern::search
