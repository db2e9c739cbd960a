// The coordinator over a planner and files made of memory.
#include "mapreduce/coordinator/service/coordinator.h"

#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "common/notification.h"
#include "mapreduce/coordinator/service/journal_writer.h"
#include "mapreduce/coordinator/service/publication_queue.h"
#include "mapreduce/coordinator/service/rpc/handlers.h"
#include "tests/mapreduce/coordinator/service/fake_files.h"

namespace quern::mr {
namespace {

class FakePlanner final : public JobPlanner {
 public:
  absl::StatusOr<PlannedJob> Plan(pb::JobSpec spec, uint32_t) override {
    if (while_planning) std::exchange(while_planning, nullptr)();
    PlannedJob plan;
    plan.spec = std::move(spec);
    if (over_nothing) return plan;
    plan.spec.mutable_reduce()->set_tasks(1);
    plan.map_splits.resize(3);
    if (long_paths) {
      for (pb::Split& split : plan.map_splits) {
        split.add_pieces()->set_path(std::string(size_t{3} << 20, 'x'));
      }
    }
    return plan;
  }
  bool long_paths = false;
  bool over_nothing = false;             // all tasks are done at once
  std::function<void()> while_planning;  // called once
};

// Takes longer to be read than workers are given to come back.
class LongJournal final : public JobJournal {
 public:
  LongJournal(std::unique_ptr<JobJournal> journal, SimulatedClock* clock,
              Notification* reserve_asked = nullptr)
      : journal_(std::move(journal)), clock_(clock), reserve_asked_(reserve_asked) {}
  absl::Status Append(const std::vector<Entry>& entries, Sync sync) override {
    return journal_->Append(entries, sync);
  }
  absl::Status Finish(JobKey job, const pb::JournalRecord& record,
                      const pb::TaskHistory* tasks) override {
    return journal_->Finish(job, record, tasks);
  }
  absl::Status Remove(JobKey job) override { return journal_->Remove(job); }
  absl::StatusOr<pb::TaskHistory> ReadTasks(JobKey job) const override {
    return journal_->ReadTasks(job);
  }
  absl::Status ReadAll(const Visit& visit) override {
    RETURN_IF_ERROR(journal_->ReadAll(visit));
    clock_->AdvanceTime(absl::Seconds(11));
    return absl::OkStatus();
  }
  void TakeReserve() override {
    if (reserve_asked_ != nullptr && ++times_asked_ == 2) reserve_asked_->Notify();
  }
  const std::string& cluster_id() const override { return journal_->cluster_id(); }
  absl::Time created() const override { return journal_->created(); }
  uint64_t term() const override { return journal_->term(); }

 private:
  const std::unique_ptr<JobJournal> journal_;
  SimulatedClock* const clock_;
  Notification* const reserve_asked_;  // twice
  int times_asked_ = 0;
};

class CoordinatorTest : public testing::Test {
 protected:
  CoordinatorTest()
      : coordinator_(OpenMemoryJournal(NewMemoryJournalStorage()), &planner_, &files_, {}) {
    EXPECT_TRUE(coordinator_.Start().ok());
  }
  absl::StatusOr<pb::SubmitResponse> Submit(uint64_t request_id, bool dry_run = false) {
    pb::SubmitRequest request;
    request.mutable_header()->set_client_id(7);
    request.mutable_header()->set_request_id(request_id);
    request.set_dry_run(dry_run);
    return coordinator_.Submit(request);
  }

