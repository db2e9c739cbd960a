// Steps of work that no record counts: in a sort, a merge, or inside the group of one key.
//
// A task that makes no progress for long is ended, so whatever may take long has to count. Only
// that the number changes means something.
#pragma once

#include <atomic>
#include <cstdint>

namespace quern::mr {

// Thread-safe; two threads that count at the same time may count one step.
class WorkSteps {
 public:
  // Cheap enough for every record: no locked instruction.
  void Add() { steps_.store(Get() + 1, std::memory_order_relaxed); }
  uint64_t Get() const { return steps_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> steps_ = 0;
};

}  // namespace quern::mr
