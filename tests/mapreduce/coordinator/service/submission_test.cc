// Submissions that are refused, or in which the coordinator dies.
#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "common/rpc/outbox.h"
#include "mapreduce/coordinator/service/coordinator.h"
#include "tests/mapreduce/coordinator/service/fake_files.h"

namespace quern::mr {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class TwoMapsPlanner final : public JobPlanner {
 public:
  absl::StatusOr<PlannedJob> Plan(pb::JobSpec spec, uint32_t) override {
    PlannedJob plan;
    plan.spec = std::move(spec);
    plan.spec.mutable_reduce()->set_tasks(0);
    plan.map_splits.resize(2);
    return plan;
  }
};

pb::SubmitRequest RequestOf(uint64_t number) {
  pb::SubmitRequest request;
  request.mutable_header()->set_client_id(7);
  request.mutable_header()->set_request_id(number);
  return request;
}

// What a successor would find after a power cut.
std::shared_ptr<MemoryJournalStorage> CopyOf(const std::shared_ptr<MemoryJournalStorage>& storage) {
  CutPower(storage.get());
  auto copy = NewMemoryJournalStorage();
  const auto to = OpenMemoryJournal(copy);
  const auto add = [&](JobKey key, const absl::StatusOr<pb::JournalRecord>& record) {
    return to->Append({{key, *record}}, JobJournal::Sync::kDurable);
  };
  EXPECT_TRUE(OpenMemoryJournal(storage)->ReadAll(add).ok());
  return copy;
}

// Ids of the jobs that have been accepted and have not ended.
std::set<std::string> Running(const std::shared_ptr<MemoryJournalStorage>& storage) {
  std::set<std::string> ids;
  const auto look = [&](JobKey, const absl::StatusOr<pb::JournalRecord>& record) {
    if (record->has_submitted()) ids.insert(record->submitted().job_id());
    return absl::OkStatus();
  };
  EXPECT_TRUE(OpenMemoryJournal(storage)->ReadAll(look).ok());
  return ids;
}

// Of how many jobs the journal has records.
size_t CountKeys(const std::shared_ptr<MemoryJournalStorage>& storage) {
  std::set<JobKey> keys;
  const auto look = [&](JobKey key, const absl::StatusOr<pb::JournalRecord>&) {
    keys.insert(key);
    return absl::OkStatus();
  };
  EXPECT_TRUE(OpenMemoryJournal(storage)->ReadAll(look).ok());
  return keys.size();
}

size_t CountShown(const Coordinator& coordinator) {
  return coordinator.Read([](const TrackerState& state) { return state.jobs.all().size(); });
}

constexpr absl::Duration kLong = absl::Seconds(60);

// Whether it comes true in that time; looks again after every change of the job.
template <typename Condition>
bool ComesTrue(Coordinator* coordinator, const std::string& id, absl::Duration time,
               Condition holds) {
  Mutex mutex;
  CondVar changed;
  bool news = false;
  const uint64_t watch = coordinator->Watch(id, [&] {
    MutexLock lock(&mutex);
    news = true;
    changed.SignalAll();
  });
  const absl::Time deadline = absl::Now() + time;
  bool came = holds();
  while (!came && absl::Now() < deadline) {
    {
      MutexLock lock(&mutex);
      if (!news) changed.WaitFor(&mutex, deadline - absl::Now());
      news = false;
    }
    came = holds();
  }
  coordinator->Unwatch(watch);
  return came;
}

// Whether an attempt of the job runs.
bool AwaitAttempt(Coordinator* coordinator, const std::string& id) {
  return ComesTrue(coordinator, id, kLong,
                   [&] { return coordinator->GetTotals().running_attempts > 0; });
}

bool AwaitEnd(Coordinator* coordinator, const std::string& id, absl::Duration time) {
  return ComesTrue(coordinator, id, time, [&] { return IsOver(*coordinator->GetJob(id)); });
}

class SubmissionTest : public testing::Test {
 protected:
  SubmissionTest() : coordinator_(OpenMemoryJournal(storage_), &planner_, &files_, {}) {
    EXPECT_TRUE(coordinator_.Start().ok());
  }
  static void AddWorker(Coordinator* coordinator) {
    pb::WorkerMessage::Register worker;
    worker.set_worker_id("a");
    worker.set_address("a:1");
    worker.set_node("a");
    worker.set_slots(2);
    worker.set_process(1);
    coordinator->Register(worker, std::make_shared<rpc::Outbox>(nullptr));
  }

