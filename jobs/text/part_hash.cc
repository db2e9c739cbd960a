#include "jobs/text/part_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "jobs/text/fold.h"
#include "jobs/text/unicode_words.h"

namespace quern::text {

PartHash PartHasher::Read(std::string_view part) {
  PartHash hash;
  normal_.clear();
  const std::string folded = FoldText(part);
  WordReader words(folded);
  for (std::string_view word = words.Next(); !word.empty(); word = words.Next()) {
    if (hash.words++ > 0) normal_ += ' ';
    normal_ += word;
  }
  std::replace_if(
      normal_.begin(), normal_.end(), [](char c) { return c >= '0' && c <= '9'; }, '0');
  const XXH128_hash_t bits = XXH3_128bits(normal_.data(), normal_.size());
  hash.high = bits.high64;
  hash.low = bits.low64;
  return hash;
}

}  // namespace quern::text
