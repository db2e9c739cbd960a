// Progress of a long step on stderr: a bar on a terminal, one line every 10 s otherwise.
//
//   put big.txt  62%  640 MiB/1.0 GiB  310 MiB/s  ETA 1.2 s
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "common/clock.h"
#include "common/mutex.h"

namespace quern {

struct ProgressOptions {
  enum class Unit { kBytes, kItems };
  enum class Style { kAuto, kBar, kLines, kQuiet };  // kAuto: a bar when `out` is a terminal
  std::string name{};
  uint64_t total = 0;  // 0: not known, no percentage and no ETA
  Unit unit = Unit::kBytes;
  Style style = Style::kAuto;
  std::FILE* out = stderr;
  Clock* clock = Clock::Real();
};

// Thread-safe. Draws from the calls of Add and Set; there is no thread.
class Progress {
 public:
  explicit Progress(ProgressOptions options);
  // Finishes.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Add(uint64_t n);
  void Set(uint64_t done);
  // Draws the end state (a bar ends its line); later calls do nothing. A step shorter than a second
  // leaves no trace.
  void Finish();

  // What stands on the line now.
  std::string Line();

 private:
  std::string LineLocked(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DrawIfDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string Amount(uint64_t n) const;
  std::string Rate(double per_second) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ProgressOptions options_;
  const bool bar_;
  const absl::Time start_;
  Mutex mutex_;
  uint64_t done_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time last_draw_ ABSL_GUARDED_BY(mutex_);
  bool drawn_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace quern
