// Measures documents; used by one thread.
#pragma once

#include <string_view>

#include "jobs/corpus/rules.h"
#include "jobs/text/language.h"
#include "jobs/text/text_stats.h"

namespace quern::corpus {

class Tagger {
 public:
  Tags Measure(std::string_view text) {
    const text::LanguageGuess language = text::DetectLanguage(text);
    return {language.code, language.score, meter_.Measure(text)};
  }

 private:
  text::TextMeter meter_;
};

}  // namespace quern::corpus