  TwoMapsPlanner planner_;
  FakeFiles files_;
  const std::shared_ptr<MemoryJournalStorage> storage_ = NewMemoryJournalStorage();
  Coordinator coordinator_;
};

// Nothing lies in the file system that nobody knows.
TEST_F(SubmissionTest, OneThatDiesBeforeTheDirectoryIsMadeHasItMadeByTheNext) {
  std::shared_ptr<MemoryJournalStorage> left;
  files_.before_mkdir = [&](const std::string&) {
    left = CopyOf(storage_);
    return UnavailableError("nobody answers");
  };
  EXPECT_FALSE(coordinator_.Submit(RequestOf(1)).ok());
  ASSERT_NE(left, nullptr);
  ASSERT_THAT(Running(left), SizeIs(1));
  const std::string id = *Running(left).begin();
  FakeFiles files;
  int refusals = 2;
  files.before_mkdir = [&](const std::string&) {
    return refusals-- > 0 ? UnavailableError("nobody answers") : absl::OkStatus();
  };
  CoordinatorOptions options;
  options.prepare_retry = absl::ZeroDuration();
  Coordinator successor(OpenMemoryJournal(left), &planner_, &files, options);
  ASSERT_TRUE(successor.Start().ok());
  AddWorker(&successor);
  ASSERT_TRUE(AwaitAttempt(&successor, id));
  EXPECT_TRUE(files.Has(JobDir(id) + "/"));
  const auto repeated = successor.Submit(RequestOf(1));
  ASSERT_TRUE(repeated.ok()) << repeated.status();
  EXPECT_EQ(repeated->job_id(), id) << "whose client has had no answer";
}

// It was made, and nobody has heard of that.
TEST_F(SubmissionTest, OneThatDiesAfterTheDirectoryIsMadeIsContinuedInIt) {
  std::shared_ptr<MemoryJournalStorage> left;
  files_.before_mkdir = [&](const std::string&) {
    left = CopyOf(storage_);
    return absl::OkStatus();
  };
  const auto submitted = coordinator_.Submit(RequestOf(1));
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  coordinator_.Shutdown();
  ASSERT_NE(left, nullptr);
  files_.before_mkdir = nullptr;
  files_.unreachable_mkdirs = 1'000'000;  // with parents, which is asked for in vain
  Coordinator successor(OpenMemoryJournal(left), &planner_, &files_, {});
  ASSERT_TRUE(successor.Start().ok());
  AddWorker(&successor);
  ASSERT_TRUE(AwaitAttempt(&successor, submitted->job_id()));
  EXPECT_TRUE(files_.Has(JobDir(submitted->job_id()) + "/"));
}

TEST_F(SubmissionTest, OneThatIsKilledBeforeItsDirectoryIsMadeEnds) {
  std::shared_ptr<MemoryJournalStorage> left;
  files_.before_mkdir = [&](const std::string&) {
    left = CopyOf(storage_);
    return UnavailableError("nobody answers");
  };
  EXPECT_FALSE(coordinator_.Submit(RequestOf(1)).ok());
  ASSERT_NE(left, nullptr);
  ASSERT_THAT(Running(left), SizeIs(1));
  const std::string id = *Running(left).begin();
  FakeFiles files;
  files.before_mkdir = [](const std::string&) { return UnavailableError("nobody answers"); };
  CoordinatorOptions options;
  options.prepare_retry = absl::ZeroDuration();
  Coordinator successor(OpenMemoryJournal(left), &planner_, &files, options);
  ASSERT_TRUE(successor.Start().ok());
  // Longer than a line, and cleaned once.
  const std::string reason(600, 'r');
  ASSERT_TRUE(successor.Kill(id, reason + "\n").ok());
  EXPECT_TRUE(AwaitEnd(&successor, id, kLong));
  EXPECT_EQ(successor.GetJob(id)->state(), pb::JOB_STATE_KILLED);
  EXPECT_EQ(successor.GetJob(id)->reason(), reason + "\\n");
}

// It would be cleaned up before, and what is made then would stay.
TEST_F(SubmissionTest, OneThatIsKilledWhileItsDirectoryIsMadeEndsAfterThat) {
  std::shared_ptr<MemoryJournalStorage> left;
  files_.before_mkdir = [&](const std::string&) {
    left = CopyOf(storage_);
    return UnavailableError("nobody answers");
  };
  EXPECT_FALSE(coordinator_.Submit(RequestOf(1)).ok());
  ASSERT_NE(left, nullptr);
  ASSERT_THAT(Running(left), SizeIs(1));
  const std::string id = *Running(left).begin();
  const std::string dir = JobDir(id) + "/";
  FakeFiles files;
  int calls = 0;
  Coordinator successor(OpenMemoryJournal(left), &planner_, &files, {});
  files.before_mkdir = [&](const std::string&) {
    ++calls;
    EXPECT_TRUE(successor.Kill(id, "enough").ok());
    EXPECT_FALSE(AwaitEnd(&successor, id, absl::Milliseconds(100)));
    return absl::OkStatus();
  };
  ASSERT_TRUE(successor.Start().ok());
  ASSERT_TRUE(AwaitEnd(&successor, id, kLong));
  EXPECT_EQ(successor.GetJob(id)->state(), pb::JOB_STATE_KILLED);
  const absl::Time deadline = absl::Now() + kLong;
  while (files.Has(dir) && absl::Now() < deadline) GiveWay();
  successor.Shutdown();
  EXPECT_FALSE(files.Has(dir));
  EXPECT_EQ(calls, 1);
}

TEST_F(SubmissionTest, OneWhoseDirectoryIsRefusedIsNoJob) {
  std::string made;
  files_.before_mkdir = [&](const std::string& path) {
    files_.Add(made = path + "/", "");
    return PermissionDeniedError("{}", path);
  };
  files_.unreachable_deletes = 1'000'000;
  const auto refused = coordinator_.Submit(RequestOf(1));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(Message(refused.status())), HasSubstr("make the directory of the job"));
  EXPECT_EQ(coordinator_.GetTotals().running_jobs, 0u);
  EXPECT_EQ(CountShown(coordinator_), 0u);
  EXPECT_THAT(Running(storage_), IsEmpty()) << "nor after a restart";
  coordinator_.Shutdown();
  const auto left = CopyOf(storage_);
  ASSERT_EQ(CountKeys(left), 1u) << "what it may have made is still there";
  files_.before_mkdir = nullptr;
  files_.unreachable_deletes = 0;
  Coordinator successor(OpenMemoryJournal(left), &planner_, &files_, {});
  ASSERT_TRUE(successor.Start().ok());
  EXPECT_EQ(CountShown(successor), 0u) << "its user was told that there is none";
  const absl::Time deadline = absl::Now() + kLong;
  while (CountKeys(left) > 0 && absl::Now() < deadline) GiveWay();
  EXPECT_EQ(CountKeys(left), 0u);
  EXPECT_FALSE(files_.Has(made));
  const auto next = successor.Submit(RequestOf(1));
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_NE(JobDir(next->job_id()) + "/", made) << "which was to be removed";
}

