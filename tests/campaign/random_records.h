// Keys and values of the kinds that sorting, combining and merging treat differently.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/random.h"

namespace quern::mr {

// Draws with a seed of its own, so that one number repeats a whole round.
class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  // Uniform in [0, n); n > 0.
  uint64_t Below(uint64_t n) { return random_() % n; }
  uint64_t Between(uint64_t low, uint64_t high) { return low + Below(high - low + 1); }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  template <typename T>
  T Pick(std::initializer_list<T> choices) {
    return choices.begin()[Below(choices.size())];
  }

 private:
  Random random_;
};

// `count` texts, not all different: empty ones, bytes 0 and 255, equal starts of any length,
// lengths around 8, 16 and 255, and with `long_bytes` a few of up to that size.
std::vector<std::string> RandomTexts(size_t count, size_t long_bytes, Dice* dice);

// `count` numbers as decimal text, mostly small.
std::vector<std::string> RandomNumbers(size_t count, Dice* dice);

}  // namespace quern::mr
