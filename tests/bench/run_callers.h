// N threads that each do the next of many numbered operations until all are done.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

namespace quern::bench {

// Operations a second. `operation` is called with 0 .. count-1, once each, and must be thread-safe.
inline double RunCallers(int callers, int count, const std::function<void(int)>& operation) {
  std::atomic<int> next = 0;
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < callers; ++i) {
    threads.emplace_back([&] {
      for (int n; (n = next.fetch_add(1)) < count;) operation(n);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return count / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace quern::bench
