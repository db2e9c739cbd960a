// Jobs through a tracker with workers made of messages, and a coordinator that restarts anywhere.
#include "mapreduce/coordinator/service/job_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <set>

#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

// A worker that obeys: what it was told to run, and what it holds, survives the coordinator.
struct FakeWorker {
  std::string id;
  WorkerKey key;
  std::map<std::string, v1::TaskSpec> running;  // by attempt name
  std::vector<v1::WorkerMessage::HeldOutput> held;
};

class TrackerTest : public testing::Test {
 protected:
  TrackerTest() { Restart(); }

  void AddWorker(const std::string& id) {
    workers_.push_back({id, {}, {}, {}});
    Register(&workers_.back());
  }
  void Register(FakeWorker* worker) {
    v1::WorkerMessage::Register message;
    message.set_worker_id(worker->id);
    message.set_address(worker->id + ":1");
    message.set_node(worker->id);
    message.set_slots(2);
    for (const auto& [name, task] : worker->running) *message.add_running() = task.id();
    for (const auto& held : worker->held) *message.add_held() = held;
    worker->key = tracker_->Register(message, now_);
    Pump();
  }
  // The process dies; its successor finds the journal, then the workers come back.
  void Restart() {
    tracker_.reset();
    journal_ = OpenMemoryJournal(storage_);
    tracker_ = std::make_unique<JobTracker>(journal_.get(), JobTracker::Options{});
    const absl::Status recovered = tracker_->Recover(now_);
    EXPECT_TRUE(recovered.ok()) << recovered;
    Pump();
    for (FakeWorker& worker : workers_) Register(&worker);
  }

  std::string Submit(uint32_t maps, uint32_t reduces, uint32_t samples = 0) {
    auto job = std::make_unique<Job>();
    job->client_id = 7;
    job->request_id = ++request_;
    job->submitted = now_;
    const auto reserved = tracker_->Reserve(7, request_, now_);
    job->key = reserved.key;
    job->id = reserved.job_id;
    job->plan.map_splits.resize(maps);
    job->plan.sample_splits.resize(samples);
    job->plan.spec.mutable_reduce()->set_tasks(reduces);
    job->plan.spec.mutable_limits()->set_attempts(3);
    EXPECT_TRUE(
        journal_->Append(JobTracker::SubmissionRecords(*job), JobJournal::Sync::kDurable).ok());
    tracker_->Add(std::move(job), now_);
    Pump();
    return reserved.job_id;
  }

