#include "jobs/text/gpt2_pieces.h"

namespace quern::text {

Gpt2Pieces::Gpt2Pieces(std::string_view text) : text_(text, CharClassTable()) {}

std::string_view Gpt2Pieces::Next() {
  if (at_ == text_.size()) return {};
  const size_t start = at_;
  at_ = EndOfPiece(start);
  return text_.text().substr(start, at_ - start);
}

// \s+(?!\S)|\s+: a run of blanks leaves its last one to the word that follows.
size_t Gpt2Pieces::EndOfBlanks(size_t at) const {
  const auto [last, end] = text_.BlanksFrom(at);
  return end == text_.size() || last == at ? end : last;
}

// 0 when there is none at the apostrophe text_[at].
size_t Gpt2Pieces::EndOfContraction(size_t at) const {
  const std::string_view rest = text_.text().substr(at + 1, 2);
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
  CharClass run = text_.At(at, &size);
  if (text_[at] == ' ' && at + 1 < text_.size()) {
    size_t size_after = 0;
    const CharClass after = text_.At(at + 1, &size_after);
    if (after != CharClass::kSpace) return text_.EndOfRun(at + 1 + size_after, after);
  }
  return run == CharClass::kSpace ? EndOfBlanks(at) : text_.EndOfRun(at + size, run);
}

}  // namespace quern::text
