// One suite for every kind of journal, and what only the one on disk can get wrong.
#include "mapreduce/coordinator/store/job_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>

#include "common/clock.h"
#include "common/notification.h"
#include "common/storage/rocks.h"
#include "common/thread.h"
#include "mapreduce/coordinator/store/rocks_job_journal.h"
#include "tests/support/faulty_file_system.h"

namespace quern::mr {
namespace {

using testing::HasSubstr;

// A place that a journal can be opened at again and again.
class Medium {
 public:
  virtual ~Medium() = default;
  virtual std::unique_ptr<JobJournal> Open() = 0;
};

class MemoryMedium : public Medium {
 public:
  std::unique_ptr<JobJournal> Open() override { return OpenMemoryJournal(storage_); }

 private:
  std::shared_ptr<MemoryJournalStorage> storage_ = NewMemoryJournalStorage();
};

std::string MakeTempDir() {
  std::string dir = testing::TempDir() + "/journal-XXXXXX";
  return mkdtemp(dir.data()) == nullptr ? "" : dir;
}

class RocksMedium : public Medium {
 public:
  ~RocksMedium() override { std::filesystem::remove_all(dir_); }
  std::unique_ptr<JobJournal> Open() override {
    auto journal = RocksJobJournal::Open({.dir = dir_});
    EXPECT_TRUE(journal.ok()) << journal.status();
    return *std::move(journal);
  }

 private:
  const std::string dir_ = MakeTempDir();
};

JobJournal::Entry Lost(uint32_t job, uint32_t task) {
  JobJournal::Entry entry{JobKey(job), {}};
  entry.record.mutable_lost()->set_map_task(task);
  return entry;
}

using Rows = std::vector<std::pair<uint32_t, uint32_t>>;  // job, task

Rows ReadRows(JobJournal* journal) {
  Rows rows;
  const auto status =
      journal->ReadAll([&](JobKey job, const absl::StatusOr<pb::JournalRecord>& record) {
        rows.emplace_back(job.value(), record->lost().map_task());
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  return rows;
}

class JobJournalTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      medium_ = std::make_unique<RocksMedium>();
    } else {
      medium_ = std::make_unique<MemoryMedium>();
    }
    journal_ = medium_->Open();
  }
  void Reopen() {
    journal_.reset();
    journal_ = medium_->Open();
  }