  // Carries out effects.
  void Pump() {
    const JobTracker::Effects effects = tracker_->TakeEffects();
    for (const auto& [key, order] : effects.orders) Obey(key, order);
    for (const JobKey key : effects.to_finish) finishing_.insert(key);
    EXPECT_TRUE(tracker_->scheduler().Validate().ok()) << tracker_->scheduler().Validate();
  }
  void Obey(WorkerKey key, const v1::WorkerOrder& order) {
    for (FakeWorker& worker : workers_) {
      if (worker.key != key) continue;
      if (order.has_launch()) {
        worker.running[FormatAttempt(order.launch().task().id())] = order.launch().task();
        launched_.push_back(FormatAttempt(order.launch().task().id()));
      } else if (order.has_kill()) {
        worker.running.erase(FormatAttempt(order.kill().id()));
      } else if (order.has_forget()) {
        worker.held.clear();
      } else if (order.has_map_outputs()) {
        told_outputs_ += static_cast<size_t>(order.map_outputs().outputs_size());
      }
    }
  }
  static v1::AttemptResult ResultOf(const v1::TaskSpec& task) {
    v1::AttemptResult result;
    v1::Counter* counter = result.add_counters();
    counter->set_group("user");
    counter->set_name(task.id().kind() == v1::TASK_KIND_MAP ? "mapped" : "reduced");
    counter->set_value(task.id().task() + 1);
    result.set_output_path(task.attempt_dir() + "/out");
    result.set_output_bytes(10);
    if (task.id().kind() == v1::TASK_KIND_SAMPLE) result.add_sample_keys("m");
    return result;
  }
  void Succeed(FakeWorker* worker, const std::string& name) {
    const v1::TaskSpec task = worker->running.at(name);
    worker->running.erase(name);
    v1::WorkerMessage::AttemptUpdate update;
    *update.mutable_id() = task.id();
    update.set_state(v1::ATTEMPT_STATE_SUCCEEDED);
    *update.mutable_result() = ResultOf(task);
    v1::WorkerMessage::HeldOutput& held = worker->held.emplace_back();
    *held.mutable_id() = task.id();
    *held.mutable_result() = update.result();
    tracker_->Update(worker->key, update, now_);
    Pump();
  }
  void Fail(FakeWorker* worker, const std::string& name, const std::string& why) {
    v1::WorkerMessage::AttemptUpdate update;
    *update.mutable_id() = worker->running.at(name).id();
    worker->running.erase(name);
    update.set_state(v1::ATTEMPT_STATE_FAILED);
    update.mutable_failure()->set_message(why);
    update.mutable_failure()->set_in_record(true);
    update.mutable_failure()->set_record_source("/in/a");
    update.mutable_failure()->set_record_position(42);
    tracker_->Update(worker->key, update, now_);
    Pump();
  }
  // Lets some running attempt succeed, a reduce only when no map runs; false when none runs.
  bool SucceedOne(std::mt19937_64* random) {
    std::vector<std::pair<FakeWorker*, std::string>> all;
    for (const bool reduces : {false, true}) {
      for (FakeWorker& worker : workers_) {
        for (const auto& [name, task] : worker.running) {
          const bool reduce = task.id().kind() == v1::TASK_KIND_REDUCE;
          if (reduce == reduces) all.emplace_back(&worker, name);
        }
      }
      if (!all.empty()) break;
    }
    if (all.empty()) return false;
    const auto& [worker, name] = all[(*random)() % all.size()];
    Succeed(worker, name);
    return true;
  }
  const Job& job(const std::string& id) { return *tracker_->Find(id); }

  absl::Time now_ = absl::FromUnixSeconds(1'795'000'000);
  std::shared_ptr<MemoryJournalStorage> storage_ = NewMemoryJournalStorage();
  std::unique_ptr<JobJournal> journal_;
  std::unique_ptr<JobTracker> tracker_;
  std::deque<FakeWorker> workers_;
  std::vector<std::string> launched_;
  std::set<JobKey> finishing_;
  size_t told_outputs_ = 0;
  uint64_t request_ = 0;
};

TEST_F(TrackerTest, RunsAJobToItsCommit) {
  AddWorker("a");
  AddWorker("b");
  const std::string id = Submit(3, 2);
  std::mt19937_64 random(1);
  while (SucceedOne(&random)) {
  }
  EXPECT_EQ(job(id).state, v1::JOB_STATE_COMMITTING);
  EXPECT_THAT(launched_, SizeIs(5));
  EXPECT_THAT(finishing_, SizeIs(1));
  EXPECT_EQ(job(id).maps.counters().at({"user", "mapped"}), 1 + 2 + 3);
  EXPECT_EQ(job(id).reduces.counters().at({"user", "reduced"}), 1 + 2);
}

TEST_F(TrackerTest, GoesOnAfterARestartAtAnyMoment) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(seed);
    storage_ = NewMemoryJournalStorage();
    workers_.clear();
    launched_.clear();
    finishing_.clear();
    Restart();
    AddWorker("a");
    AddWorker("b");
    const std::string id = Submit(5, 2, /*samples=*/1);
    int steps = 0;
    do {
      if (random() % 3 == 0) Restart();
      ASSERT_LT(++steps, 200) << "seed " << seed;
    } while (SucceedOne(&random));
    EXPECT_EQ(job(id).state, v1::JOB_STATE_COMMITTING) << "seed " << seed;
    EXPECT_THAT(launched_, SizeIs(8)) << "a restart wastes nothing, seed " << seed;
    EXPECT_EQ(job(id).maps.counters().at({"user", "mapped"}), 15);
    EXPECT_EQ(job(id).bounds.size(), 1u);
    Restart();
    EXPECT_EQ(job(id).state, v1::JOB_STATE_COMMITTING);
    EXPECT_THAT(finishing_, SizeIs(1)) << "the successor finishes it";
  }
}