// The answer may have been lost, the directory made.
TEST_F(SubmissionTest, WhatARefusedOneMayHaveMadeIsRemoved) {
  std::string made;
  files_.before_mkdir = [&](const std::string& path) {
    made = path + "/";
    files_.Add(made, "");
    return DeadlineExceededError("nobody knows");
  };
  EXPECT_FALSE(coordinator_.Submit(RequestOf(1)).ok());
  EXPECT_THAT(Running(storage_), IsEmpty());
  const absl::Time deadline = absl::Now() + kLong;
  while (files_.Has(made) && absl::Now() < deadline) GiveWay();
  EXPECT_FALSE(files_.Has(made));
}

// Before the submission, and between the look and the making.
TEST_F(SubmissionTest, DirectoriesOfOthersStayAndTheirIdsAreNotTaken) {
  const auto lost = coordinator_.Submit(RequestOf(1));
  ASSERT_TRUE(lost.ok()) << lost.status();
  const auto storage = NewMemoryJournalStorage();  // of another disk
  Coordinator other(OpenMemoryJournal(storage), &planner_, &files_, {});
  ASSERT_TRUE(other.Start().ok());
  std::string theirs;
  files_.before_mkdir = [&](const std::string& path) {
    if (theirs.empty()) files_.Add(theirs = path + "/m-00000.0", "theirs");
    return absl::OkStatus();
  };
  const auto submitted = other.Submit(RequestOf(1));
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  EXPECT_NE(submitted->job_id(), lost->job_id());
  EXPECT_FALSE(theirs.starts_with(JobDir(submitted->job_id()) + "/"));
  EXPECT_EQ(Running(storage), std::set<std::string>{submitted->job_id()});
  other.Shutdown();
  EXPECT_TRUE(files_.Has(theirs));
  EXPECT_TRUE(files_.Has(JobDir(lost->job_id()) + "/"));
}

}  // namespace
}  // namespace quern::mr
