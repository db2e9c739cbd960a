#include "common/hash.h"

#include <fmt/format.h>
#include <xxhash.h>

namespace quern {
namespace {

Hash128 FromXxh(const XXH128_hash_t& hash) { return {.high = hash.high64, .low = hash.low64}; }
XXH3_state_t* State(void* state) { return static_cast<XXH3_state_t*>(state); }

}  // namespace

uint64_t Hash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

Hash128 HashBytes128(std::string_view bytes) {
  return FromXxh(XXH3_128bits(bytes.data(), bytes.size()));
}

std::string Hash128::ToString() const { return fmt::format("{:016x}{:016x}", high, low); }

Hasher128::Hasher128() : state_(XXH3_createState()) { XXH3_128bits_reset(State(state_)); }
Hasher128::~Hasher128() { XXH3_freeState(State(state_)); }
void Hasher128::Update(std::string_view bytes) {
  XXH3_128bits_update(State(state_), bytes.data(), bytes.size());
}
Hash128 Hasher128::Digest() const { return FromXxh(XXH3_128bits_digest(State(state_))); }

}  // namespace quern