TEST_F(TrackerTest, CountsAMapThatRanTwiceOnce) {
  AddWorker("a");
  AddWorker("b");
  const std::string id = Submit(2, 1);
  Succeed(&workers_[0], "m-00000.0");
  Succeed(&workers_[1], "m-00001.0");
  // Its machine dies before the reduce has ended.
  tracker_->SessionEnded(workers_[0].key, now_);
  workers_[0].held.clear();
  workers_[0].running.clear();
  now_ += absl::Seconds(4);
  tracker_->Tick(now_);
  Pump();
  std::mt19937_64 random(1);
  while (SucceedOne(&random)) {
  }
  EXPECT_EQ(job(id).state, v1::JOB_STATE_COMMITTING);
  EXPECT_EQ(job(id).maps.counters().at({"user", "mapped"}), 3);
  EXPECT_THAT(launched_, testing::Contains("m-00000.1"));
}

TEST_F(TrackerTest, FailsAJobWithTheRecordThatItsTaskFailedOn) {
  AddWorker("a");
  const std::string id = Submit(1, 1);
  for (int i = 0; i < 3; ++i) {
    Fail(&workers_[0], fmt::format("m-00000.{}", i), "signal 11 (Segmentation fault)");
  }
  EXPECT_EQ(job(id).doomed, v1::JOB_STATE_FAILED);
  EXPECT_THAT(job(id).reason, HasSubstr("m-00000 failed 3 times"));
  EXPECT_THAT(job(id).reason, HasSubstr("signal 11 (Segmentation fault), at /in/a:42"));
  EXPECT_TRUE(workers_[0].running.empty()) << "the reduce that waited is killed";
  Restart();
  EXPECT_EQ(job(id).doomed, v1::JOB_STATE_FAILED) << "also after a restart";
}

TEST_F(TrackerTest, KnowsARepeatedSubmission) {
  AddWorker("a");
  const std::string id = Submit(1, 1);
  EXPECT_EQ(tracker_->FindRequest(7, request_)->id, id);
  Restart();
  EXPECT_EQ(tracker_->FindRequest(7, request_)->id, id);
  EXPECT_EQ(tracker_->FindRequest(7, request_ + 1), nullptr);
  EXPECT_NE(Submit(1, 1), id);
}

TEST_F(TrackerTest, TellsRunningReducesWhereNewOutputsLie) {
  AddWorker("a");
  AddWorker("b");
  Submit(1, 1);
  EXPECT_THAT(launched_, SizeIs(2)) << "the reduce starts beside the only map";
  Succeed(workers_[0].running.contains("m-00000.0") ? &workers_[0] : &workers_[1], "m-00000.0");
  EXPECT_EQ(told_outputs_, 1u);
}

TEST_F(TrackerTest, ListensOnlyToTheWorkerThatRunsAnAttempt) {
  AddWorker("a");
  AddWorker("b");
  const std::string id = Submit(1, 0);
  FakeWorker* runs = workers_[0].running.empty() ? &workers_[1] : &workers_[0];
  FakeWorker* other = runs == &workers_[0] ? &workers_[1] : &workers_[0];
  other->running = runs->running;
  Succeed(other, "m-00000.0");
  EXPECT_EQ(job(id).state, v1::JOB_STATE_RUNNING);
  Succeed(runs, "m-00000.0");
  EXPECT_EQ(job(id).state, v1::JOB_STATE_COMMITTING);
}

TEST_F(TrackerTest, KillsAJobAndItsAttempts) {
  AddWorker("a");
  const std::string id = Submit(2, 0);
  EXPECT_THAT(workers_[0].running, SizeIs(2));
  ASSERT_TRUE(tracker_->Kill(id, "by ada", now_).ok());
  Pump();
  EXPECT_TRUE(workers_[0].running.empty());
  EXPECT_EQ(job(id).doomed, v1::JOB_STATE_KILLED);
  v1::JobStatus status;
  status.set_job_id(id);
  status.set_state(v1::JOB_STATE_KILLED);
  tracker_->Ended(job(id).key, status, now_);
  EXPECT_EQ(tracker_->Kill(id, "", now_).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(tracker_->Kill("job-1", "", now_).code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace quern::mr
