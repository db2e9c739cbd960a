// Where an attempt's time goes: at each moment its thread is in one part, so that the parts add up
// to the whole.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <string_view>
#include <thread>

#include "common/clock.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// For the thread that made it, but where it says more.
class TaskTimes {
 public:
  enum class Part {
    kRead,     // waiting for input
    kUser,     // the user's code, and the records that go in and out of it
    kSort,     // what was emitted, and writing it as map output
    kShuffle,  // fetching map outputs, waiting for them
    kMerge,    // before reducing, when there are too many runs
    kWrite,    // waiting for output to be written
  };

  explicit TaskTimes(Clock* clock) : clock_(clock), since_(clock->MonotonicNow()) {}

  // From now on.
  void Enter(Part part);
  // What AttemptProgress calls a phase.
  void EnterPhase(std::string_view phase);
  // Up to now.
  pb::AttemptTimes Get();
  // Any thread: whether it waits for input, or for output to be written.
  bool waits() const {
    const Part part = part_.load(std::memory_order_relaxed);
    return part == Part::kRead || part == Part::kWrite;
  }

  // A part within another; nothing on threads that help the task's own.
  class Within {
   public:
    Within(TaskTimes* times, Part part);
    ~Within();
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    TaskTimes* const times_;
    const Part outer_;
  };

 private:
  static constexpr size_t kParts = static_cast<size_t>(Part::kWrite) + 1;

  Clock* const clock_;
  const std::thread::id thread_ = std::this_thread::get_id();
  std::atomic<Part> part_ = Part::kUser;
  absl::Time since_;
  std::array<absl::Duration, kParts> spent_;
};

}  // namespace quern::mr
