// What a tracker makes of lost messages, lost workers, lost journals and workers that mislead it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/mapreduce/coordinator/service/tracker_fixture.h"

namespace quern::mr {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

TEST_F(TrackerTest, AcknowledgesFinalReportsThatAreInTheJournal) {
  AddWorker("a");
  const std::string id = Submit(2, 0);
  Succeed(&workers_[0], "m-00000.0");
  Fail(&workers_[0], "m-00001.0", "bad record");
  EXPECT_THAT(acknowledged_, testing::ElementsAre("m-00000.0", "m-00001.0"));
  acknowledged_.clear();
  Register(&workers_[0]);
  EXPECT_THAT(acknowledged_, testing::ElementsAre("m-00000.0"));
}

TEST_F(TrackerTest, StepsOverARecordAfterTwoDeaths) {
  skips_bad_records_ = true;
  AddWorker("a");
  const std::string id = Submit(1, 0);
  // The only worker, which a failed task comes back to after a while.
  const auto next = [this] {
    for (int i = 0; i < 120 && workers_[0].running.empty(); ++i) {
      now_ += absl::Seconds(1);
      Beat(&workers_[0]);
      tracker_->Tick(now_);
      Pump();
    }
    return *workers_[0].running.begin();
  };
  Fail(&workers_[0], next().first, "signal 11");
  EXPECT_EQ(next().second.bad_records_size(), 0);
  Fail(&workers_[0], next().first, "signal 6");
  Restart();  // its successor knows it too
  const auto [attempt, task] = next();
  ASSERT_EQ(task.bad_records_size(), 1) << attempt;
  EXPECT_EQ(task.bad_records(0).position(), 42u);
  EXPECT_EQ(task.bad_records(0).reason(), "signal 6");
  // Neither of the two counts: the limit is three.
  for (int i = 0; i < 2; ++i) {
    Fail(&workers_[0], next().first, "other");
    EXPECT_EQ(job(id).doomed, pb::JOB_STATE_UNSPECIFIED);
  }
  Fail(&workers_[0], next().first, "other");
  EXPECT_EQ(job(id).doomed, pb::JOB_STATE_FAILED);
}

TEST_F(TrackerTest, RunsAnAttemptAgainWhoseEndNobodyReported) {
  AddWorker("a");
  const std::string id = Submit(2, 0);
  Beat(&workers_[0]);
  EXPECT_THAT(launched_, SizeIs(2));
  workers_[0].running.erase("m-00000.0");
  Beat(&workers_[0]);
  now_ += absl::Seconds(1);
  RunToTheEnd();
  EXPECT_THAT(launched_, testing::Contains("m-00000.1"));
  EXPECT_EQ(job(id).state, pb::JOB_STATE_COMMITTING);
}

TEST_F(TrackerTest, DoesNotMissAnAttemptWhoseOrderIsOnItsWay) {
  AddWorker("a");
  Submit(1, 0);
  FakeWorker before = workers_[0];
  before.running.clear();
  before.last_order -= 1;
  Beat(&before);
  EXPECT_THAT(workers_[0].running, testing::Contains(testing::Key("m-00000.0")));
  EXPECT_THAT(launched_, SizeIs(1));
}

TEST_F(TrackerTest, StopsWhatAWorkerRunsForNobody) {
  AddWorker("a");
  const std::string id = Submit(2, 0);
  const pb::TaskSpec task = workers_[0].running.at("m-00000.0");
  Succeed(&workers_[0], "m-00000.0");
  workers_[0].running["m-00000.0"] = task;
  Beat(&workers_[0]);
  EXPECT_THAT(workers_[0].running, testing::Not(testing::Contains(testing::Key("m-00000.0"))));
}

TEST_F(TrackerTest, GivesUpAnAttemptOfWhichNothingIsHeard) {
  AddWorker("a");
  AddWorker("b");
  const std::string id = Submit(1, 0);
  FakeWorker* runs = WorkerOf("m-00000.0");
  for (int second = 0; second < 700; ++second) {
    now_ += absl::Seconds(1);
    for (FakeWorker& worker : workers_) Beat(&worker);
    tracker_->Tick(now_);
    Pump();
  }
  EXPECT_THAT(launched_, SizeIs(2)) << "the timeout of 600 s and a minute are over";
  EXPECT_NE(WorkerOf("m-00000.1"), runs) << "another worker tries";
}

TEST_F(TrackerTest, NeverGivesANumberOutTwiceWhenPowerCutsTakeTheJournal) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(seed);
    storage_ = NewMemoryJournalStorage();
    workers_.clear();
    launched_.clear();
    Restart();
    AddWorker("a");
    AddWorker("b");
    const std::string id = Submit(5, 2);
    int steps = 0;
    do {
      if (random() % 4 == 0) {
        tracker_.reset();
        CutPower(storage_.get());
        Restart();
        if (random() % 2 == 0) workers_[0].running.clear();  // it lost power as well
        for (FakeWorker& worker : workers_) Register(&worker);
      }
      ASSERT_LT(++steps, 300) << "seed " << seed;
    } while (SucceedOne(&random));
    EXPECT_EQ(job(id).state, pb::JOB_STATE_COMMITTING) << "seed " << seed;
    EXPECT_EQ(job(id).maps->counters().at({"user", "mapped"}), 15) << "seed " << seed;
    const std::set<std::string> names(launched_.begin(), launched_.end());
    EXPECT_EQ(names.size(), launched_.size()) << "seed " << seed;
  }
}

