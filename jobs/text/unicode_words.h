// The words of a text in any script: what stands between the word boundaries of UAX #29 and holds a
// letter, a number or an ideograph. Runs of ASCII take a fast road with the same result.
//
// Scripts that are written without blanks give a word for each character (Han, kana but Katakana,
// Thai): BigramReader makes pairs of them.
#pragma once

#include <cstddef>
#include <optional>
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

// A text, or a piece of one.
struct TextPiece {
  std::string_view text;
  // Its first character is the last one of the piece before too, and made a pair there.
  bool begins_paired = false;
};

// Words, but of neighbouring characters of unspaced scripts each two that follow each other; one
// that stands alone stays alone.
class BigramReader {
 public:
  explicit BigramReader(std::string_view text) : BigramReader(TextPiece{text}) {}
  explicit BigramReader(const TextPiece& piece) : words_(piece.text), paired_(piece.begins_paired) {
    Advance();
  }

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
  bool paired_;  // next_ was the second of a pair already
};

// Cuts a text into pieces that BigramReader makes the same words of, one piece after another, as of
// the whole text.
class PieceReader {
 public:
  // Only a word that is longer is cut too.
  static constexpr size_t kMostUncutBytes = 4 << 20;

  // Pieces are of at most `piece_bytes`, which is above 0, if there is such a place to cut.
  PieceReader(std::string_view text, size_t piece_bytes) : rest_(text), piece_bytes_(piece_bytes) {}

  // Nothing at the end.
  std::optional<TextPiece> Next();
  // Of the pieces from the next one on.
  void set_piece_bytes(size_t piece_bytes) { piece_bytes_ = piece_bytes; }

 private:
  struct Cut {
    size_t end = 0;   // of this piece
    size_t next = 0;  // where the next one begins
    bool paired = false;
  };
  Cut FindCut() const;
  Cut CutBetweenSegments() const;

  std::string_view rest_;
  size_t piece_bytes_;
  bool begins_paired_ = false;
};

}  // namespace quern::text
