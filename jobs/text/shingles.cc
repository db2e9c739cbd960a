#include "jobs/text/shingles.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <string>

#include "jobs/text/fold.h"
#include "jobs/text/unicode_words.h"

namespace quern::text {

namespace {

// One hash for words that differ in their digits alone.
uint64_t HashOfWord(std::string_view word, std::string* buffer) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (std::none_of(word.begin(), word.end(), is_digit)) {
    return XXH3_64bits(word.data(), word.size());
  }
  buffer->assign(word);
  std::replace_if(buffer->begin(), buffer->end(), is_digit, '0');
  return XXH3_64bits(buffer->data(), buffer->size());
}

}  // namespace

const std::vector<uint64_t>& Shingler::Read(std::string_view text) {
  words_.clear();
  shingles_.clear();
  const std::string folded = FoldText(text);
  std::string buffer;
  WordReader words(folded);
  for (std::string_view word = words.Next(); !word.empty(); word = words.Next()) {
    words_.push_back(HashOfWord(word, &buffer));
  }
  if (words_.empty()) return shingles_;
  const size_t size = std::min(words_.size(), size_);
  for (size_t at = 0; at + size <= words_.size(); ++at) {
    uint64_t hash = size;
    for (size_t i = at; i < at + size; ++i) {
      hash = (hash ^ words_[i]) * 0x9e3779b97f4a7c15;
      hash ^= hash >> 29;
    }
    hash *= 0xbf58476d1ce4e5b9;
    shingles_.push_back(hash ^ hash >> 32);
  }
  return shingles_;
}

}  // namespace quern::text