TEST_F(TrackerTest, TakesUpFinishedWorkThatAPowerCutTookFromTheJournal) {
  AddWorker("a");
  const std::string id = Submit(2, 0);
  Succeed(&workers_[0], "m-00000.0");
  tracker_.reset();
  CutPower(storage_.get());
  Restart();
  EXPECT_THAT(launched_, SizeIs(2)) << "nothing has to run again";
  RunToTheEnd();
  EXPECT_EQ(job(id).state, pb::JOB_STATE_COMMITTING);
}

TEST_F(TrackerTest, StartsNothingBeforeARegistrationIsComplete) {
  AddWorker("a");
  Submit(4, 0);
  ASSERT_THAT(launched_, SizeIs(2));
  pb::WorkerMessage::Register first;
  first.set_worker_id("a");
  first.set_slots(4);
  first.set_more(true);
  const WorkerKey key = tracker_->Register(first, now_);
  tracker_->Tick(now_);
  JobTracker::Effects effects = tracker_->TakeEffects();
  EXPECT_TRUE(effects.orders.empty());
  EXPECT_TRUE(effects.admitted.empty());
  pb::WorkerMessage::Register last;
  for (const auto& [name, task] : workers_[0].running) *last.add_running() = task.id();
  tracker_->ContinueRegistration(key, last, now_);
  effects = tracker_->TakeEffects();
  EXPECT_THAT(effects.admitted, testing::ElementsAre(key));
  ASSERT_THAT(effects.orders, SizeIs(3)) << "the other two are launched, and nothing is killed";
  EXPECT_TRUE(effects.orders[0].second.has_briefing()) << "a new session knows of no job";
  EXPECT_TRUE(effects.orders[1].second.has_launch());
  EXPECT_TRUE(effects.orders[2].second.has_launch());
}

// The last reduce is told of before a map that was lost and has run again for nothing.
TEST_F(TrackerTest, FinishesAJobOnceWhateverElseARegistrationTells) {
  for (const bool in_pieces : {false, true}) {
    SCOPED_TRACE(in_pieces);
    storage_ = NewMemoryJournalStorage();
    workers_.clear();
    Restart();
    AddWorker("a");
    const std::string id = Submit(1, 1);
    Succeed(&workers_[0], "m-00000.0");
    ReportFetchFailure(&workers_[0], "r-00000.0", 0, 0);
    ASSERT_TRUE(workers_[0].running.contains("m-00000.1"));
    pb::WorkerMessage::Register pieces[2];
    pieces[0].set_worker_id("a");
    pieces[0].set_slots(2);
    pieces[0].set_more(in_pieces);
    const auto hold = [&](const char* name, pb::WorkerMessage::Register* piece) {
      auto* held = piece->add_held();
      *held->mutable_id() = workers_[0].running.at(name).id();
      *held->mutable_result() = ResultOf(workers_[0].running.at(name));
    };
    hold("r-00000.0", &pieces[0]);
    hold("m-00000.1", &pieces[in_pieces ? 1 : 0]);
    const WorkerKey worker = tracker_->Register(pieces[0], now_);
    EXPECT_EQ(tracker_->state().scheduler.job(job(id).key), nullptr) << "it needs no more tasks";
    EXPECT_THAT(tracker_->TakeEffects().to_finish, testing::ElementsAre(job(id).key));
    tracker_->ContinueRegistration(worker, pieces[1], now_);
    EXPECT_THAT(tracker_->TakeEffects().to_finish, SizeIs(0));
  }
}

