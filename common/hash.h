// XXH3: the hash for everything that is stored, sent or must be the same in every process
// (std::hash and absl::Hash are seeded per process).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quern {

uint64_t Hash64(std::string_view bytes, uint64_t seed = 0);

struct Hash128 {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const Hash128&) const = default;
  // 32 lower-case hexadecimal digits.
  std::string ToString() const;
};
Hash128 HashBytes128(std::string_view bytes);

// Hash128 of a stream of pieces.
class Hasher128 {
 public:
  Hasher128();
  ~Hasher128();
  Hasher128(const Hasher128&) = delete;
  Hasher128& operator=(const Hasher128&) = delete;
  void Update(std::string_view bytes);
  Hash128 Digest() const;

 private:
  void* state_;  // XXH3_state_t, kept out of this header
};

}  // namespace quern
