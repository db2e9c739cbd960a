// What lines and paragraphs are compared by, across documents: their words (unicode_words.h) after
// folding case and compatible forms, each digit as 0. Blanks of any number and marks between words
// make no difference (Wenzek et al. 2019, "CCNet", section 3.1). Equal parts have equal hashes
// today and next year.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace quern::text {

struct PartHash {
  uint64_t high = 0;
  uint64_t low = 0;
  size_t words = 0;  // that the part has

  bool operator==(const PartHash&) const = default;
};

// Keeps its buffer from part to part; used by one thread.
class PartHasher {
 public:
  PartHash Read(std::string_view part);

 private:
  std::string normal_;
};

}  // namespace quern::text
