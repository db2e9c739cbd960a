// Many files at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace quern::shell {

inline constexpr int64_t kMaxJobs = 64;

// Calls work(0) ... work(count - 1) on up to `workers` threads, each index once, in order of their
// start. Returns when all have ended; after Ctrl-C no further one is begun.
void RunJobs(size_t count, size_t workers, const std::function<void(size_t)>& work);

}  // namespace quern::shell
