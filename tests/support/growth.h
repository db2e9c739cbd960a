// How the time that work takes grows with its size.
#pragma once

#include <algorithm>
#include <cstddef>
#include <ctime>

namespace quern {

// Processor time of this thread, which other programs on the machine hardly change.
template <typename Work>
double SecondsOf(const Work& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  work();
  return now() - start;
}

// How much longer work(4 * size) takes than work(size): about 4 where time is linear, 16 where it
// is quadratic. Of several rounds the fastest count.
template <typename Work>
double GrowthOfFourTimes(size_t size, const Work& work) {
  double once = 1e9;
  double four_times = 1e9;
  for (int round = 0; round < 7; ++round) {
    once = std::min(once, SecondsOf([&] { work(size); }));
    four_times = std::min(four_times, SecondsOf([&] { work(4 * size); }));
  }
  return four_times / std::max(once, 1e-6);
}

inline constexpr double kMostGrowth = 8;

}  // namespace quern
