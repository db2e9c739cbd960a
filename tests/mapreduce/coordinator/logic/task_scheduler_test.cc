// Each rule of the scheduler by a small case.
#include "mapreduce/coordinator/logic/task_scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/mapreduce/coordinator/logic/scheduler_fixture.h"

namespace quern::mr {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(TaskSchedulerTest, RunsEightEqualMapsInExactlyEightAttempts) {
  for (uint32_t i = 1; i <= 4; ++i) AddWorker(i, 2);
  scheduler_.AddJob(kJob, Plan(8, 0));
  EXPECT_EQ(RunAll(), 8u);
  EXPECT_TRUE(scheduler_.job(kJob)->AllDone());
  EXPECT_THAT(scheduler_.job(kJob)->attempts(TaskKind::kMap), SizeIs(8));
}

TEST_F(TaskSchedulerTest, PutsAMapOnTheMachineOfItsData) {
  AddWorker(1, 1);
  AddWorker(2, 1);
  scheduler_.AddJob(kJob, Plan(1, 0, PlaceId(2)));
  const Assignments assignments = Assign();
  ASSERT_THAT(assignments.started, SizeIs(1));
  EXPECT_EQ(assignments.started[0].worker, WorkerKey(2));
  EXPECT_EQ(assignments.started[0].locality, Locality::kNode);
}

TEST_F(TaskSchedulerTest, WaitsShortlyForTheDatasMachineThenTakesTheRackThenAny) {
  AddWorker(1, 1);
  scheduler_.AddJob(kJob, Plan(3, 0));
  ASSERT_THAT(Assign().started, SizeIs(1));
  AddWorker(2, 1, kRackA);
  AddWorker(3, 1, kRackB);
  EXPECT_THAT(Assign().started, IsEmpty());
  EXPECT_EQ(scheduler_.NextWake(), kStart + absl::Milliseconds(100));
  const auto started = Assign(absl::Milliseconds(100)).started;
  ASSERT_THAT(started, SizeIs(2));
  EXPECT_EQ(started[0].locality, Locality::kRack);
  EXPECT_EQ(started[1].locality, Locality::kAny);
}

TEST_F(TaskSchedulerTest, WaitsForItsDataNoLongerWhenSeveralJobsHaveItElsewhere) {
  AddWorker(1, 1);
  scheduler_.AddJob(kJob, Plan(2, 0));
  scheduler_.AddJob(JobKey(2), Plan(1, 0));
  ASSERT_THAT(Assign().started, SizeIs(1));
  AddWorker(2, 2);
  EXPECT_THAT(Assign().started, IsEmpty());
  EXPECT_THAT(Assign(absl::Milliseconds(100)).started, SizeIs(2));
}

TEST_F(TaskSchedulerTest, SaysWhyNothingOfAJobRuns) {
  using Why = IdleJob::Why;
  const auto why = [&] { return WhyIdle(kJob, kStart).why; };
  EXPECT_EQ(why(), Why::kNotIdle) << "there is no such job";
  scheduler_.AddJob(kJob, Plan(1, 1));
  EXPECT_EQ(why(), Why::kNoWorker);
  AddWorker(1, 1);
  EXPECT_EQ(why(), Why::kNotIdle) << "its task starts in a moment";
  scheduler_.PauseWorker(WorkerKey(1));
  EXPECT_EQ(why(), Why::kNoWorker) << "none that takes tasks";
  scheduler_.ResumeWorker(WorkerKey(1));
  ASSERT_THAT(Assign().started, SizeIs(1));
  EXPECT_EQ(why(), Why::kNotIdle) << "it runs";
  scheduler_.Failed(Map(0), Fault::kEnvironment, kStart);
  EXPECT_EQ(why(), Why::kResting);
  EXPECT_EQ(WhyIdle(kJob, kStart).until, scheduler_.rests_until(WorkerKey(1)));
  EXPECT_EQ(WhyIdle(kJob, scheduler_.rests_until(WorkerKey(1))).why, Why::kNotIdle);
}

TEST_F(TaskSchedulerTest, AJobIsIdleWhenOthersHaveEverySlot) {
  constexpr JobKey kLater{2};
  AddWorker(1, 1);
  scheduler_.AddJob(kJob, Plan(1, 0));
  ASSERT_THAT(Assign().started, SizeIs(1));
  scheduler_.AddJob(kLater, Plan(1, 0));
  EXPECT_EQ(WhyIdle(kLater, kStart).why, IdleJob::Why::kBusy);
  scheduler_.Succeeded(Map(0), kStart);
  EXPECT_EQ(WhyIdle(kJob, kStart).why, IdleJob::Why::kNotIdle) << "nothing waits";
  EXPECT_EQ(WhyIdle(kLater, kStart).why, IdleJob::Why::kNotIdle);
}

TEST_F(TaskSchedulerTest, DoesNotWaitForAMachineThatHasNoWorker) {
  AddWorker(2, 1);
  scheduler_.AddJob(kJob, Plan(1, 0, PlaceId(9)));
  EXPECT_THAT(Assign().started, SizeIs(1));
}

TEST_F(TaskSchedulerTest, SpreadsASmallJobOverTheMachines) {
  AddWorker(1, 4);
  AddWorker(2, 4);
  JobPlan plan;
  plan.maps.resize(2);
  scheduler_.AddJob(kJob, std::move(plan));
  const auto started = Assign().started;
  ASSERT_THAT(started, SizeIs(2));
  EXPECT_NE(started[0].worker, started[1].worker);
}

TEST_F(TaskSchedulerTest, StartsReducesWhileTheLastMapsRunButNeverBeforeAWaitingMap) {
  AddWorker(1, 2);
  scheduler_.AddJob(kJob, Plan(8, 1));
  for (uint32_t done = 0; done < 6; ++done) {
    Assign();
    EXPECT_EQ(reduces().running_attempts, 0u) << "after " << done << " maps";
    scheduler_.Succeeded(Map(done), kStart);
  }
  Assign();
  EXPECT_EQ(maps().running_attempts, 2u);
  scheduler_.Succeeded(Map(6), kStart);
  Assign();
  EXPECT_EQ(reduces().running_attempts, 1u);
}

TEST_F(TaskSchedulerTest, FailsTheJobAfterTheLimitOfFailuresOfUserCodeOnly) {
  AddWorker(1, 1);
  scheduler_.AddJob(kJob, Plan(1, 0));
  Assign();
  scheduler_.Killed(Map(0, 0), Stop::kKilled, kStart);
  Assign();
  EXPECT_FALSE(scheduler_.Failed(Map(0, 1), Fault::kEnvironment, kStart));
  EXPECT_THAT(Assign().started, IsEmpty()) << "the worker rests";
  for (uint32_t number = 2; number < 5; ++number) {
    ASSERT_THAT(Assign(absl::Seconds(1)).started, SizeIs(1));
    EXPECT_FALSE(scheduler_.Failed(Map(0, number), Fault::kUserCode, kStart));
  }
  Assign(absl::Seconds(1));
  EXPECT_TRUE(scheduler_.Failed(Map(0, 5), Fault::kUserCode, kStart));
}

TEST_F(TaskSchedulerTest, FailuresOfTheEnvironmentEndTheJobAfterAnHourOnly) {
  for (uint32_t i = 1; i <= 50; ++i) AddWorker(i, 2);
  scheduler_.AddJob(kJob, Plan(1, 0));
  EXPECT_GE(FailAround(absl::ZeroDuration(), absl::Hours(2)), absl::Hours(1));
  EXPECT_LT(maps().failed_attempts, 200u) << "however many workers there are";
}

TEST_F(TaskSchedulerTest, ASuccessBeginsTheHourAnew) {
  AddWorker(1, 1);
  scheduler_.AddJob(kJob, Plan(1, 1));
  EXPECT_EQ(FailAround(absl::ZeroDuration(), absl::Minutes(55)), absl::Minutes(55));
  const auto started = Assign(absl::Minutes(57)).started;
  ASSERT_THAT(started, SizeIs(1));
  EXPECT_TRUE(scheduler_.Succeeded(started[0].attempt, kStart + absl::Minutes(57)).chosen);
  scheduler_.OutputLost(kJob, 0, Loss::kWorkerLost);
  EXPECT_GE(FailAround(absl::Minutes(57), absl::Hours(3)), absl::Minutes(117));
}

// There was no room for most of an hour; now there is, and the user's code has its first chance.
TEST_F(TaskSchedulerTest, AFailureOfUserCodeIsNoneOfTheEnvironment) {
  for (const Fault fault : {Fault::kUserCode, Fault::kBadRecord}) {
    SCOPED_TRACE(static_cast<int>(fault));
    scheduler_ = TaskScheduler();
    AddWorker(1, 1);
    scheduler_.AddJob(kJob, Plan(1, 0));
    EXPECT_EQ(FailAround(absl::ZeroDuration(), absl::Minutes(50)), absl::Minutes(50));
    EXPECT_GE(maps().failed_attempts, JobTasks::kMaxEnvironmentFailures);
    const auto started = Assign(absl::Minutes(51)).started;
    ASSERT_THAT(started, SizeIs(1));
    EXPECT_FALSE(scheduler_.Failed(started[0].attempt, fault, kStart + absl::Minutes(66)));
    EXPECT_GE(FailAround(absl::Minutes(67), absl::Hours(4)), absl::Minutes(127)) << "anew";
  }
}

// A short outage costs a task many attempts on many workers; what runs well for hours afterwards
// shows that it is over.
TEST_F(TaskSchedulerTest, AnAttemptThatRanForLongEndsTheFailuresBeforeIt) {
  for (uint32_t i = 1; i <= 50; ++i) AddWorker(i, 1);
  scheduler_.AddJob(kJob, Plan(1, 0));
  absl::Duration at;
  for (; maps().failed_attempts + 1 < JobTasks::kMaxEnvironmentFailures; at += absl::Seconds(1)) {
    for (const Placed& placed : Assign(at).started) {
      EXPECT_FALSE(scheduler_.Failed(placed.attempt, Fault::kEnvironment, kStart + at));
    }
    ASSERT_LT(at, absl::Minutes(5));
  }
  const auto started = Assign(at).started;
  ASSERT_THAT(started, SizeIs(1));
  EXPECT_FALSE(scheduler_.Failed(started[0].attempt, Fault::kEnvironment, kStart + absl::Hours(2)));
  EXPECT_THAT(Assign(absl::Hours(2)).started, SizeIs(1)) << "it does not rest";
}

TEST_F(TaskSchedulerTest, AttemptsThatAllFailAfterLongEndTheJobAsWell) {
  AddWorker(1, 1);
  scheduler_.AddJob(kJob, Plan(1, 0));
  uint32_t failures = 0;
  for (absl::Duration at; failures < 100; at += absl::Minutes(12)) {
    const auto started = Assign(at).started;
    ASSERT_THAT(started, SizeIs(1)) << at;
    ++failures;
    const absl::Time end = kStart + at + absl::Minutes(10);
    if (scheduler_.Failed(started[0].attempt, Fault::kEnvironment, end)) break;
  }
  EXPECT_EQ(failures, JobTasks::kMaxEnvironmentFailures);
}

TEST_F(TaskSchedulerTest, ATaskThatRestsHoldsUpNoOther) {
  AddWorker(1, 1);
  scheduler_.AddJob(kJob, Plan(2, 0));
  for (uint32_t number = 0; number < JobTasks::kMaxEnvironmentFailures; ++number) {
    ASSERT_THAT(Assign(absl::Minutes(number)).started, ElementsAre(Starts(Map(0, number))));
    scheduler_.Failed(Map(0, number), Fault::kEnvironment, kStart + absl::Minutes(number));
  }
  const absl::Duration last = absl::Minutes(JobTasks::kMaxEnvironmentFailures - 1);
  EXPECT_THAT(Assign(last + absl::Seconds(30)).started, ElementsAre(Starts(Map(1))));
  scheduler_.Succeeded(Map(1), kStart + last + absl::Seconds(40));
  EXPECT_THAT(Assign(last + absl::Seconds(50)).started, IsEmpty());
  EXPECT_EQ(scheduler_.NextWake(), kStart + last + absl::Minutes(1));
  EXPECT_THAT(Assign(last + absl::Minutes(1)).started, SizeIs(1));
}

TEST_F(TaskSchedulerTest, FailsTheJobAtOnceWhenNoOtherAttemptCouldDoBetter) {
  AddWorker(1, 1);
  scheduler_.AddJob(kJob, Plan(1, 0));
  Assign();
  EXPECT_TRUE(scheduler_.Failed(Map(0, 0), Fault::kUserCodeForGood, kStart));
}

// A power cut took what a coordinator knew; the worker of the reduce registers first.
TEST_F(TaskSchedulerTest, IsNotDoneBeforeItIsKnownWhatCameOfEveryMap) {
  AddWorker(1, 2);
  scheduler_.AddJob(kJob, Plan(2, 1));
  const AttemptRef reduce{kJob, TaskKind::kReduce, 0, 0};
  ASSERT_TRUE(scheduler_.RestoreStarted(reduce, WorkerKey(1), Locality::kAny, kStart));
  ASSERT_TRUE(scheduler_.Succeeded(reduce, kStart).chosen);
  EXPECT_FALSE(scheduler_.job(kJob)->AllDone());
  ASSERT_TRUE(scheduler_.RestoreStarted(Map(0), WorkerKey(1), Locality::kAny, kStart));
  ASSERT_TRUE(scheduler_.Succeeded(Map(0), kStart).chosen);
  EXPECT_FALSE(scheduler_.job(kJob)->AllDone());
  EXPECT_EQ(RunAll(), 1u) << "the other map, of which nobody has heard";
  EXPECT_TRUE(scheduler_.job(kJob)->AllDone());
  scheduler_.OutputLost(kJob, 0, Loss::kWorkerLost);
  EXPECT_TRUE(scheduler_.job(kJob)->AllDone()) << "no reduce needs it any more";
}

TEST_F(TaskSchedulerTest, KeepsWhatAReturningWorkerStillHas) {
  AddWorker(1, 3);
  scheduler_.AddJob(kJob, Plan(3, 1));
  Assign();
  scheduler_.Succeeded(Map(0), kStart);
  scheduler_.Succeeded(Map(1), kStart);
  const WorkerLoss loss =
      scheduler_.Reconcile(WorkerKey(1), {Map(0), Map(2)}, Comeback::kNewProcess, kStart);
  EXPECT_THAT(loss.lost, ElementsAre(Map(1)));
  EXPECT_EQ(loss.interrupted.size(), scheduler_.job(kJob)->attempts(TaskKind::kReduce).size());
  EXPECT_EQ(maps().done, 1u);
  EXPECT_EQ(maps().running_attempts, 1u);
}

TEST_F(TaskSchedulerTest, ChoosesExactlyOneAttemptAndKillsTheOthers) {
  AddWorker(1, 1);
  AddWorker(2, 1);
  scheduler_.AddJob(kJob, Plan(1, 0));
  Assign();
  // The worker is silent and given up; its attempt goes on all the same and ends first.
  scheduler_.RemoveWorker(WorkerKey(1), kStart);
  Assign(absl::Seconds(1));
  const auto first = scheduler_.Succeeded(Map(0, 0), kStart);
  EXPECT_TRUE(first.chosen);
  ASSERT_THAT(first.obsolete, SizeIs(1));
  EXPECT_EQ(first.obsolete[0].attempt, Map(0, 1));
  EXPECT_FALSE(scheduler_.Succeeded(Map(0, 1), kStart).chosen);
  EXPECT_FALSE(scheduler_.Succeeded(Map(0, 0), kStart).chosen) << "a message may come twice";
  EXPECT_TRUE(scheduler_.Validate().ok()) << scheduler_.Validate();
}

TEST_F(TaskSchedulerTest, HoldsMapsBackUntilTheSamplesAreIn) {
  AddWorker(1, 4);
  JobPlan plan = Plan(2, 1);
  plan.samples.resize(1);
  scheduler_.AddJob(kJob, std::move(plan));
  auto started = Assign().started;
  ASSERT_THAT(started, SizeIs(1));
  EXPECT_EQ(started[0].attempt.kind, TaskKind::kSample);
  scheduler_.Succeeded(started[0].attempt, kStart);
  EXPECT_THAT(Assign().started, IsEmpty());
  scheduler_.ReleaseMaps(kJob);
  EXPECT_THAT(Assign().started, SizeIs(2));
}

TEST_F(TaskSchedulerTest, StartsNothingOnAPausedWorker) {
  AddWorker(1, 1);
  scheduler_.PauseWorker(WorkerKey(1));
  scheduler_.AddJob(kJob, Plan(1, 0));
  EXPECT_THAT(Assign().started, IsEmpty());
  AddWorker(1, 1);
  EXPECT_THAT(Assign().started, SizeIs(1));
}

TEST_F(TaskSchedulerTest, FreesTheSlotsOfARemovedJob) {
  AddWorker(1, 1);
  scheduler_.AddJob(kJob, Plan(2, 0));
  Assign();
  scheduler_.AddJob(JobKey(2), Plan(1, 0));
  EXPECT_THAT(Assign().started, IsEmpty());
  const auto tasks = scheduler_.RemoveJob(kJob, kStart);
  EXPECT_EQ(tasks->counts(TaskKind::kMap).running_attempts, 0u);
  ASSERT_THAT(Assign().started, SizeIs(1));
}

TEST_F(TaskSchedulerTest, LetsAnotherWorkerTryWhatFailed) {
  AddWorker(1, 1);
  AddWorker(2, 1);
  scheduler_.AddJob(kJob, Plan(2, 0));
  ASSERT_THAT(Assign().started, SizeIs(1)) << "beside its data; the other worker waits a moment";
  scheduler_.Failed(Map(0), Fault::kUserCode, kStart);
  auto started = Assign().started;
  ASSERT_THAT(started, SizeIs(1));
  EXPECT_EQ(started[0].attempt, Map(1)) << "the one that failed here is passed over";
  started = Assign(absl::Milliseconds(200)).started;
  ASSERT_THAT(started, SizeIs(1));
  EXPECT_EQ(started[0].attempt, Map(0, 1));
  EXPECT_EQ(started[0].worker, WorkerKey(2));
}

TEST_F(TaskSchedulerTest, TriesAgainInTheSamePlaceWhenThereIsNoOther) {
  AddWorker(1, 1);
  scheduler_.AddJob(kJob, Plan(1, 0));
  Assign();
  scheduler_.Failed(Map(0), Fault::kUserCode, kStart);
  EXPECT_THAT(Assign().started, SizeIs(1));
}

TEST_F(TaskSchedulerTest, PutsAWorkerOnProbationAfterItsRest) {
  AddWorker(1, 4);
  scheduler_.AddJob(kJob, Plan(4, 0));
  ASSERT_THAT(Assign().started, SizeIs(4));
  for (uint32_t task = 0; task < 4; ++task) {
    scheduler_.Failed(Map(task), Fault::kWorker, kStart);
  }
  EXPECT_THAT(Assign(absl::Seconds(3)).started, IsEmpty()) << "it rests longer each time";
  const auto trial = Assign(absl::Seconds(5)).started;
  ASSERT_THAT(trial, SizeIs(1));
  EXPECT_THAT(Assign(absl::Seconds(6)).started, IsEmpty()) << "one at a time";
  scheduler_.Succeeded(trial[0].attempt, kStart + absl::Seconds(6));
  EXPECT_THAT(Assign(absl::Seconds(6)).started, SizeIs(3));
}

TEST_F(TaskSchedulerTest, CountsWorkersThatDieUnderATask) {
  scheduler_.AddJob(kJob, Plan(1, 0));
  for (uint32_t death = 1; death <= JobTasks::kMaxWorkerLosses; ++death) {
    AddWorker(death, 1);
    const auto started = Assign(absl::Seconds(death)).started;
    ASSERT_THAT(started, SizeIs(1));
    scheduler_.running()->Launched(started[0].attempt, WorkerKey(death), death, absl::Hours(1),
                                   kStart);
    const WorkerLoss loss = scheduler_.RemoveWorker(WorkerKey(death), kStart);
    ASSERT_THAT(loss.interrupted, SizeIs(1));
    EXPECT_EQ(loss.interrupted[0].fatal, death == JobTasks::kMaxWorkerLosses);
  }
}

TEST_F(TaskSchedulerTest, NumbersAttemptsBeyondThoseOfAnOlderCoordinator) {
  AddWorker(1, 2);
  scheduler_.AddJob(kJob, Plan(2, 0));
  ASSERT_TRUE(scheduler_.RestoreStarted(Map(0, 0), WorkerKey(1), Locality::kAny, kStart));
  scheduler_.SetFirstNumber(kJob, 1000);
  const auto started = Assign().started;
  ASSERT_THAT(started, SizeIs(1));
  EXPECT_EQ(started[0].attempt, Map(1, 1000));
  EXPECT_TRUE(scheduler_.RestoreStarted(Map(1, 3), WorkerKey(1), Locality::kAny, kStart))
      << "one that a power cut took from the journal";
  EXPECT_FALSE(scheduler_.RestoreStarted(Map(1, 3), WorkerKey(1), Locality::kAny, kStart));
  EXPECT_FALSE(scheduler_.RestoreStarted(Map(2, 0), WorkerKey(1), Locality::kAny, kStart));
  EXPECT_TRUE(scheduler_.Validate().ok()) << scheduler_.Validate();
}

TEST_F(TaskSchedulerTest, StartsABoundedNumberAtOnce) {
  TaskScheduler::Options options;
  options.max_starts = 3;
  TaskScheduler scheduler(options);
  scheduler.SetWorker(WorkerKey(1), {PlaceId(1), kRackA, 10});
  scheduler.AddJob(kJob, Plan(8, 0));
  EXPECT_THAT(scheduler.Assign(kStart).started, SizeIs(3));
  EXPECT_EQ(scheduler.NextWake(), kStart);
  EXPECT_THAT(scheduler.Assign(kStart).started, SizeIs(3));
  EXPECT_THAT(scheduler.Assign(kStart).started, SizeIs(2));
  EXPECT_EQ(scheduler.NextWake(), absl::InfiniteFuture());
}

}  // namespace
}  // namespace quern::mr
