#include "mapreduce/task/fetch_queue.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/random_test.h"

namespace quern::mr {
namespace {

using ::testing::ElementsAre;
using Batch = FetchQueue::Batch;

constexpr absl::Time kStart = absl::UnixEpoch();

TEST(FetchQueueTest, AsksEveryWorkerOnceAtATimeAndNoMoreThanAllowed) {
  FetchQueue queue(6, {.max_batches = 2, .batch_outputs = 2});
  EXPECT_FALSE(queue.NextBatch(kStart).has_value());
  for (uint32_t output = 0; output < 5; ++output) queue.Announce(output, "a");
  queue.Announce(5, "b");
  const auto first = queue.NextBatch(kStart);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->address, "a");
  EXPECT_THAT(first->outputs, ElementsAre(0, 1));
  EXPECT_EQ(queue.NextBatch(kStart)->address, "b");
  EXPECT_FALSE(queue.NextBatch(kStart).has_value());
  queue.Done(5);
  queue.EndBatch("b");
  EXPECT_FALSE(queue.NextBatch(kStart).has_value()) << "a is being asked, b has nothing";
  queue.Done(0);
  queue.Done(1);
  queue.EndBatch("a");
  EXPECT_THAT(queue.NextBatch(kStart)->outputs, ElementsAre(2, 3));
}

TEST(FetchQueueTest, WaitsLongerAfterEachFailureAndForgetsThemWithANewAnnouncement) {
  FetchQueue queue(1, {.first_pause = absl::Seconds(1), .longest_pause = absl::Seconds(3)});
  queue.Announce(0, "a");
  absl::Time now = kStart;
  int failures = 0;
  for (const int pause : {1, 2, 3, 3}) {
    ASSERT_TRUE(queue.NextBatch(now).has_value());
    EXPECT_EQ(queue.Failed(0, now), ++failures);
    queue.EndBatch("a");
    EXPECT_EQ(queue.next_retry(), now + absl::Seconds(pause));
    EXPECT_FALSE(queue.NextBatch(now + absl::Seconds(pause) - absl::Milliseconds(1)).has_value());
    now += absl::Seconds(pause);
  }
  queue.Announce(0, "b");
  EXPECT_EQ(queue.NextBatch(now)->address, "b");
  EXPECT_EQ(queue.Failed(0, now), 1);
}

TEST(FetchQueueTest, AnOutputThatMovesWhileItIsAskedForIsAskedForAgainThere) {
  FetchQueue queue(1, {});
  queue.Announce(0, "a");
  ASSERT_TRUE(queue.NextBatch(kStart).has_value());
  queue.Announce(0, "b");
  EXPECT_FALSE(queue.NextBatch(kStart).has_value()) << "still in the batch";
  queue.Release(0);
  queue.EndBatch("a");
  EXPECT_EQ(queue.NextBatch(kStart)->address, "b");
}

class FetchQueueRandomTest : public RandomTest {};

// Every output gets done, none is in two batches, whatever fails and moves.
TEST_F(FetchQueueRandomTest, EveryOutputIsFetchedOnceWhateverHappens) {
  for (int round = 0; round < 50; ++round) {
    const auto outputs = static_cast<uint32_t>(1 + Below(300));
    const uint64_t workers = 1 + Below(10);
    const size_t max_batches = 1 + Below(4);
    FetchQueue queue(outputs, {.max_batches = max_batches, .batch_outputs = 1 + Below(50)});
    absl::Time now = kStart;
    std::vector<Batch> under_way;
    std::set<uint32_t> asked;
    uint32_t done = 0;
    for (int step = 0; done < outputs; ++step) {
      ASSERT_LT(step, 200'000);
      // Each is announced in the end, and now and then moves.
      const uint32_t output = step < static_cast<int>(outputs)
                                  ? static_cast<uint32_t>(step)
                                  : static_cast<uint32_t>(Below(outputs));
      if (step < static_cast<int>(outputs) || OneIn(50)) {
        queue.Announce(output, fmt::format("worker{}", Below(workers)));
      }
      while (std::optional<Batch> batch = queue.NextBatch(now)) {
        for (const Batch& other : under_way) ASSERT_NE(other.address, batch->address);
        for (const uint32_t one : batch->outputs) ASSERT_TRUE(asked.insert(one).second);
        under_way.push_back(*std::move(batch));
      }
      ASSERT_LE(under_way.size(), max_batches);
      ASSERT_EQ(queue.batches(), under_way.size());
      if (under_way.empty()) {
        if (queue.next_retry() < absl::InfiniteFuture()) now = std::max(now, queue.next_retry());
        continue;
      }
      Batch& batch = under_way[Below(under_way.size())];
      const uint32_t last = batch.outputs.back();
      batch.outputs.pop_back();
      asked.erase(last);
      if (OneIn(4)) {
        queue.Failed(last, now);
      } else if (OneIn(10)) {
        queue.Release(last);
      } else {
        queue.Done(last);
        ++done;
      }
      if (!batch.outputs.empty()) continue;
      queue.EndBatch(batch.address);
      std::swap(batch, under_way.back());
      under_way.pop_back();
    }
    for (uint32_t output = 0; output < outputs; ++output) EXPECT_TRUE(queue.done(output));
  }
}

TEST(FetchQueueTest, AReducerOver200000MapsTakesUpEachEntryOnce) {
  constexpr uint32_t kMaps = 200'000;
  FetchQueue queue(kMaps, {});
  absl::Time now = kStart;
  uint32_t announced = 0;
  uint32_t done = 0;
  uint64_t asked = 0;
  while (done < kMaps) {
    // They come in as the maps end, from 2,000 workers; one of 20 fails at first.
    for (int i = 0; i < 100 && announced < kMaps; ++i, ++announced) {
      queue.Announce(announced, fmt::format("worker{}:9000", announced * 7919u % 2000));
    }
    while (std::optional<Batch> batch = queue.NextBatch(now)) {
      for (const uint32_t output : batch->outputs) {
        if (++asked % 20 == 0) {
          queue.Failed(output, now);
        } else {
          queue.Done(output);
          ++done;
        }
      }
      queue.EndBatch(batch->address);
    }
    now += absl::Milliseconds(20);
  }
  EXPECT_EQ(asked, kMaps + kMaps / 19) << "one of 20 that are asked for fails";
  // Each is taken up when it is asked for, a failed one when its pause is over; and a worker's
  // turn.
  EXPECT_LE(queue.steps(), 3 * asked);
}

}  // namespace
}  // namespace quern::mr
