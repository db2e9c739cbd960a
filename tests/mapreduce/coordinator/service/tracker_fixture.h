// A tracker with workers made of messages, and a coordinator that restarts anywhere.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mapreduce/coordinator/service/job_tracker.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {

// A worker that obeys: what it was told to run, and what it holds, survives the coordinator.
struct FakeWorker {
  std::string id;
  WorkerKey key;
  std::map<std::string, pb::TaskSpec> running;  // by attempt name
  std::vector<pb::WorkerMessage::HeldOutput> held;
  uint64_t last_order = 0;
  uint64_t process = 1;  // lives until Crash
};

class TrackerTest : public testing::Test {
 protected:
  TrackerTest() { Restart(); }

  void AddWorker(const std::string& id) {
    workers_.push_back({id, {}, {}, {}, 0, 1});
    Register(&workers_.back());
  }
  void Register(FakeWorker* worker) {
    pb::WorkerMessage::Register message;
    message.set_worker_id(worker->id);
    message.set_address(worker->id + ":1");
    message.set_node(worker->id);
    message.set_slots(2);
    message.set_process(worker->process);
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
    PlannedJob plan;
    plan.spec.mutable_limits()->set_skip_bad_records(skips_bad_records_);
    plan.map_splits.resize(maps);
    plan.sample_splits.resize(samples);
    plan.spec.mutable_reduce()->set_tasks(reduces);
    plan.spec.mutable_limits()->set_attempts(3);
    plan.spec.mutable_limits()->set_timeout_ms(600'000);
    auto job = MakeJob(std::move(plan));
    job->client_id = 7;
    job->request_id = ++request_;
    job->submitted = now_;
    const auto reserved = tracker_->Reserve(PlacesOf(*job));
    job->key = reserved.key;
    job->id = tracker_->NextJobId({}, now_);
    const std::string id = job->id;
    job->first_term = reserved.term;
    EXPECT_TRUE(journal_->Append(JournalWriter::Submission(*job), JobJournal::Sync::kDurable).ok());
    OpenJob(job.get());
    auto tasks = MakeTasks(*job, reserved.places);
    tracker_->Add(std::move(job), std::move(tasks), now_);
    Pump();
    return id;
  }

  // Carries out effects.
  void Pump() {
    const JobTracker::Effects effects = tracker_->TakeEffects();
    for (const auto& [key, order] : effects.orders) Obey(key, order);
    for (const JobKey key : effects.to_finish) finishing_.insert(key);
    for (const auto& [key, id] : effects.acknowledged) acknowledged_.push_back(FormatAttempt(id));
    const TaskScheduler& scheduler = tracker_->state().scheduler;
    EXPECT_TRUE(scheduler.Validate().ok()) << scheduler.Validate();
  }
  void Obey(WorkerKey key, const pb::WorkerOrder& order) {
    for (FakeWorker& worker : workers_) {
      if (worker.key != key) continue;
      if (order.has_launch()) {
        worker.running[FormatAttempt(order.launch().task().id())] = order.launch().task();
        launched_.push_back(FormatAttempt(order.launch().task().id()));
      } else if (order.has_kill()) {
        worker.running.erase(FormatAttempt(order.kill().id()));
      } else if (order.has_forget()) {
        worker.held.clear();
      } else if (order.has_output_delta()) {
        told_.push_back(order.output_delta());
      }
      worker.last_order = order.log_index();
    }
  }
  static pb::AttemptResult ResultOf(const pb::TaskSpec& task) {
    pb::AttemptResult result;
    pb::Counter* counter = result.add_counters();
    counter->set_group("user");
    counter->set_name(task.id().kind() == pb::TASK_KIND_MAP ? "mapped" : "reduced");
    counter->set_value(task.id().task() + 1);
    result.set_output_path(task.attempt_dir() + "/out");
    result.set_output_bytes(10);
    if (task.id().kind() == pb::TASK_KIND_SAMPLE) result.add_sample_keys("m");
    return result;
  }
  void Succeed(FakeWorker* worker, const std::string& name) {
    const pb::TaskSpec task = worker->running.at(name);
    worker->running.erase(name);
    pb::WorkerMessage::AttemptUpdate update;
    *update.mutable_id() = task.id();
    update.set_state(pb::ATTEMPT_STATE_SUCCEEDED);
    *update.mutable_result() = ResultOf(task);
    pb::WorkerMessage::HeldOutput& held = worker->held.emplace_back();
    *held.mutable_id() = task.id();
    *held.mutable_result() = update.result();
    tracker_->Update(worker->key, update, now_);
    Pump();
  }
  void Beat(FakeWorker* worker) {
    pb::WorkerMessage::Heartbeat beat;
    for (const auto& [name, task] : worker->running) *beat.add_running() = task.id();
    beat.set_last_order(worker->last_order);
    tracker_->Heartbeat(worker->key, beat, now_);
    Pump();
  }
  // Its process dies and is started again at once, with an empty directory.
  void Crash(FakeWorker* worker) {
    worker->running.clear();
    worker->held.clear();
    worker->last_order = 0;
    ++worker->process;
    tracker_->SessionEnded(worker->key, now_);
    Pump();
    Register(worker);
  }
  // None says anything for a while.
  void LoseAll() {
    for (const FakeWorker& worker : workers_) tracker_->SessionEnded(worker.key, now_);
    now_ += absl::Seconds(11);
    tracker_->Tick(now_);
    Pump();
  }
  void ReportFetchFailure(FakeWorker* worker, const std::string& reduce, uint32_t map,
                          uint32_t map_attempt) {
    pb::WorkerMessage::FetchFailure failure;
    *failure.mutable_reducer() = worker->running.at(reduce).id();
    failure.set_map_task(map);
    failure.set_map_attempt(map_attempt);
    failure.set_reason("connect: refused");
    tracker_->FetchFailed(worker->key, failure, now_);
    Pump();
  }
  FakeWorker* WorkerOf(const std::string& name) {
    for (FakeWorker& worker : workers_) {
      if (worker.running.contains(name)) return &worker;
    }
    return nullptr;
  }
  void RunToTheEnd() {
    std::mt19937_64 random(1);
    for (int i = 0; i < 1000 && SucceedOne(&random); ++i) {
    }
  }
  void Fail(FakeWorker* worker, const std::string& name, const std::string& why) {
    pb::WorkerMessage::AttemptUpdate update;
    *update.mutable_id() = worker->running.at(name).id();
    worker->running.erase(name);
    update.set_state(pb::ATTEMPT_STATE_FAILED);
    update.mutable_failure()->set_message(why);
    update.mutable_failure()->set_in_record(true);
    update.mutable_failure()->set_record_source("/in/a");
    update.mutable_failure()->set_record_position(42);
    update.mutable_failure()->set_blames_record(true);
    tracker_->Update(worker->key, update, now_);
    Pump();
  }
  // Lets some running attempt succeed, a reduce only when no map runs; false when none runs.
  bool SucceedOne(std::mt19937_64* random) {
    std::vector<std::pair<FakeWorker*, std::string>> all;
    for (const bool reduces : {false, true}) {
      for (FakeWorker& worker : workers_) {
        for (const auto& [name, task] : worker.running) {
          const bool reduce = task.id().kind() == pb::TASK_KIND_REDUCE;
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
  const Job& job(const std::string& id) { return *tracker_->state().jobs.Find(id); }

  absl::Time now_ = absl::FromUnixSeconds(1'795'000'000);
  std::shared_ptr<MemoryJournalStorage> storage_ = NewMemoryJournalStorage();
  std::unique_ptr<JobJournal> journal_;
  std::unique_ptr<JobTracker> tracker_;
  std::deque<FakeWorker> workers_;
  std::vector<std::string> launched_;
  std::set<JobKey> finishing_;
  std::vector<pb::WorkerOrder::OutputDelta> told_;
  std::vector<std::string> acknowledged_;
  uint64_t request_ = 0;
  bool skips_bad_records_ = false;
};

}  // namespace quern::mr
