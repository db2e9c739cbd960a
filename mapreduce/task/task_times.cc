#include "mapreduce/task/task_times.h"

namespace quern::mr {

void TaskTimes::Enter(Part part) {
  const absl::Time now = clock_->MonotonicNow();
  spent_[static_cast<size_t>(part_.load(std::memory_order_relaxed))] += now - since_;
  since_ = now;
  part_.store(part, std::memory_order_relaxed);
}

void TaskTimes::EnterPhase(std::string_view phase) {
  if (phase == "sort") return Enter(Part::kSort);
  if (phase == "shuffle") return Enter(Part::kShuffle);
  if (phase == "merge") return Enter(Part::kMerge);
  if (phase == "write") return Enter(Part::kWrite);
  Enter(Part::kUser);
}

pb::AttemptTimes TaskTimes::Get() {
  Enter(part_);
  const auto micros = [this](Part part) {
    return static_cast<uint64_t>(absl::ToInt64Microseconds(spent_[static_cast<size_t>(part)]));
  };
  pb::AttemptTimes times;
  times.set_read_us(micros(Part::kRead));
  times.set_user_us(micros(Part::kUser));
  times.set_sort_us(micros(Part::kSort));
  times.set_shuffle_us(micros(Part::kShuffle));
  times.set_merge_us(micros(Part::kMerge));
  times.set_write_us(micros(Part::kWrite));
  return times;
}

TaskTimes::Within::Within(TaskTimes* times, Part part)
    : times_(std::this_thread::get_id() == times->thread_ ? times : nullptr),
      outer_(times_ == nullptr ? part : times_->part_.load()) {
  if (times_ != nullptr) times_->Enter(part);
}

TaskTimes::Within::~Within() {
  if (times_ != nullptr) times_->Enter(outer_);
}

}  // namespace quern::mr
