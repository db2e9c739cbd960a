// The first number of an ordered list that is not below another one, which is mostly near.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quern::search {

// The first of values[from..size) that is not below `target`; `size` when there is none. Looks at
// eight at a time, since which way one comparison goes is what a processor cannot guess.
inline size_t FindFrom(const uint32_t* values, size_t from, size_t size, uint32_t target) {
  constexpr size_t kStep = 8;
  for (; from + kStep <= size; from += kStep) {
    if (values[from + kStep - 1] < target) continue;
    size_t below = 0;
    for (size_t i = 0; i < kStep; ++i) below += values[from + i] < target;
    return from + below;
  }
  while (from < size && values[from] < target) ++from;
  return from;
}

}  // namespace quern::search
