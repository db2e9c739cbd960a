// Shingles of a text: so many words that follow each other, as one number; after folding case,
// marks and digits away. Equal shingles have equal hashes today and next year.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace quern::text {

// Keeps its buffers from text to text; used by one thread.
class Shingler {
 public:
  explicit Shingler(size_t words) : size_(words) {}

  // In the order of the text, equal ones each time. A text of fewer words is one shingle, one
  // without words has none. Lives until the next call.
  const std::vector<uint64_t>& Read(std::string_view text);

  // Words of the text that was read last.
  size_t words() const { return words_.size(); }

 private:
  const size_t size_;
  std::vector<uint64_t> words_;
  std::vector<uint64_t> shingles_;
};

}  // namespace quern::text
