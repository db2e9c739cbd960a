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

// Leaves the terms that begin with `begin` behind. False when it is over.
bool PassOver(const std::string& begin, TermIterator* terms) {
  // A few are passed over more quickly than a place is found.
  constexpr int kFew = 8;
  for (int i = 0; i < kFew; ++i) {
    if (!terms->valid()) return false;
    if (!terms->term().starts_with(begin)) return true;
    terms->Next();
  }
  // The first one behind them all. UTF-8 has no byte 0xff.
  std::string next = begin;
  while (!next.empty() && next.back() == '\xff') next.pop_back();
  if (next.empty()) return false;
  next.back() = static_cast<char>(static_cast<unsigned char>(next.back()) + 1);
  terms->Seek(next);
  return true;
}

}  // namespace

EditDistance::EditDistance(std::string_view word, uint32_t max)
    : word_(Characters(word)), max_(static_cast<uint16_t>(max)) {
  // Two rows behind the longest term that can be near show that a longer one is not.
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
  hopeless_bytes_ = 0;
  std::string_view rest = term.substr(ends_[depth_]);
  while (true) {
    // A swap reaches back two rows, so both have to be past the limit.
    if (depth_ > 0 && least_[depth_] > max_ && least_[depth_ - 1] > max_) {
      hopeless_bytes_ = ends_[depth_];
      return max_ + 1u;
    }
    if (rest.empty()) break;
    AddRow(TakeCharacter(&rest));
    ends_[depth_] = term.size() - rest.size();
  }
  const bool near = depth_ + max_ >= word_.size() && depth_ <= word_.size() + max_;
  return near ? std::min<uint32_t>(Row(depth_)[word_.size()], max_ + 1u) : max_ + 1u;
}

void FindFuzzyTerms(EditDistance* distance, uint32_t max, TermIterator terms,
                    std::vector<FuzzyTerm>* found) {
  while (terms.valid()) {
    const uint32_t edits = distance->To(terms.term());
    if (edits <= max) {
      found->push_back({std::string(terms.term()), edits, terms.info().document_frequency});
    }
    const size_t hopeless = distance->hopeless_bytes();
    const std::string begin(terms.term().substr(0, hopeless));
    terms.Next();
    if (hopeless > 0 && !PassOver(begin, &terms)) return;
  }
}

}  // namespace quern::search
