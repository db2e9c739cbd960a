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
  // After a To: whether no term that begins as far as it was looked at is within max either.
  bool hopeless() const { return hopeless_; }
  // After a hopeless one: no term behind it and before the result is within max. Empty: none at all
  // behind it is. What the automaton of all words within max would accept next (Schulz and Mihov,
  // "Fast String Correction with Levenshtein Automata", 2002), read off the distances at hand.
  std::string NextNear();
  size_t characters() const { return word_.size(); }

 private:
  // The distances from the first i characters of the term to the beginnings of the word; only those
  // within max of the diagonal are kept, the others are more than max.
  uint16_t* Row(size_t i) { return rows_.data() + i * (word_.size() + 2); }
  void AddRow(char32_t character);
  // Forgets what the last term does not share with this one.
  void GoBackTo(std::string_view term);
  // Goes on with a character that the term itself need not have.
  void Append(const std::string& character);
  // With no edit left: the least character behind `before` with which the first `depth` characters
  // can go on. Empty when there is none.
  std::string NextCharacter(size_t depth, std::string_view before);

  const std::u32string word_;
  std::vector<std::string> letters_;  // of the word, as bytes
  const uint16_t max_;
  std::string term_;
  size_t depth_ = 0;                  // characters of term_ that there are rows for
  std::vector<char32_t> characters_;  // those
  std::vector<size_t> ends_;          // of each in term_; ends_[0] is 0
  std::vector<uint16_t> rows_;
  std::vector<uint16_t> least_;  // of each row
  bool hopeless_ = false;
};

struct FuzzyTerm {
  std::string text;
  uint32_t distance = 0;
  uint64_t document_frequency = 0;
};
// Adds the terms of `terms` (a walk over all of a field) that are within the distance. Takes from
// `*left` each term that it looks at; false when that is not enough.
bool FindFuzzyTerms(EditDistance* distance, uint32_t max, TermIterator terms, uint64_t* left,
                    std::vector<FuzzyTerm>* found);

}  // namespace quern::search