  FakePlanner planner_;
  FakeFiles files_;
  Coordinator coordinator_;
};

TEST_F(CoordinatorTest, MakesTheDirectoryThatAttemptsWriteBelow) {
  const auto submitted = Submit(1);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  EXPECT_TRUE(files_.Has(JobDir(submitted->job_id()) + "/"));
}

// Its workers may still write below the directories of the jobs that it knows nothing of.
TEST_F(CoordinatorTest, OneThatHasLostItsJournalGivesNoIdOutAgain) {
  const auto lost = Submit(1);
  ASSERT_TRUE(lost.ok()) << lost.status();
  Coordinator successor(OpenMemoryJournal(NewMemoryJournalStorage()), &planner_, &files_, {});
  ASSERT_TRUE(successor.Start().ok());
  const auto submitted = successor.Submit({});
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  EXPECT_NE(submitted->job_id(), lost->job_id());
  EXPECT_TRUE(files_.Has(JobDir(submitted->job_id()) + "/"));
}

TEST_F(CoordinatorTest, ASubmissionThatFailedMayBeRepeated) {
  files_.before_mkdir = [](const std::string&) { return UnavailableError("nobody answers"); };
  EXPECT_FALSE(Submit(1).ok());
  files_.before_mkdir = nullptr;
  const auto again = Submit(1);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(Submit(1)->job_id(), again->job_id()) << "and is one job";
}

// The first one could be planned, run and published meanwhile: the second would find its output in
// the way.
TEST_F(CoordinatorTest, ASubmissionThatIsRepeatedWhileItIsPlannedIsOne) {
  absl::Status repeated;
  planner_.while_planning = [&] { repeated = Submit(1).status(); };
  const auto first = Submit(1);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(repeated.code(), absl::StatusCode::kUnavailable) << repeated;
  EXPECT_EQ(Submit(1)->job_id(), first->job_id());
  planner_.while_planning = [&] { EXPECT_TRUE(Submit(3).ok()) << "another one"; };
  EXPECT_TRUE(Submit(2).ok());
}

// The first answer may have been lost.
TEST_F(CoordinatorTest, AKillThatIsRepeatedAnswersLikeTheFirst) {
  const auto submitted = Submit(1);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  pb::KillRequest request;
  request.set_job_id(submitted->job_id());
  request.set_reason("enough");
  for (const std::string call : {"first", "second"}) {
    const auto killed = Kill(&coordinator_, request);
    ASSERT_TRUE(killed.ok()) << call << " " << killed.status();
    EXPECT_EQ(killed->status().state(), pb::JOB_STATE_KILLED) << call;
    EXPECT_EQ(killed->status().reason(), "enough") << call;
    request.set_reason("again");
  }
}

// The file system is away, and others wait for it.
TEST_F(CoordinatorTest, WhatItsUserKillsBeforeItsFirstTryReplacesNothing) {
  planner_.over_nothing = true;
  AddJobOutput(&files_, "/out", "job-20261121-0001", "good");
  std::promise<void> back;
  const std::shared_future<void> is_back = back.get_future().share();
  Mutex mutex;
  CondVar changed;
  int waiting = 0;
  files_.before_stat = [&](const std::string& path) {
    if (!path.ends_with("/.appeared")) return;  // with which a try begins
    {
      MutexLock lock(&mutex);
      ++waiting;
      changed.SignalAll();
    }
    is_back.wait_for(std::chrono::minutes(1));
  };
  Coordinator coordinator(OpenMemoryJournal(NewMemoryJournalStorage()), &planner_, &files_, {});
  ASSERT_TRUE(coordinator.Start().ok());
  uint64_t requests = 0;
  const auto submit = [&](const std::string& path) -> std::string {
    pb::SubmitRequest request;
    request.mutable_header()->set_client_id(7);
    request.mutable_header()->set_request_id(++requests);
    request.mutable_spec()->mutable_output()->set_path(path);
    request.mutable_spec()->mutable_output()->set_overwrite(true);
    const auto submitted = coordinator.Submit(request);
    EXPECT_TRUE(submitted.ok()) << submitted.status();
    return submitted.ok() ? submitted->job_id() : "";
  };
  for (int i = 0; i < PublicationQueue::kThreads; ++i) submit(fmt::format("/other{}", i));
  {
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    MutexLock lock(&mutex);
    while (waiting < PublicationQueue::kThreads && absl::Now() < deadline) {
      changed.WaitFor(&mutex, absl::Seconds(1));
    }
  }
  pb::KillRequest request;
  request.set_job_id(submit("/out"));
  EXPECT_TRUE(coordinator.Kill(request.job_id(), "wrong input").ok());
  back.set_value();
  pb::JobStatus status;
  for (int calls = 0; calls < 12 && status.finished_ms() == 0; ++calls) {
    const auto killed = Kill(&coordinator, request);  // waits for the end
    ASSERT_TRUE(killed.ok()) << killed.status();
    status = killed->status();
  }
  EXPECT_EQ(status.state(), pb::JOB_STATE_KILLED);
  EXPECT_EQ(status.reason(), "wrong input");
  EXPECT_EQ(*files_.ReadFile("/out/part"), "good");
}

TEST_F(CoordinatorTest, WorkersHaveTheirTimeFromWhenTheJournalIsRead) {
  const auto storage = NewMemoryJournalStorage();
  auto journal = OpenMemoryJournal(storage);
  PlannedJob plan;
  plan.map_splits.resize(1);
  const std::unique_ptr<Job> job = MakeJob(std::move(plan));
  job->key = JobKey(1);
  job->id = "job-20261122-0001";
  ASSERT_TRUE(journal->Append(JournalWriter::Submission(*job), JobJournal::Sync::kDurable).ok());
  JournalWriter records(journal.get());
  records.Started(*job, {{job->key, TaskKind::kMap, 0, 0}, {}, Locality::kAny}, "a",
                  absl::UnixEpoch());
  records.Write();
  SimulatedClock clock;
  CoordinatorOptions options;
  options.clock = &clock;
  Coordinator coordinator(std::make_unique<LongJournal>(OpenMemoryJournal(storage), &clock),
                          &planner_, &files_, options);
  ASSERT_TRUE(coordinator.Start().ok());
  coordinator.Read([&](const TrackerState& state) {
    ASSERT_EQ(state.registry.workers().size(), 1u);
    const WorkerRegistry::Worker& worker = state.registry.workers().begin()->second;
    EXPECT_EQ(worker.state, WorkerRegistry::State::kAway);
    EXPECT_EQ(worker.deadline, coordinator.Now() + absl::Seconds(10));
  });
}

// There may have been no room for it at the start, or it was needed since.
TEST_F(CoordinatorTest, TheReserveOfTheJournalIsAskedForAgainAndAgain) {
  Notification asked;
  SimulatedClock clock;
  CoordinatorOptions options;
  options.clock = &clock;
  options.reserve_retry = absl::Milliseconds(1);
  Coordinator coordinator(
      std::make_unique<LongJournal>(OpenMemoryJournal(NewMemoryJournalStorage()), &clock, &asked),
      &planner_, &files_, options);
  ASSERT_TRUE(coordinator.Start().ok());
  asked.Wait();
}

TEST_F(CoordinatorTest, ShowsAsMuchOfALargePlanAsFitsIntoAMessage) {
  planner_.long_paths = true;
  const auto plan = Submit(1, /*dry_run=*/true);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->split_count(), 3u);
  EXPECT_EQ(plan->splits_size(), 1);
}

// Jobs and pipelines that have ended, one of each after another, and then two pipelines.
std::unique_ptr<JobJournal> JournalOfEnded(absl::Time created = absl::UnixEpoch()) {
  auto journal = OpenMemoryJournal(NewMemoryJournalStorage(created));
  const std::vector<std::string> ids = {"pipeline-20261122-0001", "job-20261122-0002",
                                        "pipeline-20261122-0003", "job-20261122-0004",
                                        "pipeline-20261122-0005", "pipeline-20261122-0006"};
  for (uint32_t number = 1; number <= ids.size(); ++number) {
    pb::JobStatus status;
    status.set_job_id(ids[number - 1]);
    status.set_submitted_ms(1000 * int64_t{number});
    status.set_state(pb::JOB_STATE_SUCCEEDED);
    pb::JournalRecord record;
    if (status.job_id().starts_with("job-")) {
      *record.mutable_finished()->mutable_status() = status;
      record.mutable_finished()->set_cleaned(true);
    } else {
      *record.mutable_pipeline_finished()->mutable_status() = status;
      record.mutable_pipeline_finished()->set_cleaned(true);
    }
    EXPECT_TRUE(journal->Finish(JobKey(number), record).ok());
  }
  return journal;
}

TEST_F(CoordinatorTest, ListsTheNewestOfJobsAndPipelinesTogether) {
  Coordinator coordinator(JournalOfEnded(), &planner_, &files_, {});
  ASSERT_TRUE(coordinator.Start().ok());
  pb::SubmitRequest running;
  running.mutable_header()->set_request_id(1);
  ASSERT_TRUE(coordinator.Submit(running).ok());
  const auto newest = [&](uint32_t limit, bool only_ended) {
    pb::ListJobsRequest request;
    request.set_limit(limit);
    request.set_only_ended(only_ended);
    std::string numbers;
    const auto listed = ListJobs(&coordinator, request);
    EXPECT_TRUE(listed.ok()) << listed.status();
    if (!listed.ok()) return numbers;
    for (const pb::JobStatus& job : listed->jobs()) {
      numbers += job.state() == pb::JOB_STATE_SUCCEEDED ? job.job_id().back() : 'r';
    }
    return numbers;
  };
  EXPECT_EQ(newest(0, false), "r654321");
  EXPECT_EQ(newest(1, false), "r") << "a job, although there are pipelines";
  EXPECT_EQ(newest(0, true), "654321");
  EXPECT_EQ(newest(3, true), "654");
}

// Left by submissions that an earlier coordinator died in. What is older than the journal may be of
// another one.
TEST_F(CoordinatorTest, RemovesDirectoriesOfNobodyAfterItsStart) {
  FakeFiles files;
  const absl::Time created = absl::FromCivil(absl::CivilDay(2026, 11, 21), absl::UTCTimeZone());
  SimulatedClock clock(created + absl::Hours(72));
  const std::vector<std::string> known = {
      "/.quern/jobs/job-20261120-0001/", "/.quern/pipelines/pipeline-20261121-0001/",
      "/.quern/jobs/job-20261122-0002/", "/.quern/pipelines/pipeline-20261122-0003/",
      "/.quern/jobs/job-20261122-0005/"};  // or later
  const std::vector<std::string> orphans = {"/.quern/jobs/job-20261122-0003/",
                                            "/.quern/pipelines/pipeline-20261122-0004/"};
  for (const auto* paths : {&known, &orphans}) {
    for (const std::string& path : *paths) {
      files.Add(path, "");
      files.SetTime(path.substr(0, path.size() - 1), created + absl::Hours(30));
    }
  }
  CoordinatorOptions options;
  options.clock = &clock;
  Coordinator coordinator(JournalOfEnded(created), &planner_, &files, options);
  ASSERT_TRUE(coordinator.Start().ok());
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  for (const std::string& path : orphans) {
    while (files.Has(path) && absl::Now() < deadline) GiveWay();
    EXPECT_FALSE(files.Has(path)) << path;
  }
  coordinator.Shutdown();
  for (const std::string& path : known) EXPECT_TRUE(files.Has(path)) << path;
}

}  // namespace
}  // namespace quern::mr
