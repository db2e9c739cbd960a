// A text and what kind of character stands where in it, as the expressions of tokenisers ask.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>

#include "jobs/text/char_class.h"
#include "jobs/text/utf8.h"

namespace quern::text {

// A byte that is no UTF-8 is a character of Class::kOther. `Class` is CharClass or CaseClass.
template <typename Class>
class ClassedText {
 public:
  // `classes` is the table of Class, with an entry for each code point.
  ClassedText(std::string_view text, const Class* classes) : text_(text), classes_(classes) {}

  std::string_view text() const { return text_; }
  size_t size() const { return text_.size(); }
  char operator[](size_t at) const { return text_[at]; }

  // The class of the character that begins at `at`, which has *size bytes; at < size().
  Class At(size_t at, size_t* size) const {
    const unsigned char byte = static_cast<unsigned char>(text_[at]);
    *size = 1;
    if (byte < 0x80) return classes_[byte];
    const Character character = CharacterAt(text_, at);
    *size = character.size;
    return ClassOf(classes_, character.code);
  }

  // Behind the characters at `at` for whose class `is_of_run` holds.
  template <std::predicate<Class> IsOfRun>
  size_t EndOfRun(size_t at, IsOfRun is_of_run) const {
    size_t size = 0;
    while (at < text_.size() && is_of_run(At(at, &size))) at += size;
    return at;
  }

  size_t EndOfRun(size_t at, Class run) const {
    return EndOfRun(at, [run](Class c) { return c == run; });
  }

  struct Blanks {
    size_t last;  // where the last one begins; where they begin when there are none
    size_t end;
  };
  Blanks BlanksFrom(size_t at) const {
    Blanks blanks{at, at};
    size_t size = 0;
    while (blanks.end < text_.size() && At(blanks.end, &size) == Class::kSpace) {
      blanks.last = blanks.end;
      blanks.end += size;
    }
    return blanks;
  }

 private:
  const std::string_view text_;
  const Class* const classes_;
};

}  // namespace quern::text
