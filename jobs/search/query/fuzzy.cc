#include "jobs/search/query/fuzzy.h"

#include <algorithm>
#include <numeric>

#include "common/clean_text.h"

namespace quern::search {
namespace {

// Takes a character off the front; bytes that are none stand for themselves.
char32_t TakeCharacter(std::string_view* text) {
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

}  // namespace

EditDistance::EditDistance(std::string_view word, uint32_t max)
    : word_(Characters(word)), max_(max) {
  Row& first = rows_.emplace_back(word_.size() + 1);
  std::iota(first.begin(), first.end(), 0u);
}

void EditDistance::AddRow(uint32_t character) {
  const size_t i = characters_.size();
  characters_ += static_cast<char32_t>(character);
  Row row(word_.size() + 1);
  const Row& above = rows_[i];
  row[0] = static_cast<uint32_t>(i + 1);
  for (size_t j = 1; j <= word_.size(); ++j) {
    const bool same = word_[j - 1] == character;
    row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
    if (i > 0 && j > 1 && word_[j - 1] == characters_[i - 1] && word_[j - 2] == character) {
      row[j] = std::min(row[j], rows_[i - 1][j - 2] + 1);
    }
  }
  rows_.push_back(std::move(row));
}

uint32_t EditDistance::To(std::string_view term) {
  const auto differ = std::mismatch(term.begin(), term.end(), term_.begin(), term_.end()).first;
  const size_t shared = static_cast<size_t>(differ - term.begin());
  while (!ends_.empty() && ends_.back() > shared) {
    ends_.pop_back();
    characters_.pop_back();
    rows_.pop_back();
  }
  term_ = term;
  hopeless_bytes_ = 0;
  std::string_view rest = term.substr(ends_.empty() ? 0 : ends_.back());
  while (true) {
    // A swap reaches back two rows, so both have to be past the limit.
    const size_t i = rows_.size() - 1;
    const auto least = [](const Row& row) { return *std::min_element(row.begin(), row.end()); };
    if (i > 0 && least(rows_[i]) > max_ && least(rows_[i - 1]) > max_) {
      hopeless_bytes_ = ends_.back();
      return max_ + 1;
    }
    if (rest.empty()) return std::min(rows_.back().back(), max_ + 1);
    AddRow(TakeCharacter(&rest));
    ends_.push_back(term.size() - rest.size());
  }
}

void FindFuzzyTerms(EditDistance* distance, uint32_t max, TermIterator terms,
                    std::vector<FuzzyTerm>* found) {
  while (terms.valid()) {
    const uint32_t edits = distance->To(terms.term());
    if (edits <= max) {
      found->push_back({std::string(terms.term()), edits, terms.info().document_frequency});
    }
    const size_t hopeless = distance->hopeless_bytes();
    if (hopeless == 0) {
      terms.Next();
      continue;
    }
    // The first term behind all that begin so. UTF-8 has no byte 0xff.
    std::string next(terms.term().substr(0, hopeless));
    while (!next.empty() && next.back() == '\xff') next.pop_back();
    if (next.empty()) return;
    next.back() = static_cast<char>(static_cast<unsigned char>(next.back()) + 1);
    terms.Seek(next);
  }
}

}  // namespace quern::search
