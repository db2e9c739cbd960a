#include "jobs/text/text_stats.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <string>

#include "jobs/text/ascii.h"
#include "jobs/text/char_class.h"
#include "jobs/text/unicode_words.h"
#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

constexpr std::string_view kStopWordList[] = {"the", "be",   "to",   "of",
                                              "and", "that", "have", "with"};
// What may end a line of prose: the marks of FineWeb (. ! ? and quotation marks) in several
// scripts. A colon or a semicolon is none: lines that end so are those of menus, lists and code.
constexpr std::string_view kLineEnds[] = {".",  "!",  "?", "\"", "'",  "”", "’", "。",
                                          "！", "？", "…", "»",  "」", "।", "؟"};
constexpr uint32_t kShortLine = 30;
constexpr std::string_view kCrLf = "\r\n";

uint32_t CountCharacters(std::string_view text) {
  uint32_t count = 0;
  for (const char c : text) count += (c & 0xc0) != 0x80;
  return count;
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

size_t CountOf(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

bool EndsInEllipsis(std::string_view line) { return line.ends_with("...") || line.ends_with("…"); }

bool HoldsLoremIpsum(std::string_view text) {
  constexpr std::string_view kWords = "lorem ipsum";
  for (size_t at = 0; at + kWords.size() <= text.size(); ++at) {
    if ((text[at] | 0x20) == 'l' && EqualsIgnoringCase(text.substr(at, kWords.size()), kWords)) {
      return true;
    }
  }
  return false;
}

bool IsBlankByte(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Marks after which a blank, a quote or nothing follows; those of scripts without blanks always.
size_t CountSentences(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c != '.' && c != '!' && c != '?') continue;
    const char after = at + 1 < text.size() ? text[at + 1] : ' ';
    count += IsBlankByte(after) || after == '"' || after == '\'' || after == ')';
  }
  for (const std::string_view mark : {"。", "！", "？", "।", "؟"}) count += CountOf(text, mark);
  return count;
}

// The text with lines and paragraphs that end as elsewhere.
std::string WithLineFeeds(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\r' || at + 1 == text.size() || text[at + 1] != '\n') out += text[at];
  }
  return out;
}

struct TokenCounts {
  size_t tokens = 0;
  size_t with_letter = 0;
  uint32_t longest = 0;  // run without a blank, nor a character of a script without blanks
};

TokenCounts CountTokens(std::string_view text) {
  const CharClass* const classes = CharClassTable();
  TokenCounts counts;
  uint32_t characters = 0;
  uint32_t run = 0;
  bool letter = false;
  const auto end_token = [&] {
    counts.tokens += characters > 0;
    counts.with_letter += letter;
    characters = run = 0;
    letter = false;
  };
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text, at);
    const CharClass c = ClassOf(classes, character.code);
    const bool stands_alone = IsUnspacedCharacter(text.substr(at));
    at += character.size;
    if (c == CharClass::kSpace) {
      end_token();
      continue;
    }
    ++characters;
    run = stands_alone ? 0 : run + 1;
    counts.longest = std::max(counts.longest, run);
    letter = letter || c == CharClass::kLetter;
  }
  end_token();
  return counts;
}

// The parts of the text between so many line feeds or more; nothing stands around it.
template <typename Visit>
void ForEachPart(std::string_view text, size_t line_feeds, Visit visit) {
  const std::string_view separator = std::string_view("\n\n").substr(0, line_feeds);
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    visit(text.substr(0, end));
    text.remove_prefix(std::min(text.find_first_not_of('\n', end), text.size()));
  }
}

double Share(double part, double whole) { return whole > 0 ? part / whole : 0; }

void MeasureLines(std::string_view text, TextStats* stats) {
  size_t lines = 0, bullets = 0, ellipses = 0, punctuated = 0, short_ones = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    ++lines;
    bullets += line.starts_with("•") || line.starts_with("-");
    ellipses += EndsInEllipsis(line);
    short_ones += CountCharacters(line) <= kShortLine;
    punctuated += std::any_of(std::begin(kLineEnds), std::end(kLineEnds),
                              [&](std::string_view mark) { return line.ends_with(mark); });
  }
  const auto share = [lines](size_t n) {
    return Share(static_cast<double>(n), static_cast<double>(lines));
  };
  At(*stats, Metric::kBulletLines) = share(bullets);
  At(*stats, Metric::kEllipsisLines) = share(ellipses);
  At(*stats, Metric::kPunctuatedLines) = share(punctuated);
  At(*stats, Metric::kShortLines) = share(short_ones);
}

}  // namespace

std::string_view NameOf(Metric metric) {
  constexpr std::string_view kNames[] = {
#define QUERN_NAME(enumerator, name, help) name,
      QUERN_TEXT_METRICS(QUERN_NAME)
#undef QUERN_NAME
  };
  return kNames[static_cast<size_t>(metric)];
}

std::string_view HelpOf(Metric metric) {
  constexpr std::string_view kHelp[] = {
#define QUERN_HELP(enumerator, name, help) help,
      QUERN_TEXT_METRICS(QUERN_HELP)
#undef QUERN_HELP
  };
  return kHelp[static_cast<size_t>(metric)];
}

