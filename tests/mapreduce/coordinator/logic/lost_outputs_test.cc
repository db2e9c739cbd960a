// What the scheduler makes of map outputs that are lost while reduces run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/mapreduce/coordinator/logic/scheduler_fixture.h"

namespace quern::mr {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(TaskSchedulerTest, TakesNoSlotFromAReduceForAMapThatRests) {
  AddWorker(1, 1);
  scheduler_.AddJob(kJob, Plan(1, 1));
  constexpr uint32_t kTimes = JobTasks::kMaxEnvironmentFailures;
  for (uint32_t number = 0; number < kTimes; ++number) {
    ASSERT_THAT(Assign(absl::Minutes(number)).started, SizeIs(1));
    scheduler_.Failed(Map(0, number), Fault::kEnvironment, kStart + absl::Minutes(number));
  }
  const absl::Duration last = absl::Minutes(kTimes - 1);
  const AttemptRef reduce{kJob, TaskKind::kReduce, 0, 0};
  scheduler_.RestoreStarted(reduce, WorkerKey(1), Locality::kAny, kStart + last);
  EXPECT_THAT(Assign(last + absl::Seconds(59)).preempted, IsEmpty());
  EXPECT_EQ(scheduler_.NextWake(), kStart + last + absl::Minutes(1));
  const Assignments after = Assign(last + absl::Minutes(1));
  EXPECT_THAT(after.preempted, ElementsAre(Starts(reduce)));
  EXPECT_THAT(after.started, ElementsAre(Starts(Map(0, kTimes))));
}

TEST_F(TaskSchedulerTest, RunsMapsAgainWhoseOutputDiedWithTheirWorker) {
  AddWorker(1, 2);
  AddWorker(2, 2);
  scheduler_.AddJob(kJob, Plan(2, 1));
  Assign();
  scheduler_.Succeeded(Map(0), kStart);
  scheduler_.Succeeded(Map(1), kStart);
  Assign();
  const WorkerLoss loss = scheduler_.RemoveWorker(WorkerKey(1), kStart);
  EXPECT_THAT(loss.lost, SizeIs(2));
  EXPECT_EQ(maps().reruns, 2u);
  RunAll();
  EXPECT_EQ(maps().done, 2u);
}

TEST_F(TaskSchedulerTest, LeavesFinishedReducesAndMapOnlyOutputAloneWhenTheirWorkerDies) {
  AddWorker(1, 2);
  scheduler_.AddJob(kJob, Plan(2, 1));
  RunAll();
  EXPECT_THAT(scheduler_.RemoveWorker(WorkerKey(1), kStart).lost, IsEmpty());
  EXPECT_EQ(reduces().done, 1u);
  AddWorker(2, 2);
  scheduler_.AddJob(JobKey(2), Plan(2, 0));
  RunAll();
  EXPECT_THAT(scheduler_.RemoveWorker(WorkerKey(2), kStart).lost, IsEmpty());
}

TEST_F(TaskSchedulerTest, TakesSlotsBackFromReducesWhenMapsMustRunAgain) {
  AddWorker(1, 4);
  scheduler_.AddJob(kJob, Plan(4, 4));
  Assign();
  for (uint32_t i = 0; i < 4; ++i) scheduler_.Succeeded(Map(i), kStart);
  ASSERT_THAT(Assign().started, SizeIs(4));
  for (uint32_t i = 0; i < 4; ++i) scheduler_.OutputLost(kJob, i, Loss::kWorkerLost);
  const Assignments assignments = Assign();
  EXPECT_THAT(assignments.preempted, SizeIs(2)) << "half of the slots";
  EXPECT_EQ(maps().running_attempts, 2u);
  EXPECT_EQ(reduces().running_attempts, 2u);
  EXPECT_EQ(reduces().failed_attempts, 0u);
}

// One map is lost while the only free slot is where nobody could fetch it from.
TEST_F(TaskSchedulerTest, TakesASlotBackWhenTheFreeOneIsWhereTheMapsOutputCouldNotBeFetched) {
  AddWorker(1, 1);
  AddWorker(2, 1);
  scheduler_.AddJob(kJob, Plan(2, 1));
  Assign();
  scheduler_.Succeeded(Map(0), kStart);
  ASSERT_THAT(Assign().started, SizeIs(2)) << "the other map, and the reduce beside it";
  scheduler_.Succeeded(Map(1), kStart);
  scheduler_.OutputLost(kJob, 0, Loss::kUnreachable);
  const Assignments assignments = Assign();
  ASSERT_THAT(assignments.preempted, SizeIs(1));
  ASSERT_THAT(assignments.started, SizeIs(1));
  EXPECT_EQ(assignments.started[0].attempt, Map(0, 1));
  EXPECT_EQ(assignments.started[0].worker, WorkerKey(2));
  const auto again = Assign().started;
  ASSERT_THAT(again, SizeIs(1)) << "the reduce has the slot that the map did not want";
  EXPECT_EQ(again[0].worker, WorkerKey(1));
}

TEST_F(TaskSchedulerTest, TakesASlotBackWhenTheFreeOneIsOfAWorkerThatRestsForLong) {
  AddWorker(1, 1);
  AddWorker(2, 1);
  scheduler_.AddJob(kJob, Plan(2, 1));
  Assign();
  scheduler_.Succeeded(Map(0), kStart);
  Assign();
  scheduler_.Succeeded(Map(1), kStart);
  scheduler_.Unreachable(WorkerKey(1), kStart);
  scheduler_.OutputLost(kJob, 1, Loss::kWorkerLost);
  const Assignments assignments = Assign();
  EXPECT_THAT(assignments.preempted, SizeIs(1));
  ASSERT_THAT(assignments.started, SizeIs(1));
  EXPECT_EQ(assignments.started[0].worker, WorkerKey(2));
}

TEST_F(TaskSchedulerTest, StopsNoReduceForAMapThatAFreeWorkerTakesInAMoment) {
  AddWorker(1, 1);
  AddWorker(2, 1);
  scheduler_.AddJob(kJob, Plan(2, 1));
  Assign();
  scheduler_.Succeeded(Map(0), kStart);
  Assign();
  scheduler_.Failed(Map(1), Fault::kEnvironment, kStart);
  EXPECT_THAT(Assign().preempted, IsEmpty()) << "the free worker rests for half a second";
  const Assignments later = Assign(absl::Seconds(6));
  EXPECT_THAT(later.preempted, IsEmpty());
  ASSERT_THAT(later.started, SizeIs(1));
  EXPECT_EQ(later.started[0].worker, WorkerKey(1));
}

// Both reduces run where the lost output could not be fetched from, and no slot is free elsewhere.
TEST_F(TaskSchedulerTest, RunsALostMapInTheSamePlaceWhenThereIsNoOther) {
  AddWorker(1, 2);
  scheduler_.AddJob(kJob, Plan(1, 2));
  Assign();
  scheduler_.Succeeded(Map(0), kStart);
  ASSERT_THAT(Assign().started, SizeIs(1));
  AddWorker(2, 1);
  scheduler_.AddJob(JobKey(2), Plan(1, 0, PlaceId(2)));
  ASSERT_THAT(Assign().started, SizeIs(1)) << "another job has the other worker";
  scheduler_.OutputLost(kJob, 0, Loss::kUnreachable);
  const Assignments assignments = Assign();
  EXPECT_THAT(assignments.preempted, SizeIs(1));
  ASSERT_THAT(assignments.started, SizeIs(1));
  EXPECT_EQ(assignments.started[0].attempt, Map(0, 1));
  EXPECT_EQ(assignments.started[0].worker, WorkerKey(1));
}

TEST_F(TaskSchedulerTest, RestsAWorkerWhoseOutputsCannotBeFetched) {
  AddWorker(1, 1);
  scheduler_.AddJob(kJob, Plan(2, 1));
  Assign();
  scheduler_.Succeeded(Map(0), kStart);
  EXPECT_THAT(scheduler_.OutputsOn(WorkerKey(1), kJob), ElementsAre(Map(0)));
  scheduler_.OutputLost(kJob, 0, Loss::kUnreachable);
  EXPECT_THAT(scheduler_.OutputsOn(WorkerKey(1), kJob), IsEmpty());
  EXPECT_FALSE(scheduler_.Succeeded(Map(0), kStart).chosen) << "whatever its worker says";
  scheduler_.Unreachable(WorkerKey(1), kStart);
  EXPECT_THAT(Assign(absl::Seconds(29)).started, IsEmpty());
  EXPECT_THAT(Assign(absl::Seconds(31)).started, SizeIs(1));
}

}  // namespace
}  // namespace quern::mr
