// The waiting tasks of one kind of one job, findable by machine, by rack or anyhow.
//
// Every task stands in the list of each of its places and in one list of all. Taking a task out
// only clears its mark; the stale entries are dropped when a list is next read. So each operation
// costs amortized O(1), and memory is a few words per task.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>
#include <absl/functional/function_ref.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "mapreduce/coordinator/logic/ids.h"

namespace quern::mr {

// Where the data of a task lies. Empty: nowhere in particular.
struct TaskPlaces {
  absl::InlinedVector<PlaceId, 3> nodes;
  absl::InlinedVector<PlaceId, 3> racks;
};

class LocalityQueue {
 public:
  LocalityQueue() = default;
  // All tasks wait, in their order.
  explicit LocalityQueue(std::vector<TaskPlaces> places);

  // A task that has to run again comes before those that have not run yet: others may wait for it.
  void PutFirst(uint32_t task);
  // It has started, or need not run. Does nothing when it is not waiting.
  void Remove(uint32_t task);

  bool waiting(uint32_t task) const { return waiting_[task]; }
  uint32_t waiting_count() const { return waiting_count_; }
  const TaskPlaces& places(uint32_t task) const { return places_[task]; }

  // The first waiting task with data at `place`; of all; of those without any place. Tasks for
  // which `skip` is true are passed over; they should be few.
  using Skip = absl::FunctionRef<bool(uint32_t task)>;
  static bool SkipNone(uint32_t) { return false; }
  std::optional<uint32_t> FirstAt(PlaceId place, Skip skip = SkipNone);
  std::optional<uint32_t> First(Skip skip = SkipNone) { return FirstOf(&all_, skip); }
  std::optional<uint32_t> FirstWithoutPlace(Skip skip = SkipNone) {
    return FirstOf(&without_place_, skip);
  }

 private:
  template <typename Push>
  void ForEachList(uint32_t task, Push push);
  std::optional<uint32_t> FirstOf(std::deque<uint32_t>* list, Skip skip);

  std::vector<TaskPlaces> places_;
  std::vector<bool> waiting_;
  uint32_t waiting_count_ = 0;
  std::deque<uint32_t> all_;
  std::deque<uint32_t> without_place_;
  absl::flat_hash_map<PlaceId, std::deque<uint32_t>> at_;
};

}  // namespace quern::mr