TEST_F(TrackerTest, FailsATaskUnderWhichWorkersDie) {
  for (const char* id : {"a", "b", "c", "d", "e"}) AddWorker(id);
  const std::string id = Submit(1, 0);
  for (int deaths = 0; deaths < 4; ++deaths) {
    ASSERT_EQ(job(id).doomed, pb::JOB_STATE_UNSPECIFIED);
    FakeWorker* worker = WorkerOf(fmt::format("m-00000.{}", deaths));
    ASSERT_NE(worker, nullptr);
    Crash(worker);
  }
  EXPECT_EQ(job(id).doomed, pb::JOB_STATE_FAILED);
  EXPECT_THAT(job(id).reason, HasSubstr("m-00000: 4 workers died while they ran it"));
  Restart();
  EXPECT_EQ(job(id).doomed, pb::JOB_STATE_FAILED) << "also after a restart";
}

TEST_F(TrackerTest, DoesNotBlameATaskForAClusterThatRestarts) {
  AddWorker("a");
  const std::string id = Submit(1, 0);
  for (int restart = 0; restart < 6; ++restart) {
    for (FakeWorker& worker : workers_) worker.running.clear();
    Restart();
  }
  EXPECT_EQ(job(id).doomed, pb::JOB_STATE_UNSPECIFIED);
}

TEST_F(TrackerTest, BlamesATaskForWorkersThatComeBackLateAndAnew) {
  AddWorker("a");
  const std::string id = Submit(1, 0);
  for (int deaths = 0; deaths < 4; ++deaths) {
    ASSERT_EQ(job(id).doomed, pb::JOB_STATE_UNSPECIFIED);
    LoseAll();
    Crash(&workers_[0]);
  }
  EXPECT_EQ(job(id).doomed, pb::JOB_STATE_FAILED);
}

TEST_F(TrackerTest, BlamesNoTaskForANetworkThatWasAway) {
  AddWorker("a");
  AddWorker("b");
  const std::string id = Submit(2, 0);
  for (int outage = 0; outage < 6; ++outage) {
    LoseAll();
    for (FakeWorker& worker : workers_) Register(&worker);
    ASSERT_EQ(job(id).doomed, pb::JOB_STATE_UNSPECIFIED) << outage;
  }
  Restart();
  EXPECT_EQ(job(id).doomed, pb::JOB_STATE_UNSPECIFIED) << "also after a restart";
  RunToTheEnd();
  EXPECT_EQ(job(id).state, pb::JOB_STATE_COMMITTING);
}

TEST_F(TrackerTest, BlamesNoTaskForAnOrderThatWasLostWithItsSession) {
  AddWorker("a");
  const std::string id = Submit(1, 0);
  for (int session = 0; session < 6; ++session) {
    workers_[0].running.clear();
    tracker_->SessionEnded(workers_[0].key, now_);
    Register(&workers_[0]);
    ASSERT_EQ(job(id).doomed, pb::JOB_STATE_UNSPECIFIED) << session;
  }
}

TEST_F(TrackerTest, MovesMapsAwayFromAWorkerThatReducersCannotReach) {
  for (const char* id : {"a", "b", "c", "d"}) AddWorker(id);
  const std::string id = Submit(8, 4);
  const std::string bad = WorkerOf("m-00000.0")->id;
  std::map<uint32_t, std::string> place;  // of the newest output of each map
  int reruns = 0;
  for (int round = 0; round < 200; ++round) {
    now_ += absl::Seconds(1);
    for (FakeWorker& worker : workers_) Beat(&worker);
    tracker_->Tick(now_);
    Pump();
    bool maps_run = false;
    for (FakeWorker& worker : workers_) {
      const auto running = worker.running;
      for (const auto& [name, task] : running) {
        if (!worker.running.contains(name) || task.id().kind() != pb::TASK_KIND_MAP) continue;
        maps_run = true;
        if (place.contains(task.id().task())) ++reruns;
        place[task.id().task()] = worker.id;
        Succeed(&worker, name);
      }
    }
    if (maps_run) continue;
    for (FakeWorker& worker : workers_) {
      if (worker.id == bad) continue;
      const auto running = worker.running;
      for (const auto& [name, task] : running) {
        for (const auto& [map, where] : place) {
          const Attempt* chosen = tracker_->state().Tasks(job(id))->Chosen(TaskKind::kMap, map);
          if (where != bad || chosen == nullptr || !worker.running.contains(name)) continue;
          ReportFetchFailure(&worker, name, map, chosen->number);
        }
      }
    }
  }
  EXPECT_EQ(job(id).doomed, pb::JOB_STATE_UNSPECIFIED) << job(id).reason;
  for (const auto& [map, where] : place) EXPECT_NE(where, bad) << "map " << map;
  EXPECT_LE(reruns, 2) << "each output of that worker once";
}

