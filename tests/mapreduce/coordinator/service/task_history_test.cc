#include "mapreduce/coordinator/service/task_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/task_rows.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class TaskHistoryTest : public testing::Test {
 protected:
  static constexpr uint32_t kMaps = 50;

  TaskHistoryTest() : tasks_(PlanOf(kMaps)) {
    job_.key = JobKey(1);
    job_.id = "job-20261122-0001";
    job_.spec.set_name("a job");
    for (uint32_t i = 0; i < kMaps; ++i) {
      pb::Split split;
      split.add_pieces()->set_path(fmt::format("/in/{}", i));
      job_.map_splits.Add(split);
    }
    job_.bounds = {"m"};
    OpenJob(&job_);
    worker_ = registry_.Register(
        {.id = "w-1", .address = "host:1", .http_address = "", .node = "n1", .rack = ""}, start_);
  }
  static JobPlan PlanOf(uint32_t maps) {
    JobPlan plan;
    plan.maps.resize(maps);
    plan.reduces = 1;
    return plan;
  }
  // Runs a map for so many seconds.
  void Succeed(uint32_t task, int seconds) {
    const uint32_t number = tasks_.Start(TaskKind::kMap, task, worker_, Locality::kNode, start_);
    tasks_.Succeed(TaskKind::kMap, task, number, start_ + absl::Seconds(seconds));
    job_.progress[{job_.key, TaskKind::kMap, task, number}].set_input_bytes(task);
    job_.map_times[task].set_user_us(task);
  }
  void Fail(uint32_t task, const std::string& cause) {
    const uint32_t number = tasks_.Start(TaskKind::kMap, task, worker_, Locality::kNode, start_);
    tasks_.Fail(TaskKind::kMap, task, number, Fault::kUserCode, start_ + absl::Seconds(1));
    pb::AttemptFailure failure;
    failure.set_message(cause);
    failure.set_log_tail("its last words");
    job_.NoteFailure({job_.key, TaskKind::kMap, task, number}, failure);
  }
  pb::TaskHistory Make(const TaskHistoryMaker::Limits& limits = {}) {
    TaskHistoryMaker maker(limits);
    maker.Begin(job_, tasks_);
    maker.Rank(start_ + absl::Hours(1));
    while (maker.Add(job_, registry_)) continue;
    return maker.Take(start_ + absl::Hours(1));
  }
  static std::vector<std::string> NamesOf(const pb::TaskHistory& history) {
    std::vector<std::string> names;
    for (const pb::TaskAttemptStatus& attempt : RememberedAttempts("job-20261122-0001", history)) {
      names.push_back(FormatAttempt(attempt.id()));
    }
    return names;
  }

  const absl::Time start_ = absl::FromUnixSeconds(1'000'000);
  WorkerRegistry registry_;
  WorkerKey worker_;
  Job job_;
  JobTasks tasks_;
};

TEST_F(TaskHistoryTest, AnAttemptIsRememberedAsItWasShown) {
  Fail(3, "signal 11");
  Succeed(3, 20);
  const auto attempts = RememberedAttempts(job_.id, Make());
  ASSERT_THAT(attempts, SizeIs(2));
  for (size_t i = 0; i < attempts.size(); ++i) {
    pb::TaskAttemptStatus shown =
        MakeAttemptStatus(job_, TaskKind::kMap, tasks_.attempts(TaskKind::kMap)[i]);
    shown.set_worker("host:1");
    shown.set_node("n1");
    EXPECT_EQ(attempts[i].DebugString(), shown.DebugString());
  }
  EXPECT_EQ(attempts[0].failure().message(), "signal 11");
  EXPECT_EQ(attempts[1].times().user_us(), 3u);
}

