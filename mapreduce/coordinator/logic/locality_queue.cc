#include "mapreduce/coordinator/logic/locality_queue.h"

#include <utility>

namespace quern::mr {

LocalityQueue::LocalityQueue(std::vector<TaskPlaces> places)
    : places_(std::move(places)),
      waiting_(places_.size(), true),
      waiting_count_(static_cast<uint32_t>(places_.size())) {
  for (uint32_t task = 0; task < places_.size(); ++task) {
    ForEachList(task, [task](std::deque<uint32_t>* list) { list->push_back(task); });
  }
}

template <typename Push>
void LocalityQueue::ForEachList(uint32_t task, Push push) {
  push(&all_);
  const TaskPlaces& places = places_[task];
  if (places.nodes.empty()) push(&without_place_);
  for (const PlaceId node : places.nodes) push(&at_[node]);
  for (const PlaceId rack : places.racks) push(&at_[rack]);
}

void LocalityQueue::PutFirst(uint32_t task) {
  if (waiting_[task]) return;
  waiting_[task] = true;
  ++waiting_count_;
  ForEachList(task, [task](std::deque<uint32_t>* list) { list->push_front(task); });
}

void LocalityQueue::Remove(uint32_t task) {
  if (!waiting_[task]) return;
  waiting_[task] = false;
  --waiting_count_;
}

std::optional<uint32_t> LocalityQueue::FirstAt(PlaceId place, Skip skip) {
  const auto it = at_.find(place);
  return it == at_.end() ? std::nullopt : FirstOf(&it->second, skip);
}

std::optional<uint32_t> LocalityQueue::FirstOf(std::deque<uint32_t>* list, Skip skip) {
  std::vector<uint32_t> skipped;
  std::optional<uint32_t> found;
  while (!list->empty() && !found) {
    const uint32_t task = list->front();
    if (waiting_[task] && !skip(task)) {
      found = task;
    } else {
      if (waiting_[task]) skipped.push_back(task);
      list->pop_front();
    }
  }
  list->insert(list->begin(), skipped.begin(), skipped.end());
  return found;
}

}  // namespace quern::mr