TEST_F(TrackerTest, FailsAJobWhoseMapOutputNobodyCanEverFetch) {
  AddWorker("a");
  AddWorker("b");
  const std::string id = Submit(1, 1);
  for (int i = 0; i < 100 && job(id).doomed == pb::JOB_STATE_UNSPECIFIED; ++i) {
    now_ += absl::Minutes(11);
    for (FakeWorker& worker : workers_) Register(&worker);
    const Attempt map = *tracker_->state().Tasks(job(id))->Newest(TaskKind::kMap, 0);
    if (map.state == AttemptState::kRunning) {
      const std::string name = fmt::format("m-00000.{}", map.number);
      Succeed(WorkerOf(name), name);
    }
    for (FakeWorker& worker : workers_) {
      const auto running = worker.running;
      for (const auto& [name, task] : running) {
        if (task.id().kind() == pb::TASK_KIND_REDUCE && worker.running.contains(name)) {
          ReportFetchFailure(&worker, name, 0, map.number);
        }
      }
    }
  }
  EXPECT_EQ(job(id).doomed, pb::JOB_STATE_FAILED);
  EXPECT_THAT(job(id).reason, HasSubstr("m-00000: its output on "));
  EXPECT_THAT(job(id).reason, HasSubstr("connect: refused"));
}

TEST_F(TrackerTest, GivesAWorkerThatIsAwayItsTimeWhateverReducersSay) {
  for (const char* id : {"a", "b", "c"}) AddWorker(id);
  const std::string id = Submit(1, 2);
  FakeWorker* holder = WorkerOf("m-00000.0");
  Succeed(holder, "m-00000.0");
  tracker_->SessionEnded(holder->key, now_);
  Pump();
  for (const char* reduce : {"r-00000.0", "r-00001.0"}) {
    if (FakeWorker* worker = WorkerOf(reduce)) ReportFetchFailure(worker, reduce, 0, 0);
  }
  EXPECT_EQ(tracker_->state().Tasks(job(id))->counts(TaskKind::kMap).done, 1u);
  now_ += absl::Seconds(4);
  tracker_->Tick(now_);
  Pump();
  EXPECT_EQ(tracker_->state().Tasks(job(id))->counts(TaskKind::kMap).done, 0u) << "it is lost";
}

TEST_F(TrackerTest, LetsAnotherWorkerTryWhatFailedAndRestsABlackHole) {
  for (const char* id : {"a", "b"}) AddWorker(id);
  const std::string id = Submit(6, 0);
  int failures = 0;
  // Worker a cannot start tasks.
  for (int round = 0; round < 40; ++round) {
    const auto running = workers_[0].running;
    for (const auto& [name, task] : running) {
      pb::WorkerMessage::AttemptUpdate update;
      *update.mutable_id() = task.id();
      workers_[0].running.erase(name);
      update.set_state(pb::ATTEMPT_STATE_FAILED);
      update.mutable_failure()->set_message("quern-task ended with exit code 1");
      update.mutable_failure()->set_environment(true);
      update.mutable_failure()->set_worker(true);
      ++failures;
      tracker_->Update(workers_[0].key, update, now_);
      Pump();
    }
    const auto good = workers_[1].running;
    for (const auto& [name, task] : good) Succeed(&workers_[1], name);
    now_ += absl::Milliseconds(100);
    tracker_->Tick(now_);
    Pump();
  }
  EXPECT_EQ(job(id).state, pb::JOB_STATE_COMMITTING) << job(id).reason;
  EXPECT_LE(failures, 4);
}

TEST_F(TrackerTest, FailsAJobOfTooManyCountersAndNamesTheLimit) {
  AddWorker("a");
  const std::string id = Submit(20, 0);
  for (uint32_t task = 0; task < 11; ++task) {
    const std::string name = fmt::format("m-{:05}.0", task);
    const pb::TaskSpec spec = workers_[0].running.at(name);
    workers_[0].running.erase(name);
    pb::WorkerMessage::AttemptUpdate update;
    *update.mutable_id() = spec.id();
    update.set_state(pb::ATTEMPT_STATE_SUCCEEDED);
    for (int i = 0; i < 1000; ++i) {
      pb::Counter* counter = update.mutable_result()->add_counters();
      counter->set_group("user");
      counter->set_name(fmt::format("domain.{}.{}", task, i));
    }
    tracker_->Update(workers_[0].key, update, now_);
    Pump();
  }
  EXPECT_EQ(job(id).doomed, pb::JOB_STATE_FAILED);
  EXPECT_THAT(job(id).reason, HasSubstr("11000 different counters"));
  EXPECT_THAT(job(id).reason, HasSubstr("10000"));
  EXPECT_LT(MakeJobSummary(job(id), nullptr).ByteSizeLong(), 1000u) << "a list stays short";
}

