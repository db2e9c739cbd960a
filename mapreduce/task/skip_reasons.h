// Records and groups that user code has set aside, counted by its reasons.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "mapreduce/task/user_context.h"

namespace quern::mr {

// Used by the task's thread.
class SkipReasons {
 public:
  // Of a task. A reason that names each record would be a counter for each.
  static constexpr size_t kMaxReasons = 50;

  void Add(std::string_view reason);
  uint64_t total() const { return total_; }
  // As counters: `what` for all ("map_skipped_records"), "what: reason" for each. None for none.
  void Export(std::string_view what, UserContext* context) const;

 private:
  uint64_t total_ = 0;
  std::map<std::string, uint64_t, std::less<>> reasons_;
};

}  // namespace quern::mr
