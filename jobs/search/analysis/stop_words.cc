#include "jobs/search/analysis/stop_words.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace quern::search {

namespace {

// Articles, pronouns, prepositions, conjunctions and auxiliary verbs, each list in the order of
// bytes.
constexpr std::string_view kEnglish[] = {
    "a",    "an",   "and",  "are",   "as",    "at",   "be",    "but",   "by",   "for",  "from",
    "had",  "has",  "have", "he",    "her",   "his",  "if",    "in",    "into", "is",   "it",
    "its",  "no",   "nor",  "not",   "of",    "on",   "or",    "our",   "she",  "so",   "such",
    "than", "that", "the",  "their", "them",  "then", "there", "these", "they", "this", "those",
    "to",   "was",  "we",   "were",  "which", "will", "with",  "you",   "your"};
constexpr std::string_view kFrench[] = {
    "au",   "aux", "ce",   "ces", "dans", "de",  "des",  "du",  "elle", "elles",
    "en",   "est", "et",   "il",  "ils",  "je",  "la",   "le",  "les",  "leur",
    "mais", "ne",  "nous", "ou",  "par",  "pas", "pour", "qu",  "que",  "qui",
    "sa",   "se",  "ses",  "son", "sont", "sur", "un",   "une", "vous"};
constexpr std::string_view kGerman[] = {
    "als",  "am",  "an",  "auch", "auf", "aus",  "bei",   "das",   "dass",  "dem",
    "den",  "der", "des", "die",  "ein", "eine", "einem", "einen", "einer", "eines",
    "er",   "es",  "im",  "in",   "ist", "mit",  "nicht", "oder",  "sich",  "sie",
    "sind", "und", "von", "war",  "wie", "wir",  "zu",    "zum",   "zur"};
constexpr std::string_view kSpanish[] = {"a",  "al",   "como", "con",  "de",   "del", "el",  "en",
                                         "es", "esta", "la",   "las",  "lo",   "los", "me",  "mi",
                                         "no", "nos",  "o",    "para", "pero", "por", "que", "se",
                                         "si", "sin",  "su",   "sus",  "un",   "una", "y",   "ya"};

struct List {
  std::string_view name;
  std::string_view code;
  const std::string_view* begin;
  const std::string_view* end;
};
const List kLists[] = {
    {"english", "en", std::begin(kEnglish), std::end(kEnglish)},
    {"french", "fr", std::begin(kFrench), std::end(kFrench)},
    {"german", "de", std::begin(kGerman), std::end(kGerman)},
    {"spanish", "es", std::begin(kSpanish), std::end(kSpanish)},
};

const List* Find(std::string_view language) {
  for (const List& list : kLists) {
    if (list.name == language || list.code == language) return &list;
  }
  return nullptr;
}

}  // namespace

bool HasStopWords(std::string_view language) { return Find(language) != nullptr; }

bool IsStopWord(std::string_view language, std::string_view word) {
  const List* const list = Find(language);
  return list != nullptr && std::find(list->begin, list->end, word) != list->end;
}

}  // namespace quern::search
