#include "chunkserver/service/order_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "common/clock.h"
#include "tests/support/status_matchers.h"

namespace quern::chunkserver {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// One disk with one thread, which carries an order out when the gate is open.
class OrderQueueTest : public ::testing::Test {
 protected:
  ~OrderQueueTest() override {
    Open();
    queue_.Stop();
  }
  static pb::Order Delete(uint64_t chunk) {
    pb::Order order;
    order.mutable_delete_()->set_chunk_id(chunk);
    return order;
  }
  void Add(const pb::Order& order) {
    ASSERT_OK(queue_.Add(order, [this](const OrderQueue::Result&) { ++answered_; }));
  }
  void Open() {
    MutexLock lock(&mutex_);
    open_ = true;
    changed_.SignalAll();
  }
  std::vector<uint64_t> CarriedOut() {
    MutexLock lock(&mutex_);
    return carried_out_;
  }
  OrderQueue::Result CarryOut(const pb::Order& order) {
    MutexLock lock(&mutex_);
    carried_out_.push_back(order.delete_().chunk_id());
    changed_.SignalAll();
    while (!open_) changed_.Wait(&mutex_);
    return {};
  }
  void AwaitBegun(size_t orders) {
    MutexLock lock(&mutex_);
    while (carried_out_.size() < orders) changed_.Wait(&mutex_);
  }
  void AwaitEmpty() {
    while (queue_.size() > 0) Clock::Real()->Sleep(absl::Milliseconds(1));
  }

  Mutex mutex_;
  CondVar changed_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<uint64_t> carried_out_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int> answered_ = 0;
  std::shared_ptr<int> claim_ = std::make_shared<int>();
  OrderQueue queue_{
      {.disks = 1, .threads = 1, .copy_threads = 1},
      [this](const pb::Order&) { return OrderQueue::Place{.disk = 0, .claim = claim_}; },
      [this](const pb::Order& order, std::optional<size_t>) { return CarryOut(order); }};
};

TEST_F(OrderQueueTest, WhatHasNotBegunIsDroppedWithItsSession) {
  Add(Delete(1));
  AwaitBegun(1);
  Add(Delete(1));  // behind the one that runs
  Add(Delete(2));  // ready
  Add(Delete(2));
  EXPECT_EQ(queue_.size(), 4u);
  EXPECT_THAT(queue_.Removals(), ElementsAre(ChunkId(1)));
  queue_.DropWaiting();
  EXPECT_EQ(queue_.size(), 1u);
  EXPECT_EQ(claim_.use_count(), 2) << "no room is kept for what was dropped";
  // The next session has orders of the same chunks.
  Add(Delete(1));
  Add(Delete(3));
  Open();
  AwaitEmpty();
  EXPECT_THAT(CarriedOut(), ElementsAre(1, 3, 1));
  EXPECT_EQ(answered_, 3);
  EXPECT_THAT(queue_.Removals(), IsEmpty());
}

}  // namespace
}  // namespace quern::chunkserver
