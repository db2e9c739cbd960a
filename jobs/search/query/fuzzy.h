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
  using Row = std::vector<uint32_t>;

  void AddRow(uint32_t character);

  const std::u32string word_;
  const uint32_t max_;
  std::string term_;
  std::u32string characters_;  // of term_, as far as there are rows
  std::vector<size_t> ends_;   // of those characters in term_
  std::vector<Row> rows_;      // row i: after i characters of the term
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
