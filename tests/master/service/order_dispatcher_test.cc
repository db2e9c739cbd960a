#include "master/service/order_dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace quern::master {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Pipe final : public SessionPipe {
 public:
  void Send(pb::MasterMessage message) override {
    for (const pb::Order& order : message.orders().orders()) {
      chunks.push_back(order.delete_().chunk_id());
    }
  }
  void Cancel() override { cancelled = true; }

  std::vector<uint64_t> chunks;  // of the orders that were sent, in their order
  bool cancelled = false;
};

class OrderDispatcherTest : public ::testing::Test {
 protected:
  OrderDispatcherTest()
      : orders_({.cluster_id = "c", .term = 4, .start_id = 9}, [] { return 7; }) {}

  std::shared_ptr<Pipe> Attach(uint32_t server) {
    auto pipe = std::make_shared<Pipe>();
    orders_.Attach(ServerId(server), pipe);
    return pipe;
  }
  void Order(uint32_t server, uint64_t chunk) {
    pb::Order order;
    order.mutable_delete_()->set_chunk_id(chunk);
    orders_.Send(ServerId(server), std::move(order),
                 [this](const auto& result) { results_.push_back(result.status()); });
  }

  OrderDispatcher orders_;
  std::vector<absl::Status> results_;
};

TEST_F(OrderDispatcherTest, OrdersGoAtOnceAndInTheirOrder) {
  const auto pipe = Attach(1);
  Order(1, 10);
  Order(1, 11);
  EXPECT_THAT(pipe->chunks, ElementsAre(10, 11));
}

// What would follow it belongs to no other master afterwards: so the first server that comes to an
// old copy gets nothing before others have come, who may know that it is one.
TEST_F(OrderDispatcherTest, AfterAStartOrdersWaitForEnoughServers) {
  orders_.HoldUntil(2);
  const auto first = Attach(1);
  Order(1, 10);
  Order(1, 11);
  const auto again = Attach(1);
  EXPECT_EQ(results_.size(), 2u) << "the session of those orders has broken";
  Order(1, 12);
  EXPECT_TRUE(orders_.holds()) << "the same server is no second one";
  EXPECT_THAT(first->chunks, IsEmpty());
  EXPECT_THAT(again->chunks, IsEmpty());
  const auto second = Attach(2);
  EXPECT_FALSE(orders_.holds());
  Order(2, 20);
  Order(1, 13);
  EXPECT_THAT(again->chunks, ElementsAre(12, 13));
  EXPECT_THAT(second->chunks, ElementsAre(20));
}

TEST_F(OrderDispatcherTest, AMasterThatIsFoundToBeOldHasGivenNone) {
  orders_.HoldUntil(2);
  const auto pipe = Attach(1);
  Order(1, 10);
  orders_.Halt(FailedPreconditionError("old"));
  EXPECT_TRUE(pipe->cancelled);
  EXPECT_TRUE(orders_.Detach(ServerId(1), pipe.get()));
  ASSERT_EQ(results_.size(), 1u);
  EXPECT_FALSE(results_[0].ok());
  orders_.Release();
  EXPECT_THAT(pipe->chunks, IsEmpty());
}

TEST_F(OrderDispatcherTest, ServersThatDoNotComeAreNotWaitedForForEver) {
  orders_.HoldUntil(3);
  const auto pipe = Attach(1);
  Order(1, 10);
  orders_.Release();
  EXPECT_THAT(pipe->chunks, ElementsAre(10));
  Order(1, 11);
  EXPECT_THAT(pipe->chunks, ElementsAre(10, 11));
  EXPECT_THAT(results_, IsEmpty());
}

TEST_F(OrderDispatcherTest, ANewClusterWaitsForNobody) {
  orders_.HoldUntil(0);
  EXPECT_FALSE(orders_.holds());
  const auto pipe = Attach(1);
  Order(1, 10);
  EXPECT_THAT(pipe->chunks, ElementsAre(10));
}

}  // namespace
}  // namespace quern::master
