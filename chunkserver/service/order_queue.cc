#include "chunkserver/service/order_queue.h"

#include "chunkserver/service/convert.h"

namespace quern::chunkserver {

OrderQueue::OrderQueue(const Options& options, Execute execute)
    : options_(options), execute_(std::move(execute)) {
  for (int i = 0; i < options_.threads; ++i) {
    threads_.emplace_back("order", [this] { Run(kQuick); });
  }
  for (int i = 0; i < options_.copy_threads; ++i) {
    threads_.emplace_back("copy", [this] { Run(kCopy); });
  }
}

OrderQueue::~OrderQueue() { Stop(); }

OrderQueue::Lane OrderQueue::LaneOf(const dfs::v1::Order& order) {
  return order.has_copy() || order.has_verify() ? kCopy : kQuick;
}

absl::Status OrderQueue::Add(dfs::v1::Order order, Done done) {
  const ChunkId chunk = ChunkOf(order);
  MutexLock lock(&mutex_);
  if (stopping_) return UnavailableError("the chunkserver is stopping");
  if (size_ >= options_.max_waiting) {
    return ResourceExhaustedError("{} orders wait already", size_);
  }
  ++size_;
  std::deque<Item>& orders = waiting_[chunk];
  orders.push_back({std::move(order), std::move(done)});
  if (orders.size() == 1) MakeReady(chunk);
  return absl::OkStatus();
}

void OrderQueue::MakeReady(ChunkId chunk) {
  ready_[LaneOf(waiting_[chunk].front().order)].push_back(chunk);
  changed_.SignalAll();
}

size_t OrderQueue::size() const {
  MutexLock lock(&mutex_);
  return size_;
}

void OrderQueue::Run(Lane lane) {
  mutex_.Lock();
  while (true) {
    while (ready_[lane].empty() && !stopping_) changed_.Wait(&mutex_);
    if (stopping_) break;
    const ChunkId chunk = ready_[lane].front();
    ready_[lane].pop_front();
    const Item item = waiting_[chunk].front();
    mutex_.Unlock();
    item.done(execute_(item.order));
    mutex_.Lock();
    --size_;
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
    changed_.SignalAll();
  }
  threads_.clear();
}

}  // namespace quern::chunkserver
