#include "jobs/search/query/fuzzy.h"

#include <algorithm>
#include <numeric>

#include "common/clean_text.h"

namespace quern::search {
namespace {

// Takes a character off the front; bytes that are none stand for themselves.
char32_t TakeCharacter(std::string_view* text) {
  const auto lead = static_cast<unsigned char>(text->front());
  if (lead < 0x80) {
    text->remove_prefix(1);
    return lead;
  }
  const size_t size = std::max<size_t>(1, Utf8CharacterBytes(*text));
  char32_t character = 0;
  for (size_t i = 0; i < size; ++i) {
    character = character << 8 | static_cast<unsigned char>((*text)[i]);
  }
  text->remove_prefix(size);
  return character;
}

std::u32string Characters(std::string_view text) {
  std::u32string characters;
  while (!text.empty()) characters += TakeCharacter(&text);
  return characters;
}

// As TakeCharacter has them.
std::vector<std::string> Letters(std::string_view text) {
  std::vector<std::string> letters;
  while (!text.empty()) {
    const std::string_view before = text;
    TakeCharacter(&text);
    letters.emplace_back(before.substr(0, before.size() - text.size()));
  }
  return letters;
}

// Makes of it the least text behind all that begin with it; empty when there is none.
void StepBehind(std::string* text) {
  while (!text->empty() && text->back() == '\xff') text->pop_back();
  if (!text->empty()) text->back() = static_cast<char>(static_cast<uint8_t>(text->back()) + 1);
}

}  // namespace

EditDistance::EditDistance(std::string_view word, uint32_t max)
    : word_(Characters(word)), letters_(Letters(word)), max_(static_cast<uint16_t>(max)) {
  // A row behind the longest term that can be near shows that a longer one is not.
  const size_t depth = word_.size() + max_ + 3;
  characters_.resize(depth);
  ends_.resize(depth);
  rows_.resize(depth * (word_.size() + 2));
  least_.resize(depth);
  std::iota(Row(0), Row(0) + word_.size() + 1, uint16_t{0});
}

void EditDistance::AddRow(char32_t character) {
  const size_t i = ++depth_;
  characters_[i - 1] = character;
  uint16_t* const row = Row(i);
  const uint16_t* const above = Row(i - 1);
  const size_t first = i > max_ ? i - max_ : 1;
  const size_t last = std::min(word_.size(), i + max_);
  const auto beyond = static_cast<uint16_t>(max_ + 1);
  row[first - 1] = i > max_ ? beyond : static_cast<uint16_t>(i);
  uint16_t least = row[first - 1];
  for (size_t j = first; j <= last; ++j) {
    const bool same = word_[j - 1] == character;
    int edits = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
    if (i > 1 && j > 1 && word_[j - 1] == characters_[i - 2] && word_[j - 2] == character) {
      edits = std::min(edits, Row(i - 2)[j - 2] + 1);
    }
    row[j] = static_cast<uint16_t>(edits);
    least = std::min(least, row[j]);
  }
  if (last < word_.size()) row[last + 1] = beyond;
  least_[i] = least;
}

void EditDistance::GoBackTo(std::string_view term) {
  const size_t common = std::min(term.size(), term_.size());
  size_t shared = 0;
  while (shared < common && term[shared] == term_[shared]) ++shared;
  while (ends_[depth_] > shared) --depth_;
  term_ = term;
}

uint32_t EditDistance::To(std::string_view term) {
  GoBackTo(term);
  hopeless_ = false;
  std::string_view rest = term.substr(ends_[depth_]);
  while (true) {
    // No edit makes a row less than the one above. A swap does not either: where it would help, the
    // row between is within max too.
    if (least_[depth_] > max_) {
      hopeless_ = true;
      return max_ + 1u;
    }
    if (rest.empty()) break;
    AddRow(TakeCharacter(&rest));
    ends_[depth_] = term.size() - rest.size();
  }
  const bool near = depth_ + max_ >= word_.size() && depth_ <= word_.size() + max_;
  return near ? std::min<uint32_t>(Row(depth_)[word_.size()], max_ + 1u) : max_ + 1u;
}

void EditDistance::Append(const std::string& character) {
  std::string_view rest = character;
  term_ += character;
  AddRow(TakeCharacter(&rest));
  ends_[depth_] = term_.size();
}

std::string EditDistance::NextCharacter(size_t depth, std::string_view before) {
  const std::string* next = nullptr;
  const auto consider = [&](const std::string& letter) {
    if (letter > before && (next == nullptr || letter < *next)) next = &letter;
  };
  const size_t end = std::min(word_.size(), depth + max_ + 1);
  for (size_t j = depth > max_ ? depth - max_ : 0; j < end; ++j) {
    // The word's own letter.
    if (Row(depth)[j] <= max_) consider(letters_[j]);
    // The other one of a swap.
    if (depth > 0 && j > 0 && j - 1 <= depth - 1 + max_ && j - 1 + max_ >= depth - 1 &&
        word_[j] == characters_[depth - 1] && Row(depth - 1)[j - 1] < max_) {
      consider(letters_[j - 1]);
    }
  }
  return next == nullptr ? std::string() : *next;
}

std::string EditDistance::NextNear() {
  for (size_t depth = depth_; depth-- > 0;) {
    const size_t from = ends_[depth];
    std::string character = term_.substr(from, ends_[depth + 1] - from);
    if (least_[depth] < max_) {
      // Any character will do: the next one.
      StepBehind(&character);
      if (!character.empty()) return term_.substr(0, from) + character;
      continue;
    }
    character = NextCharacter(depth, character);
    if (character.empty()) continue;
    term_.resize(from);
    depth_ = depth;
    Append(character);
    // As far as there is no choice, or the end of a word.
    while (least_[depth_] == max_ &&
           (depth_ + max_ < word_.size() || Row(depth_)[word_.size()] > max_)) {
      Append(NextCharacter(depth_, ""));
    }
    return term_;
  }
  return "";
}

bool FindFuzzyTerms(EditDistance* distance, uint32_t max, TermIterator terms, uint64_t* left,
                    std::vector<FuzzyTerm>* found) {
  while (terms.valid()) {
    if (*left == 0) return false;
    --*left;
    const uint32_t edits = distance->To(terms.term());
    if (edits <= max) {
      found->push_back({std::string(terms.term()), edits, terms.info().document_frequency});
    }
    if (!distance->hopeless()) {
      terms.Next();
      continue;
    }
    const std::string next = distance->NextNear();
    if (next.empty()) return true;
    // Terms whose bytes are no characters have an order of their own.
    next > terms.term() ? terms.Seek(next) : terms.Next();
  }
  return true;
}

}  // namespace quern::search
