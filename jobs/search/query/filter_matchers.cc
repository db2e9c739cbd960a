#include "jobs/search/query/filter_matchers.h"

#include <bit>

namespace quern::search {
namespace {

char Folded(char c) {
  if (c == '_') return '-';
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

SetMatcher::SetMatcher(DocumentSetPtr set, Score score) : set_(std::move(set)), score_(score) {
  SetMatcher::Advance(0);
}

uint32_t SetMatcher::Advance(uint32_t target) {
  const std::vector<uint64_t>& words = set_->bits;
  size_t word = target / 64;
  if (word >= words.size()) return doc_ = kNoMoreDocuments;
  uint64_t bits = words[word] & (~uint64_t{0} << (target % 64));
  while (bits == 0) {
    if (++word == words.size()) return doc_ = kNoMoreDocuments;
    bits = words[word];
  }
  return doc_ = static_cast<uint32_t>(word * 64) + static_cast<uint32_t>(std::countr_zero(bits));
}

bool LanguageMatches(std::string_view wanted, std::string_view language) {
  if (language.size() < wanted.size()) return false;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (Folded(wanted[i]) != Folded(language[i])) return false;
  }
  return language.size() == wanted.size() || Folded(language[wanted.size()]) == '-';
}

}  // namespace quern::search
