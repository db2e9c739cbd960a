// Which documents of a segment are deleted: a bitmap in a small file beside it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern::search {

class Deletions {
 public:
  // Of no segment: nothing is deleted.
  Deletions() = default;
  explicit Deletions(uint32_t documents) : documents_(documents), words_(Words(documents)) {}
  // DataLoss when the bytes are not what Serialize wrote.
  static absl::StatusOr<Deletions> Parse(std::string_view bytes);
  std::string Serialize() const;

  // `doc` < documents().
  void Add(uint32_t doc) {
    const uint64_t bit = uint64_t{1} << (doc & 63);
    count_ += (words_[doc >> 6] & bit) == 0;
    words_[doc >> 6] |= bit;
  }
  bool contains(uint32_t doc) const {
    return count_ > 0 && doc < documents_ && (words_[doc >> 6] >> (doc & 63) & 1) != 0;
  }
  uint32_t documents() const { return documents_; }
  uint32_t count() const { return count_; }

 private:
  static size_t Words(uint32_t documents) { return (size_t{documents} + 63) / 64; }

  uint32_t documents_ = 0;
  uint32_t count_ = 0;
  std::vector<uint64_t> words_;
};

}  // namespace quern::search
