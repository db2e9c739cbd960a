// Words that are a few edits away from another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/search/segment/term_iterator.h"

namespace quern::search {

// Insertions, removals, replacements and swaps of neighbours (optimal string alignment), counted in
// characters. Remembers the last word: those that begin as it did cost less.
class EditDistance {
 public:
  EditDistance(std::string_view word, uint32_t max);

  // Edits from the word to `term`; max + 1 when there are more than max.
  uint32_t To(std::string_view term);
  // After a To that gave more than max: no term that begins with so many bytes of that term is
  // within max; 0 when there is no saying.
  size_t hopeless_bytes() const { return hopeless_bytes_; }
  size_t characters() const { return word_.size(); }

 private:
  // The distances from the first i characters of the term to the beginnings of the word; only those
  // within max of the diagonal are kept, the others are more than max.
  uint16_t* Row(size_t i) { return rows_.data() + i * (word_.size() + 2); }
  void AddRow(char32_t character);
  // Forgets what the last term does not share with this one.
  void GoBackTo(std::string_view term);

  const std::u32string word_;
  const uint16_t max_;
  std::string term_;
  size_t depth_ = 0;                  // characters of term_ that there are rows for
  std::vector<char32_t> characters_;  // those
  std::vector<size_t> ends_;          // of each in term_; ends_[0] is 0
  std::vector<uint16_t> rows_;
  std::vector<uint16_t> least_;  // of each row
  size_t hopeless_bytes_ = 0;
};

struct FuzzyTerm {
  std::string text;
  uint32_t distance = 0;
  uint64_t document_frequency = 0;
};
// Adds the terms of `terms` (a walk over all of a field) that are within the distance.
void FindFuzzyTerms(EditDistance* distance, uint32_t max, TermIterator terms,
                    std::vector<FuzzyTerm>* found);

}  // namespace quern::search
