// Words that say nothing of what a document is about, by language.
#pragma once

#include <string_view>

namespace quern::search {

// "english" or "en", and so on.
bool HasStopWords(std::string_view language);
// `word` is in lower case.
bool IsStopWord(std::string_view language, std::string_view word);

}  // namespace quern::search