TEST_F(TrackerTest, APipelineGoesOnFromWhatCanBeReadOfIt) {
  const JobKey key(77);
  pb::JournalRecord submitted;
  submitted.mutable_pipeline_submitted()->set_pipeline_id("pipeline-20261122-0001");
  const pb::JournalRecord nonsense;
  ASSERT_TRUE(journal_->Append({{key, submitted}, {key, nonsense}, {key, submitted}}, {}).ok());
  JobTracker successor(journal_.get(), JobTracker::Options{});
  PipelineRecords pipelines;
  ASSERT_TRUE(successor.Recover(now_, &pipelines).ok());
  EXPECT_EQ(pipelines[key].size(), 1u);
  EXPECT_TRUE(successor.TakeEffects().to_forget.empty()) << "its records are still needed";
}

TEST_F(TrackerTest, ADamagedJournalCostsItsJobAndNoOther) {
  AddWorker("a");
  const std::string damaged = Submit(2, 0);
  const std::string well = Submit(1, 0);
  pb::JournalRecord nonsense;
  nonsense.mutable_started()->mutable_id()->set_task(1'000'000);
  ASSERT_TRUE(journal_->Append({{job(damaged).key, nonsense}}, {}).ok());
  Restart();
  EXPECT_EQ(job(damaged).doomed, pb::JOB_STATE_FAILED);
  EXPECT_THAT(job(damaged).reason, HasSubstr("journal of this job is damaged"));
  EXPECT_EQ(job(well).doomed, pb::JOB_STATE_UNSPECIFIED);
  RunToTheEnd();
  EXPECT_EQ(job(well).state, pb::JOB_STATE_COMMITTING);
}

// A map-only job without splits has done all that it has.
TEST_F(TrackerTest, AJobWhosePlanIsDamagedFailsAndPublishesNothing) {
  const absl::StatusOr<pb::JournalRecord> found[] = {
      DataLossError("record 1 cannot be read"),
      pb::JournalRecord(),  // readable, and of no kind
  };
  for (const absl::StatusOr<pb::JournalRecord>& splits : found) {
    SCOPED_TRACE(splits.status());
    storage_ = NewMemoryJournalStorage();
    Restart();
    const std::string id = Submit(2, 0);
    ReplaceRecord(storage_.get(), job(id).key, 1, splits);
    Restart();
    EXPECT_EQ(job(id).doomed, pb::JOB_STATE_FAILED);
    EXPECT_NE(job(id).state, pb::JOB_STATE_COMMITTING);
    EXPECT_THAT(job(id).reason, HasSubstr("journal of this job is damaged"));
  }
}

TEST_F(TrackerTest, NeverGivesAJobIdOutTwiceWhenTheClockGoesBackOverARestart) {
  AddWorker("a");
  const std::string first = Submit(1, 0);
  now_ += absl::Hours(24);
  const std::string tomorrow = Submit(1, 0);
  now_ -= absl::Hours(24);
  Restart();
  const std::string again = Submit(1, 0);
  EXPECT_EQ((std::set<std::string>{first, tomorrow, again}.size()), 3u) << again;
}

TEST_F(TrackerTest, ProgressNeverFalls) {
  AddWorker("a");
  const std::string id = Submit(2, 0);
  pb::WorkerMessage::Heartbeat beat;
  for (const auto& [name, task] : workers_[0].running) *beat.add_running() = task.id();
  pb::WorkerMessage::AttemptUpdate* update = beat.add_progress();
  *update->mutable_id() = workers_[0].running.at("m-00000.0").id();
  update->set_state(pb::ATTEMPT_STATE_RUNNING);
  update->mutable_progress()->set_fraction(0.75);
  tracker_->Heartbeat(workers_[0].key, beat, now_);
  Pump();
  const auto progress = [&] {
    return MakeJobStatus(job(id), tracker_->state().Tasks(job(id))).map().progress();
  };
  EXPECT_NEAR(progress(), 0.75, 1e-6);
  Fail(&workers_[0], "m-00000.0", "bad record");
  EXPECT_NEAR(progress(), 0.75, 1e-6);
  Succeed(&workers_[0], "m-00000.1");
  EXPECT_NEAR(progress(), 1, 1e-6);
}

}  // namespace
}  // namespace quern::mr
