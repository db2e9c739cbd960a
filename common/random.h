// Randomness. Logic classes take a Random& and know nothing of seeds.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace quern {

using Random = std::mt19937_64;

// Seeded by the operating system.
Random SeededRandom();
// From the operating system each time: unique for ids, never 0.
uint64_t RandomId();
std::string RandomBytes(size_t n);
// 2 * n lower-case hexadecimal digits.
std::string RandomHex(size_t n);

}  // namespace quern
