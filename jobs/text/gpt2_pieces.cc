#include "jobs/text/gpt2_pieces.h"

#include "jobs/text/utf8.h"

namespace quern::text {

Gpt2Pieces::Gpt2Pieces(std::string_view text) : text_(text), classes_(CharClassTable()) {}

std::string_view Gpt2Pieces::Next() {
  if (at_ == text_.size()) return {};
  const size_t start = at_;
  at_ = EndOfPiece(start);
  return text_.substr(start, at_ - start);
}

inline CharClass Gpt2Pieces::ClassAt(size_t at, size_t* size) const {
  const unsigned char byte = static_cast<unsigned char>(text_[at]);
  *size = 1;
  if (byte < 0x80) return classes_[byte];
  const Character character = CharacterAt(text_, at);
  *size = character.size;
  return ClassOf(classes_, character.code);
}

inline size_t Gpt2Pieces::EndOfRun(size_t at, CharClass run) const {
  size_t size = 0;
  while (at < text_.size() && ClassAt(at, &size) == run) at += size;
  return at;
}

// \s+(?!\S)|\s+: a run of blanks leaves its last one to the word that follows.
size_t Gpt2Pieces::EndOfBlanks(size_t at) const {
  const size_t start = at;
  size_t last = at;
  size_t size = 0;
  while (at < text_.size() && ClassAt(at, &size) == CharClass::kSpace) {
    last = at;
    at += size;
  }
  return at == text_.size() || last == start ? at : last;
}

// 0 when there is none at the apostrophe text_[at].
size_t Gpt2Pieces::EndOfContraction(size_t at) const {
  const std::string_view rest = text_.substr(at + 1, 2);
  if (rest.empty()) return 0;
  const char c = rest[0];
  if (c == 's' || c == 't' || c == 'm' || c == 'd') return at + 2;
  return rest == "re" || rest == "ve" || rest == "ll" ? at + 3 : 0;
}

size_t Gpt2Pieces::EndOfPiece(size_t at) const {
  if (text_[at] == '\'') {
    const size_t end = EndOfContraction(at);
    if (end != 0) return end;
  }
  size_t size = 0;
  CharClass run = ClassAt(at, &size);
  if (text_[at] == ' ' && at + 1 < text_.size()) {
    size_t size_after = 0;
    const CharClass after = ClassAt(at + 1, &size_after);
    if (after != CharClass::kSpace) return EndOfRun(at + 1 + size_after, after);
  }
  return run == CharClass::kSpace ? EndOfBlanks(at) : EndOfRun(at + size, run);
}

}  // namespace quern::text