TextStats TextMeter::Measure(std::string_view text) {
  std::string with_line_feeds;
  if (text.find(kCrLf) != std::string_view::npos) {
    with_line_feeds = WithLineFeeds(text);
    text = with_line_feeds;
  }
  TextStats stats{};
  At(stats, Metric::kCharacters) = CountCharacters(text);
  const TokenCounts tokens = CountTokens(text);
  const auto per_token = [&tokens](size_t count) {
    return Share(static_cast<double>(count), static_cast<double>(tokens.tokens));
  };
  At(stats, Metric::kLongestToken) = tokens.longest;
  At(stats, Metric::kAlphaTokens) = per_token(tokens.with_letter);
  At(stats, Metric::kHashRatio) = per_token(CountOf(text, "#"));
  At(stats, Metric::kEllipsisRatio) = per_token(CountOf(text, "...") + CountOf(text, "…"));
  At(stats, Metric::kNewlinesPerWord) = per_token(CountOf(text, "\n"));
  At(stats, Metric::kSentences) = static_cast<double>(CountSentences(text));
  At(stats, Metric::kCurlyBrackets) = static_cast<double>(CountOf(text, "{") + CountOf(text, "}"));
  At(stats, Metric::kLoremIpsum) = HoldsLoremIpsum(text);
  ReadWords(text, &stats);
  MeasureLines(text, &stats);
  MeasureDuplicates(text, 1, Metric::kDupLines, Metric::kDupLineChars, &stats);
  MeasureDuplicates(text, 2, Metric::kDupParagraphs, Metric::kDupParagraphChars, &stats);
  MeasureGrams(&stats);
  return stats;
}

void TextMeter::ReadWords(std::string_view text, TextStats* stats) {
  words_.clear();
  lengths_.assign(1, 0);
  bool seen[std::size(kStopWordList)] = {};
  WordReader words(text);
  for (std::string_view word = words.Next(); !word.empty(); word = words.Next()) {
    words_.push_back(XXH3_64bits(word.data(), word.size()));
    lengths_.push_back(lengths_.back() + CountCharacters(word));
    if (word.size() > 4) continue;
    for (size_t i = 0; i < std::size(kStopWordList); ++i) seen[i] |= word == kStopWordList[i];
  }
  At(*stats, Metric::kWords) = static_cast<double>(words_.size());
  At(*stats, Metric::kMeanWordLength) = Share(lengths_.back(), static_cast<double>(words_.size()));
  At(*stats, Metric::kStopWords) =
      static_cast<double>(std::count(std::begin(seen), std::end(seen), true));
}

// Of the parts between so many line feeds or more.
void TextMeter::MeasureDuplicates(std::string_view text, size_t line_feeds, Metric share,
                                  Metric characters, TextStats* stats) {
  text = Trimmed(text);
  hashes_.clear();
  ForEachPart(text, line_feeds, [this](std::string_view part) {
    hashes_.push_back(XXH3_64bits(part.data(), part.size()));
  });
  equal_.Find(hashes_);
  size_t parts = 0, repeated = 0, repeated_characters = 0;
  ForEachPart(text, line_feeds, [&](std::string_view part) {
    const size_t place = parts++;
    if (equal_.first(place) == place) return;
    ++repeated;
    repeated_characters += CountCharacters(part);
  });
  At(*stats, share) = Share(static_cast<double>(repeated), static_cast<double>(parts));
  At(*stats, characters) =
      Share(static_cast<double>(repeated_characters), At(*stats, Metric::kCharacters));
}

// Grams of two to ten words. One can only come twice where the shorter one that it begins with
// does, so most places of most texts are done with early.
void TextMeter::MeasureGrams(TextStats* stats) {
  places_.resize(words_.size());
  for (uint32_t i = 0; i < places_.size(); ++i) places_[i] = i;
  hashes_.assign(words_.size(), 0);
  for (size_t n = 1; n <= 10 && !places_.empty(); ++n) {
    CountGrams(n);
    if (n >= 2) {
      const bool top = n <= 4;
      const size_t characters = top ? CharactersOfTopGram(n) : CharactersOfRepeatedGrams(n);
      const Metric first = top ? Metric::kTop2Gram : Metric::kDup5Gram;
      (*stats)[static_cast<size_t>(first) + n - (top ? 2 : 5)] =
          Share(static_cast<double>(characters), At(*stats, Metric::kCharacters));
    }
    KeepRepeatedGrams();
  }
}

void TextMeter::CountGrams(size_t n) {
  while (!places_.empty() && places_.back() + n > words_.size()) places_.pop_back();
  hashes_.resize(places_.size());
  for (size_t i = 0; i < places_.size(); ++i) {
    uint64_t hash = (hashes_[i] ^ words_[places_[i] + n - 1]) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
    hashes_[i] = hash;
  }
  equal_.Find(hashes_);
}

// Of the commonest gram all times that it comes, with the blanks inside; the longest of several.
size_t TextMeter::CharactersOfTopGram(size_t n) const {
  uint32_t most = 2;  // where all come once, none is the commonest
  size_t longest = 0;
  for (size_t i = 0; i < places_.size(); ++i) {
    const uint32_t count = equal_.count(i);
    if (count < most) continue;
    if (count > most) longest = 0;
    most = count;
    longest = std::max(longest, lengths_[places_[i] + n] - lengths_[places_[i]] + n - 1);
  }
  return longest * most;
}

// Of grams that came before, those that do not overlap.
size_t TextMeter::CharactersOfRepeatedGrams(size_t n) {
  seen_.assign(places_.size(), false);
  size_t characters = 0;
  size_t next = 0;
  for (size_t i = 0; i < places_.size(); ++i) {
    const uint32_t place = places_[i];
    if (place < next) continue;
    if (!seen_[equal_.first(i)]) {
      seen_[equal_.first(i)] = true;
      continue;
    }
    characters += lengths_[place + n] - lengths_[place];
    next = place + n;
  }
  return characters;
}

void TextMeter::KeepRepeatedGrams() {
  size_t kept = 0;
  for (size_t i = 0; i < places_.size(); ++i) {
    if (equal_.count(i) == 1) continue;
    places_[kept] = places_[i];
    hashes_[kept++] = hashes_[i];
  }
  places_.resize(kept);
  hashes_.resize(kept);
}

}  // namespace quern::text