TEST_F(TaskHistoryTest, OfTooManyTheOnesWorthMostStay) {
  for (uint32_t task = 0; task < kMaps; ++task) {
    if (task == 30) Fail(task, "bad");
    Succeed(task, /*seconds=*/task == 7 ? 100 : 1 + static_cast<int>(task % 3));
  }
  TaskHistoryMaker::Limits limits;
  limits.step = 3;
  const pb::TaskHistory all = Make(limits);
  EXPECT_EQ(all.attempts_size(), static_cast<int>(kMaps) + 1);
  EXPECT_EQ(all.left_out(), 0u);
  limits.max_bytes = 200;
  const pb::TaskHistory some = Make(limits);
  EXPECT_THAT(NamesOf(some), testing::IsSupersetOf({"m-00007.0", "m-00030.0"}));
  EXPECT_LT(some.attempts_size(), 6);
  EXPECT_EQ(some.left_out() + static_cast<uint32_t>(some.attempts_size()), kMaps + 1);
}

TEST_F(TaskHistoryTest, WhatStillRunsWasKilled) {
  tasks_.Start(TaskKind::kReduce, 0, worker_, Locality::kAny, start_);
  const auto attempts = RememberedAttempts(job_.id, Make());
  ASSERT_THAT(attempts, SizeIs(1));
  EXPECT_EQ(attempts[0].state(), pb::ATTEMPT_STATE_KILLED);
  EXPECT_EQ(attempts[0].finished_ms(), ToMillis(start_ + absl::Hours(1)));
}

TEST_F(TaskHistoryTest, OnlyTheWorstKeepTheirLastLines) {
  for (uint32_t task = 0; task < 5; ++task) Fail(task, "bad");
  TaskHistoryMaker::Limits limits;
  limits.max_log_tails = 2;
  int tails = 0;
  for (const auto& attempt : RememberedAttempts(job_.id, Make(limits))) {
    tails += attempt.failure().log_tail().empty() ? 0 : 1;
  }
  EXPECT_EQ(tails, 2);
}

TEST_F(TaskHistoryTest, FindsTheNewestAttemptOfATaskOrTheOneThatIsNamed) {
  Fail(3, "bad");
  Fail(3, "bad");
  Succeed(4, 1);
  const pb::TaskHistory history = Make();
  const auto number = [&](std::optional<uint32_t> wanted) {
    const auto* found = FindRemembered(history, pb::TASK_KIND_MAP, 3, wanted);
    return found == nullptr ? -1 : static_cast<int>(found->status().id().attempt());
  };
  EXPECT_EQ(number(std::nullopt), 1);
  EXPECT_EQ(number(0), 0);
  EXPECT_EQ(number(7), -1);
  EXPECT_EQ(FindRemembered(history, pb::TASK_KIND_REDUCE, 3, std::nullopt), nullptr);
}

TEST_F(TaskHistoryTest, WhatTasksHaveReadIsKeptWhenItIsNotMuch) {
  pb::JobStatus status;
  status.set_job_id(job_.id);
  status.mutable_map()->set_total(kMaps);
  const std::unique_ptr<Job> remembered = RememberedJob(status, Make());
  ASSERT_EQ(remembered->map_tasks(), kMaps);
  EXPECT_EQ(remembered->map_splits.Get(9).pieces(0).path(), "/in/9");
  EXPECT_THAT(remembered->bounds, ElementsAre("m"));
  EXPECT_EQ(remembered->spec.name(), "a job");
  job_.bounds.push_back(std::string(size_t{2} << 20, 'x'));
  EXPECT_EQ(RememberedJob(status, Make())->map_tasks(), 0u);
}

// As those are that were read back, whose times are whole milliseconds.
TEST(SortSlowestFirst, WhatTookTheSameMillisecondsIsInTheOrderOfTasks) {
  const absl::Time start = absl::FromUnixMillis(1'000);
  std::vector<TaskRow> rows(3);
  const double took_ms[] = {52.3, 52.9, 60};
  for (uint32_t i = 0; i < 3; ++i) {
    rows[i].attempt.task = i;
    rows[i].attempt.started = start;
    rows[i].attempt.finished = start + absl::Milliseconds(took_ms[i]);
  }
  SortSlowestFirst(start + absl::Hours(1), &rows);
  EXPECT_EQ(rows[0].attempt.task, 2u);
  EXPECT_EQ(rows[1].attempt.task, 0u);
  EXPECT_EQ(rows[2].attempt.task, 1u);
}

}  // namespace
}  // namespace quern::mr
