#include "chunkserver/service/order_queue.h"

#include <utility>

#include "chunkserver/service/convert.h"

namespace quern::chunkserver {

OrderQueue::OrderQueue(const Options& options, Route route, Execute execute)
    : options_(options),
      route_(std::move(route)),
      execute_(std::move(execute)),
      lanes_(options.disks * kKinds + 1) {
  for (size_t disk = 0; disk < options_.disks; ++disk) {
    for (int i = 0; i < options_.threads; ++i) {
      threads_.emplace_back(fmt::format("order-{}", disk),
                            [this, disk] { Run(disk * kKinds + kQuick); });
    }
    for (int i = 0; i < options_.copy_threads; ++i) {
      threads_.emplace_back(fmt::format("copy-{}", disk),
                            [this, disk] { Run(disk * kKinds + kCopy); });
    }
    threads_.emplace_back(fmt::format("verify-{}", disk),
                          [this, disk] { Run(disk * kKinds + kVerify); });
  }
  threads_.emplace_back("order-no-disk", [this] { Run(options_.disks * kKinds); });
}

OrderQueue::~OrderQueue() { Stop(); }

OrderQueue::Kind OrderQueue::KindOf(const pb::Order& order) {
  if (order.has_copy()) return kCopy;
  return order.has_verify() ? kVerify : kQuick;
}

size_t OrderQueue::LaneOf(const Item& item) const {
  if (!item.place.disk) return options_.disks * kKinds;
  return *item.place.disk * kKinds + KindOf(item.order);
}

absl::Status OrderQueue::Add(pb::Order order, Done done) {
  const ChunkId chunk = ChunkOf(order);
  MutexLock lock(&mutex_);
  if (stopping_) return UnavailableError("the chunkserver is stopping");
  if (size_ >= options_.max_waiting) {
    return ResourceExhaustedError("{} orders wait already", size_);
  }
  ++size_;
  std::deque<Item>& orders = waiting_[chunk];
  orders.push_back({std::move(order), std::move(done), {}});
  if (orders.size() == 1) MakeReady(chunk);
  return absl::OkStatus();
}

void OrderQueue::MakeReady(ChunkId chunk) {
  Item& first = waiting_[chunk].front();
  first.place = route_(first.order);
  PutInLane(chunk);
}

void OrderQueue::PutInLane(ChunkId chunk) {
  Lane& lane = lanes_[LaneOf(waiting_[chunk].front())];
  lane.ready.push_back(chunk);
  lane.changed.Signal();
}

void OrderQueue::Abandon(size_t disk) {
  MutexLock lock(&mutex_);
  for (size_t kind = 0; kind < kKinds; ++kind) {
    for (const ChunkId chunk : std::exchange(lanes_[disk * kKinds + kind].ready, {})) {
      waiting_[chunk].front().place = {};
      PutInLane(chunk);
    }
  }
}

void OrderQueue::DropWaiting() {
  std::vector<Item> dropped;  // their claims are let go without the lock
  MutexLock lock(&mutex_);
  for (Lane& lane : lanes_) lane.ready.clear();
  absl::erase_if(waiting_, [&](auto& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::deque<Item>& orders = entry.second;
    const size_t begun = orders.front().begun ? 1 : 0;
    for (; orders.size() > begun; orders.pop_back()) dropped.push_back(std::move(orders.back()));
    return orders.empty();
  });
  size_ -= dropped.size();
}

std::vector<ChunkId> OrderQueue::Removals() const {
  MutexLock lock(&mutex_);
  return {removals_.begin(), removals_.end()};
}

size_t OrderQueue::size() const {
  MutexLock lock(&mutex_);
  return size_;
}

void OrderQueue::Run(size_t index) {
  mutex_.Lock();
  Lane& lane = lanes_[index];
  while (true) {
    while (lane.ready.empty() && !stopping_) lane.changed.Wait(&mutex_);
    if (stopping_) break;
    const ChunkId chunk = lane.ready.front();
    lane.ready.pop_front();
    Item& place = waiting_[chunk].front();  // stays until it is done
    place.begun = true;
    Item item = std::move(place);
    if (item.order.has_delete_()) removals_.insert(chunk);
    mutex_.Unlock();
    item.done(execute_(item.order, item.place.disk));
    item = {};
    mutex_.Lock();
    --size_;
    removals_.erase(chunk);
    const auto orders = waiting_.find(chunk);
    orders->second.pop_front();
    if (orders->second.empty()) {
      waiting_.erase(orders);
    } else {
      MakeReady(chunk);
    }
  }
  mutex_.Unlock();
}

void OrderQueue::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    for (Lane& lane : lanes_) lane.changed.SignalAll();
  }
  threads_.clear();
}

}  // namespace quern::chunkserver
