// MinHash signatures: documents whose shingles overlap have bands in common (Broder 1997; banding
// as in Leskovec et al., Mining of Massive Datasets, 3.4).
//
// A shingle is five words that follow each other, after folding case, marks and digits away. Each
// of 14 x 8 = 112 hash functions keeps its least value over all shingles; a band is the hash of
// eight of them. Two documents of Jaccard similarity s share a band with probability 1 - (1 -
// s^8)^14: 56, 77, 92 and 98.8 per cent at .70, .75, .80 and .85. Hash functions, folding and so
// bands never change: signatures of today and of last year compare.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "jobs/text/shingles.h"

namespace quern::text {

inline constexpr size_t kMinHashBands = 14;
inline constexpr size_t kMinHashRows = 8;
inline constexpr size_t kMinHashes = kMinHashBands * kMinHashRows;
inline constexpr size_t kShingleWords = 5;

struct MinHashSignature {
  std::array<uint32_t, kMinHashes> least;
  size_t shingles = 0;  // how many there were, equal ones counted each time

  // The share of equal hashes: an estimate of the Jaccard similarity.
  double Similarity(const MinHashSignature& other) const;
  std::array<uint64_t, kMinHashBands> Bands() const;
};

// Keeps its buffers from text to text; used by one thread.
class MinHasher {
 public:
  // A text of fewer than five words is one shingle; one without words has no shingle, and equals
  // only such.
  MinHashSignature Sign(std::string_view text);

 private:
  Shingler shingler_{kShingleWords};
};

// How the machine's vector units are used; `plain` for tests: both give the same.
enum class MinHashKernel { kBest, kPlain };
void LeastHashes(const std::vector<uint64_t>& shingles, MinHashKernel kernel,
                 std::array<uint32_t, kMinHashes>* least);

}  // namespace quern::text
