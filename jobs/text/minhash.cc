#include "jobs/text/minhash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace quern::text {

namespace {

// What makes each of the hash functions one of its own; see HashOf. 32 bits, so that vector units
// do eight at a time.
struct HashFunctions {
  alignas(64) uint32_t seeds[kMinHashes];
  alignas(64) uint32_t factors[kMinHashes];
};

uint64_t SplitMix(uint64_t* state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

const HashFunctions& Functions() {
  static const HashFunctions functions = [] {
    HashFunctions f;
    uint64_t state = 1;
    for (size_t i = 0; i < kMinHashes; ++i) {
      const uint64_t random = SplitMix(&state);
      f.seeds[i] = static_cast<uint32_t>(random);
      f.factors[i] = static_cast<uint32_t>(random >> 32) | 1;
    }
    return f;
  }();
  return functions;
}

// Of the two halves of a shingle's hash. The multiplication carries low bits up, the shift brings
// them down again, the second multiplication carries them into the bits that decide what is the
// least.
inline uint32_t HashOf(uint32_t low, uint32_t high, uint32_t seed, uint32_t factor) {
  uint32_t h = (low ^ seed) * factor;
  h ^= h >> 15;
  return (h + high) * factor;
}

void LeastPlain(const std::vector<uint64_t>& shingles, std::array<uint32_t, kMinHashes>* least) {
  const HashFunctions& f = Functions();
  for (const uint64_t shingle : shingles) {
    const auto low = static_cast<uint32_t>(shingle);
    const auto high = static_cast<uint32_t>(shingle >> 32);
    for (size_t i = 0; i < kMinHashes; ++i) {
      (*least)[i] = std::min((*least)[i], HashOf(low, high, f.seeds[i], f.factors[i]));
    }
  }
}

#ifdef __x86_64__
// As LeastPlain, eight functions at a time; the least values of a block of functions stay in
// registers over all shingles.
__attribute__((target("avx2"))) void LeastAvx2(const std::vector<uint64_t>& shingles,
                                               std::array<uint32_t, kMinHashes>* least) {
  constexpr size_t kLanes = 8;
  constexpr size_t kVectors = 2;
  static_assert(kMinHashes % (kLanes * kVectors) == 0);
  const HashFunctions& f = Functions();
  for (size_t block = 0; block < kMinHashes; block += kLanes * kVectors) {
    __m256i seeds[kVectors], factors[kVectors], best[kVectors];
    for (size_t v = 0; v < kVectors; ++v) {
      const size_t at = block + v * kLanes;
      seeds[v] = _mm256_load_si256(reinterpret_cast<const __m256i*>(f.seeds + at));
      factors[v] = _mm256_load_si256(reinterpret_cast<const __m256i*>(f.factors + at));
      best[v] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(least->data() + at));
    }
    for (const uint64_t shingle : shingles) {
      const __m256i low = _mm256_set1_epi32(static_cast<int>(shingle));
      const __m256i high = _mm256_set1_epi32(static_cast<int>(shingle >> 32));
      for (size_t v = 0; v < kVectors; ++v) {
        __m256i h = _mm256_mullo_epi32(_mm256_xor_si256(low, seeds[v]), factors[v]);
        h = _mm256_xor_si256(h, _mm256_srli_epi32(h, 15));
        h = _mm256_mullo_epi32(_mm256_add_epi32(h, high), factors[v]);
        best[v] = _mm256_min_epu32(best[v], h);
      }
    }
    for (size_t v = 0; v < kVectors; ++v) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(least->data() + block + v * kLanes), best[v]);
    }
  }
}
#endif

}  // namespace

double MinHashSignature::Similarity(const MinHashSignature& other) const {
  size_t equal = 0;
  for (size_t i = 0; i < kMinHashes; ++i) equal += least[i] == other.least[i];
  return static_cast<double>(equal) / kMinHashes;
}

std::array<uint64_t, kMinHashBands> MinHashSignature::Bands() const {
  std::array<uint64_t, kMinHashBands> bands;
  for (size_t band = 0; band < kMinHashBands; ++band) {
    bands[band] = XXH3_64bits_withSeed(least.data() + band * kMinHashRows,
                                       kMinHashRows * sizeof(least[0]), band);
  }
  return bands;
}

void LeastHashes(const std::vector<uint64_t>& shingles, MinHashKernel kernel,
                 std::array<uint32_t, kMinHashes>* least) {
  least->fill(UINT32_MAX);
#ifdef __x86_64__
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (kernel == MinHashKernel::kBest && has_avx2) return LeastAvx2(shingles, least);
#endif
  LeastPlain(shingles, least);
}

MinHashSignature MinHasher::Sign(std::string_view text) {
  MinHashSignature signature;
  const std::vector<uint64_t>& shingles = shingler_.Read(text);
  signature.shingles = shingles.size();
  LeastHashes(shingles, MinHashKernel::kBest, &signature.least);
  return signature;
}

}  // namespace quern::text
