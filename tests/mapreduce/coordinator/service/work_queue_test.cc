#include "mapreduce/coordinator/service/work_queue.h"

#include <absl/time/clock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>

namespace quern::mr {
namespace {

constexpr int kWaits = -1;  // the piece of work that does nothing but wait to retry
constexpr absl::Duration kPatience = absl::Seconds(60);

class WorkQueueTest : public testing::Test {
 protected:
  void Start(int threads) {
    queue_.Start("test", threads, [this](int work) { Run(work); });
  }
  void Run(int work) {
    Note(work);
    while (work == kWaits && queue_.WaitToRetry(absl::Hours(1))) continue;
  }
  void Note(int work) {
    MutexLock lock(&mutex_);
    done_.insert(work);
    changed_.SignalAll();
  }
  bool WaitFor(int work) {
    const absl::Time deadline = absl::Now() + kPatience;
    MutexLock lock(&mutex_);
    while (!done_.contains(work) && absl::Now() < deadline) {
      changed_.WaitFor(&mutex_, absl::Seconds(1));
    }
    return done_.contains(work);
  }

  Mutex mutex_;
  CondVar changed_;
  std::set<int> done_ ABSL_GUARDED_BY(mutex_);
  WorkQueue<int> queue_;
};

TEST_F(WorkQueueTest, WorkThatWasAddedBeforeTheStartIsDone) {
  for (int work = 1; work <= 3; ++work) queue_.Add(work);
  Start(/*threads=*/1);
  for (int work = 1; work <= 3; ++work) EXPECT_TRUE(WaitFor(work)) << work;
}

// One thread waits to retry and has waited for longer than the other, which is idle now and then:
// none of what is added may wake only the first.
TEST_F(WorkQueueTest, AThreadThatWaitsToRetryTakesNobodysWakeUp) {
  Start(/*threads=*/2);
  queue_.Add(kWaits);
  ASSERT_TRUE(WaitFor(kWaits));
  for (int work = 1; work <= 200; ++work) {
    queue_.Add(work);
    ASSERT_TRUE(WaitFor(work)) << work;
  }
}

TEST_F(WorkQueueTest, NoThreadWaitsWithWhatIsToBeDoneLater) {
  Start(/*threads=*/1);
  for (int work = 1; work <= 3; ++work) queue_.AddLater(work, absl::Hours(1));
  queue_.Add(4);
  EXPECT_TRUE(WaitFor(4));
  queue_.AddLater(5, absl::Milliseconds(1));
  EXPECT_TRUE(WaitFor(5)) << "though others have waited for longer";
  queue_.Shutdown();
  MutexLock lock(&mutex_);
  EXPECT_EQ(done_, (std::set<int>{4, 5}));
}

TEST_F(WorkQueueTest, ShutdownEndsAWaitAndDropsWhatHasNotBegun) {
  Start(/*threads=*/1);
  queue_.Add(kWaits);
  ASSERT_TRUE(WaitFor(kWaits));
  queue_.Add(1);
  EXPECT_FALSE(queue_.stopping());
  queue_.Shutdown();
  EXPECT_TRUE(queue_.stopping());
  MutexLock lock(&mutex_);
  EXPECT_FALSE(done_.contains(1));
}

// As the work of one queue that is being shut down may do with another.
TEST_F(WorkQueueTest, AQueueThatIsStoppedBeginsNothingAndIsNotWaitedFor) {
  WorkQueue<int> first;
  WorkQueue<int> second;
  std::atomic<bool> saw_both_stopping = false;
  first.Start("first", 1, [&](int work) {
    Note(work);
    while (first.WaitToRetry(absl::Hours(1))) continue;
    saw_both_stopping = !second.WaitToRetry(absl::Hours(1));
  });
  second.Start("second", 1, [this](int work) { Note(work); });
  first.Add(kWaits);
  ASSERT_TRUE(WaitFor(kWaits));
  second.Stop();
  first.Stop();
  second.Add(1);
  first.Shutdown();
  second.Shutdown();
  EXPECT_TRUE(saw_both_stopping);
  MutexLock lock(&mutex_);
  EXPECT_FALSE(done_.contains(1));
}

TEST_F(WorkQueueTest, NobodyWaitsInAQueueThatIsShutDown) {
  queue_.Shutdown();
  EXPECT_FALSE(queue_.WaitToRetry(absl::Hours(1)));
}

}  // namespace
}  // namespace quern::mr
