// The words of a text in any script: what stands between the word boundaries of UAX #29 and holds a
// letter, a number or an ideograph. Runs of ASCII take a fast road with the same result.
//
// Scripts that are written without blanks give a word for each character (Han, kana but Katakana,
// Thai): BigramReader makes pairs of them.
#pragma once

#include <cstddef>
#include <string_view>

#include "jobs/text/char_class.h"
#include "jobs/text/word_break.h"

namespace quern::text {

// All pieces between word boundaries, blanks and punctuation too; one after another they are the
// text.
class SegmentReader {
 public:
  explicit SegmentReader(std::string_view text) : text_(text), breaks_(WordBreakTable()) {}

  // The next piece; empty at the end.
  std::string_view Next();
  // Passes over ASCII characters that begin no word.
  void SkipAsciiSeparators();

 private:
  WordBreak BreakAt(size_t at, size_t* size) const;
  // Past the Extend, Format and ZWJ characters at `at`.
  size_t SkipIgnored(size_t at, bool* ends_with_joiner) const;
  size_t AsciiEnd(size_t at) const;
  size_t EndOfSegment(size_t at) const;
  bool JoinsOverMiddle(WordBreak left, WordBreak middle, size_t after_middle) const;

  const std::string_view text_;
  const WordBreak* const breaks_;
  size_t at_ = 0;
};

class WordReader {
 public:
  explicit WordReader(std::string_view text) : segments_(text), classes_(CharClassTable()) {}

  // The next word; empty at the end.
  std::string_view Next();

 private:
  bool IsWord(std::string_view segment) const;

  SegmentReader segments_;
  const CharClass* const classes_;
};

// Whether a word is one character of a script that is written without blanks.
bool IsUnspacedCharacter(std::string_view word);

// Words, but of neighbouring characters of unspaced scripts each two that follow each other; one
// that stands alone stays alone.
class BigramReader {
 public:
  explicit BigramReader(std::string_view text) : words_(text) { Advance(); }

  // The next term; empty at the end.
  std::string_view Next();

 private:
  void Advance() {
    next_ = words_.Next();
    next_is_unspaced_ = !next_.empty() && IsUnspacedCharacter(next_);
  }

  WordReader words_;
  std::string_view next_;
  bool next_is_unspaced_ = false;
  bool paired_ = false;  // next_ was the second of a pair already
};

}  // namespace quern::text
