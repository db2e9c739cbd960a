// A random walk over everything that can happen to the scheduler, with Validate() after each step.
// Replay: QUERN_SEED=N build/.../tests/coordinator_logic_test --gtest_filter='*Walk*'
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

#include "mapreduce/coordinator/logic/task_scheduler.h"

namespace quern::mr {
namespace {

class Walk {
 public:
  explicit Walk(uint64_t seed) : random_(seed), workers_(Draw(2, 4)), slots_(Draw(1, 2)) {
    for (uint32_t w = 1; w <= workers_; ++w) Return(w);
    for (uint32_t j = 1; j <= 2; ++j) {
      JobPlan plan;
      plan.user = j == 1 ? "ada" : "bob";
      plan.samples.resize(j - 1);
      plan.reduces = Draw(0, 6);
      plan.max_failures = 1000;
      for (uint32_t i = Draw(1, 12); i > 0; --i) {
        plan.maps.push_back({{PlaceId(Draw(1, 5))}, {PlaceId(100 + Draw(1, 2))}});
      }
      scheduler_.AddJob(JobKey(j), std::move(plan));
    }
  }

  void Step() {
    now_ += absl::Milliseconds(Draw(1, 200));
    switch (Draw(0, 11)) {
      case 0:
        Lose(Draw(1, workers_));
        break;
      case 1:
        Return(Draw(1, workers_));
        break;
      case 2:
        scheduler_.PauseWorker(WorkerKey(Draw(1, workers_)));
        break;
      case 3:
        if (const auto a = Pick()) scheduler_.Failed(*a, Fault::kUserCode, now_);
        break;
      case 4:
        if (const auto a = Pick()) scheduler_.Killed(*a, Stop::kKilled, now_);
        break;
      case 5:
        LoseSomeOutput();
        break;
      case 6:
        if (const auto a = Pick()) scheduler_.Failed(*a, Fault::kWorker, now_);
        break;
      case 7:
        if (Draw(0, 9) == 0) scheduler_.Unreachable(WorkerKey(Draw(1, workers_)), now_);
        break;
      default:
        if (const auto a = Pick(); a && CanEnd(*a)) Succeed(*a);
    }
    Assign();
  }

  // Without further accidents everything ends, even if nobody looks before NextWake() or a change.
  bool RunsToTheEnd() {
    for (uint32_t w = 1; w <= workers_; ++w) Return(w);
    for (int step = 0; step < 3000; ++step) {
      if (AllDone()) return true;
      Assign();
      if (const auto attempt = FirstThatCanEnd()) {
        now_ += absl::Milliseconds(1);
        Succeed(*attempt);
      } else if (scheduler_.NextWake() < absl::InfiniteFuture()) {
        now_ = std::max(now_, scheduler_.NextWake());
      } else {
        return false;  // nobody would look ever again
      }
    }
    return AllDone();
  }

  absl::Status Validate() const { return scheduler_.Validate(); }

 private:
  uint32_t Draw(uint32_t low, uint32_t high) {
    return std::uniform_int_distribution<uint32_t>(low, high)(random_);
  }
  std::optional<AttemptRef> Pick() {
    if (begun_.empty()) return std::nullopt;
    return begun_[Draw(0, static_cast<uint32_t>(begun_.size() - 1))];
  }
  void Assign() {
    for (const Placed& started : scheduler_.Assign(now_).started) begun_.push_back(started.attempt);
  }
  bool AllDone() const {
    return scheduler_.job(JobKey(1))->AllDone() && scheduler_.job(JobKey(2))->AllDone();
  }
  // A reduce needs the outputs of all maps.
  bool CanEnd(const AttemptRef& attempt) const {
    const TaskCounts& maps = scheduler_.job(attempt.job)->counts(TaskKind::kMap);
    return attempt.kind != TaskKind::kReduce || maps.done == maps.total;
  }
  std::optional<AttemptRef> FirstThatCanEnd() const {
    for (const AttemptRef& ref : begun_) {
      const Attempt* attempt = scheduler_.job(ref.job)->Find(ref.kind, ref.task, ref.number);
      if (attempt->state == AttemptState::kRunning && CanEnd(ref)) return ref;
    }
    return std::nullopt;
  }
  void Return(uint32_t w) {
    scheduler_.SetWorker(WorkerKey(w), {PlaceId(w), PlaceId(100 + w % 2), slots_});
  }
  void Lose(uint32_t w) { scheduler_.RemoveWorker(WorkerKey(w), now_); }
  void LoseSomeOutput() {
    const JobKey job(Draw(1, 2));
    const uint32_t maps = scheduler_.job(job)->counts(TaskKind::kMap).total;
    const Loss why = Draw(0, 1) == 0 ? Loss::kWorkerLost : Loss::kUnreachable;
    scheduler_.OutputLost(job, Draw(0, maps - 1), why);
  }
  void Succeed(const AttemptRef& attempt) {
    const bool had = scheduler_.job(attempt.job)->Chosen(attempt.kind, attempt.task) != nullptr;
    const bool chosen = scheduler_.Succeeded(attempt, now_).chosen;
    EXPECT_FALSE(had && chosen) << "two attempts chosen for one task";
    if (attempt.kind == TaskKind::kSample) scheduler_.ReleaseMaps(attempt.job);
  }

  std::mt19937_64 random_;
  const uint32_t workers_;
  const uint32_t slots_;
  TaskScheduler scheduler_;
  absl::Time now_ = absl::UnixEpoch();
  std::vector<AttemptRef> begun_;
};

TEST(TaskSchedulerWalk, StaysValidAndAlwaysComesToAnEnd) {
  const char* fixed = std::getenv("QUERN_SEED");
  const uint64_t first = fixed != nullptr ? std::strtoull(fixed, nullptr, 10) : 1;
  const uint64_t last = fixed != nullptr ? first : 400;
  for (uint64_t seed = first; seed <= last; ++seed) {
    Walk walk(seed);
    for (int step = 0; step < 300; ++step) {
      walk.Step();
      ASSERT_TRUE(walk.Validate().ok()) << walk.Validate() << ", QUERN_SEED=" << seed;
    }
    ASSERT_TRUE(walk.RunsToTheEnd()) << "QUERN_SEED=" << seed;
  }
}

}  // namespace
}  // namespace quern::mr