  std::unique_ptr<Medium> medium_;
  std::unique_ptr<JobJournal> journal_;
};

TEST_P(JobJournalTest, GivesBackRecordsByJobInTheirOrder) {
  ASSERT_TRUE(journal_->Append({Lost(2, 5), Lost(1, 9)}, JobJournal::Sync::kProcess).ok());
  ASSERT_TRUE(journal_->Append({Lost(1, 3)}, JobJournal::Sync::kDurable).ok());
  const Rows expected = {{1, 9}, {1, 3}, {2, 5}};
  EXPECT_EQ(ReadRows(journal_.get()), expected);
  Reopen();
  EXPECT_EQ(ReadRows(journal_.get()), expected);
}

TEST_P(JobJournalTest, ContinuesAfterReopening) {
  for (uint32_t i = 0; i < 300; ++i) {
    ASSERT_TRUE(journal_->Append({Lost(1, i)}, JobJournal::Sync::kProcess).ok());
    if (i % 100 == 50) Reopen();
  }
  const Rows rows = ReadRows(journal_.get());
  ASSERT_EQ(rows.size(), 300u);
  for (uint32_t i = 0; i < 300; ++i) EXPECT_EQ(rows[i].second, i);
}

TEST_P(JobJournalTest, KeepsOnlyTheLastRecordOfAFinishedJob) {
  ASSERT_TRUE(journal_->Append({Lost(1, 1), Lost(1, 2), Lost(2, 3)}, {}).ok());
  ASSERT_TRUE(journal_->Finish(JobKey(1), Lost(1, 7).record).ok());
  Reopen();
  EXPECT_EQ(ReadRows(journal_.get()), (Rows{{1, 7}, {2, 3}}));
  ASSERT_TRUE(journal_->Finish(JobKey(1), Lost(1, 8).record).ok());
  EXPECT_EQ(ReadRows(journal_.get()), (Rows{{1, 8}, {2, 3}}));
}

TEST_P(JobJournalTest, ForgetsARemovedJob) {
  ASSERT_TRUE(journal_->Append({Lost(1, 1), Lost(2, 3)}, {}).ok());
  ASSERT_TRUE(journal_->Remove(JobKey(1)).ok());
  EXPECT_EQ(ReadRows(journal_.get()), (Rows{{2, 3}}));
}

pb::TaskHistory HistoryOf(uint32_t attempts) {
  pb::TaskHistory tasks;
  for (uint32_t i = 0; i < attempts; ++i) tasks.add_attempts()->set_worker(i);
  return tasks;
}

TEST_P(JobJournalTest, KeepsWhatTheTasksOfAFinishedJobDid) {
  const pb::TaskHistory tasks = HistoryOf(3);
  EXPECT_EQ(journal_->ReadTasks(JobKey(1)).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(journal_->Finish(JobKey(1), Lost(1, 7).record, &tasks).ok());
  ASSERT_TRUE(journal_->Finish(JobKey(2), Lost(2, 7).record).ok());
  Reopen();
  ASSERT_TRUE(journal_->Finish(JobKey(1), Lost(1, 8).record).ok()) << "and its last record again";
  ASSERT_TRUE(journal_->ReadTasks(JobKey(1)).ok());
  EXPECT_EQ(journal_->ReadTasks(JobKey(1))->attempts_size(), 3);
  EXPECT_EQ(journal_->ReadTasks(JobKey(2)).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadRows(journal_.get()), (Rows{{1, 8}, {2, 7}})) << "they are no records";
  ASSERT_TRUE(journal_->Remove(JobKey(1)).ok());
  EXPECT_EQ(journal_->ReadTasks(JobKey(1)).status().code(), absl::StatusCode::kNotFound);
}

TEST_P(JobJournalTest, AJobThatRanForLongIsNoOldOneWhenItEnds) {
  const pb::TaskHistory tasks = HistoryOf(1);
  constexpr uint32_t kJobs = JobJournal::kJobsWithTasks;
  for (uint32_t job = 2; job <= kJobs + 1; ++job) {
    ASSERT_TRUE(journal_->Finish(JobKey(job), Lost(job, 0).record, &tasks).ok());
  }
  ASSERT_TRUE(journal_->Finish(JobKey(1), Lost(1, 0).record, &tasks).ok());
  Reopen();
  EXPECT_TRUE(journal_->ReadTasks(JobKey(1)).ok());
  EXPECT_FALSE(journal_->ReadTasks(JobKey(2)).ok()) << "it ended first";
  ASSERT_TRUE(journal_->Finish(JobKey(kJobs + 2), Lost(kJobs + 2, 0).record, &tasks).ok());
  EXPECT_TRUE(journal_->ReadTasks(JobKey(1)).ok()) << "also after a restart";
  EXPECT_FALSE(journal_->ReadTasks(JobKey(3)).ok());
}

TEST_P(JobJournalTest, KeepsTheTasksOfTheNewestJobsOnly) {
  const pb::TaskHistory tasks = HistoryOf(1);
  constexpr uint32_t kJobs = JobJournal::kJobsWithTasks + 3;
  for (uint32_t job = 1; job <= kJobs; ++job) {
    ASSERT_TRUE(journal_->Finish(JobKey(job), Lost(job, 0).record, &tasks).ok());
    if (job == 100) Reopen();
  }
  Reopen();
  for (uint32_t job = 1; job <= kJobs; ++job) {
    EXPECT_EQ(journal_->ReadTasks(JobKey(job)).ok(), job > 3) << job;
  }
  EXPECT_EQ(ReadRows(journal_.get()).size(), kJobs) << "the jobs themselves are known";
}

TEST_P(JobJournalTest, GrowsItsTermAndKeepsItsClusterId) {
  const std::string cluster = journal_->cluster_id();
  const uint64_t term = journal_->term();
  Reopen();
  EXPECT_EQ(journal_->cluster_id(), cluster);
  EXPECT_GT(journal_->term(), term);
}

TEST_P(JobJournalTest, StopsReadingAtAnError) {
  ASSERT_TRUE(journal_->Append({Lost(1, 1), Lost(1, 2)}, {}).ok());
  int visits = 0;
  const auto status = journal_->ReadAll([&](JobKey, const absl::StatusOr<pb::JournalRecord>&) {
    ++visits;
    return AbortedError("enough");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(visits, 1);
}

INSTANTIATE_TEST_SUITE_P(Kinds, JobJournalTest, testing::Bool(),
                         [](const auto& p) { return p.param ? "Rocks" : "Memory"; });

// Logs whose syncs take as long as the test says.
class SlowSyncEnv : public rocksdb::EnvWrapper {
 public:
  SlowSyncEnv() : EnvWrapper(rocksdb::Env::Default()) {}
  rocksdb::Status NewWritableFile(const std::string& name,
                                  std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    rocksdb::Status made = EnvWrapper::NewWritableFile(name, file, options);
    if (made.ok() && name.ends_with(".log")) {
      *file = std::make_unique<Log>(std::move(*file), this);
    }
    return made;
  }
  void Hold() { held_ = true; }
  void LetGo() { let_go_.Notify(); }
  void WaitForSync() { syncing_.Wait(); }

 private:
  class Log : public rocksdb::WritableFileWrapper {
   public:
    Log(std::unique_ptr<rocksdb::WritableFile> file, SlowSyncEnv* env)
        : WritableFileWrapper(file.get()), file_(std::move(file)), env_(env) {}
    rocksdb::Status Sync() override {
      env_->OnSync();
      return WritableFileWrapper::Sync();
    }
    rocksdb::Status Fsync() override { return Sync(); }
    bool IsSyncThreadSafe() const override { return true; }

   private:
    const std::unique_ptr<rocksdb::WritableFile> file_;
    SlowSyncEnv* const env_;
  };
  void OnSync() {
    if (!held_.exchange(false)) return;
    syncing_.Notify();
    let_go_.Wait();
  }

  std::atomic<bool> held_{false};
  Notification syncing_, let_go_;
};

TEST(RocksJobJournal, NobodyElseWaitsForTheDiskOfWhoWantsToBeDurable) {
  const std::string dir = MakeTempDir();
  SlowSyncEnv env;
  auto journal = RocksJobJournal::Open({.dir = dir, .env = &env});
  ASSERT_TRUE(journal.ok()) << journal.status();
  env.Hold();
  Thread durable("durable", [&] {
    EXPECT_TRUE((*journal)->Append({Lost(1, 1)}, JobJournal::Sync::kDurable).ok());
  });
  env.WaitForSync();
  EXPECT_TRUE((*journal)->Append({Lost(2, 2)}, JobJournal::Sync::kProcess).ok());
  env.LetGo();
  durable.Join();
  EXPECT_EQ(ReadRows(journal->get()), (Rows{{1, 1}, {2, 2}}));
  journal->reset();
  std::filesystem::remove_all(dir);
}

TEST(RocksJobJournal, TakesItsReserveAsSoonAsThereIsRoom) {
  const std::string dir = MakeTempDir();
  FaultyFileSystem files;
  files.SetFreeBytes(uint64_t{24} << 20);  // enough to be opened, and for no reserve
  auto journal = RocksJobJournal::Open({.dir = dir, .files = &files});
  ASSERT_TRUE(journal.ok()) << journal.status();
  (*journal)->TakeReserve();
  EXPECT_FALSE(files.Exists(dir + "/journal.reserve"));
  files.SetFreeBytes(std::nullopt);
  (*journal)->TakeReserve();
  EXPECT_TRUE(files.Exists(dir + "/journal.reserve"));
  journal->reset();
  std::filesystem::remove_all(dir);
}

TEST(RocksJobJournal, RefusesToStartWithoutTheDatabaseItHad) {
  const std::string dir = MakeTempDir();
  ASSERT_TRUE(RocksJobJournal::Open({.dir = dir}).ok());
  std::filesystem::remove_all(dir + "/journal");
  const auto again = RocksJobJournal::Open({.dir = dir});
  EXPECT_EQ(again.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(again.status().ToString(), HasSubstr("is gone"));
  std::filesystem::remove_all(dir);
}

TEST(RocksJobJournal, RefusesAnOldCopyOfItsDatabase) {
  const std::string dir = MakeTempDir();
  ASSERT_TRUE(RocksJobJournal::Open({.dir = dir}).ok());
  std::filesystem::copy(dir + "/journal", dir + "/old", std::filesystem::copy_options::recursive);
  ASSERT_TRUE(RocksJobJournal::Open({.dir = dir}).ok());
  std::filesystem::remove_all(dir + "/journal");
  std::filesystem::rename(dir + "/old", dir + "/journal");
  EXPECT_EQ(RocksJobJournal::Open({.dir = dir}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  std::filesystem::remove_all(dir);
}

TEST(RocksJobJournal, KnowsWhenItWasMade) {
  const std::string dir = MakeTempDir();
  SimulatedClock clock;
  const absl::Time made = clock.TimeNow();
  for (int start = 0; start < 2; ++start) {
    const auto journal = RocksJobJournal::Open({.dir = dir, .clock = &clock});
    ASSERT_TRUE(journal.ok()) << journal.status();
    EXPECT_EQ((*journal)->created(), made);
    clock.AdvanceTime(absl::Hours(1));
  }
  {
    RocksOptions options;
    options.path = dir + "/journal";
    options.column_families = {"meta", "records", "tasks"};
    auto db = OpenRocks(options);
    ASSERT_TRUE(db.ok()) << db.status();
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Delete((*db)->ColumnFamily("meta"), "created").ok());
    ASSERT_TRUE((*db)->Write(&batch, RocksSync::kNow).ok());
  }
  const auto journal = RocksJobJournal::Open({.dir = dir, .clock = &clock});
  ASSERT_TRUE(journal.ok()) << journal.status();
  EXPECT_EQ((*journal)->created(), clock.TimeNow()) << "one of an earlier version";
  std::filesystem::remove_all(dir);
}

TEST(RocksJobJournal, TellsOfARecordThatCannotBeReadAndGoesOn) {
  const std::string dir = MakeTempDir();
  {
    auto journal = RocksJobJournal::Open({.dir = dir});
    ASSERT_TRUE(journal.ok());
    ASSERT_TRUE((*journal)->Append({Lost(1, 1), Lost(2, 3)}, {}).ok());
  }
  {
    RocksOptions options;
    options.path = dir + "/journal";
    options.column_families = {"meta", "records", "tasks"};
    auto db = OpenRocks(options);
    ASSERT_TRUE(db.ok()) << db.status();
    rocksdb::WriteBatch batch;
    const std::string key("\0\0\0\1\0\0\0\0\0\0\0\0", 12);
    ASSERT_TRUE(batch.Put((*db)->ColumnFamily("records"), key, "\xff\xff").ok());
    ASSERT_TRUE((*db)->Write(&batch, RocksSync::kNow).ok());
  }
  auto journal = RocksJobJournal::Open({.dir = dir});
  ASSERT_TRUE(journal.ok()) << journal.status();
  std::map<uint32_t, absl::StatusCode> seen;
  ASSERT_TRUE((*journal)
                  ->ReadAll([&](JobKey job, const absl::StatusOr<pb::JournalRecord>& record) {
                    seen[job.value()] = record.status().code();
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(seen[1], absl::StatusCode::kDataLoss);
  EXPECT_EQ(seen[2], absl::StatusCode::kOk);
  std::filesystem::remove_all(dir);
}

TEST(RocksJobJournal, OneFromBeforeThereWereTasksIsOpened) {
  const std::string dir = MakeTempDir();
  {
    auto journal = RocksJobJournal::Open({.dir = dir});
    ASSERT_TRUE(journal.ok());
    ASSERT_TRUE((*journal)->Finish(JobKey(1), Lost(1, 7).record).ok());
  }
  {
    RocksOptions options;
    options.path = dir + "/journal";
    options.column_families = {"meta", "records", "tasks"};
    auto db = OpenRocks(options);
    ASSERT_TRUE(db.ok()) << db.status();
    ASSERT_TRUE((**db)->DropColumnFamily((*db)->ColumnFamily("tasks")).ok());
  }
  auto journal = RocksJobJournal::Open({.dir = dir});
  ASSERT_TRUE(journal.ok()) << journal.status();
  EXPECT_EQ(ReadRows(journal->get()), (Rows{{1, 7}}));
  EXPECT_EQ((*journal)->ReadTasks(JobKey(1)).status().code(), absl::StatusCode::kNotFound);
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace quern::mr
