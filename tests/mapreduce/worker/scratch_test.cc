// What of other jobs may be dropped while attempts run.
#include "mapreduce/worker/scratch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "common/thread.h"
#include "mapreduce/engine/task_id.h"
#include "tests/support/hanging_file_system.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

constexpr char kDay[] = "20261101";

// Removals fail.
class StubbornFileSystem final : public HangingFileSystem {
 public:
  absl::Status Remove(const std::string& path) override {
    return keeps_files ? UnavailableError("{}: stays", path) : HangingFileSystem::Remove(path);
  }
  absl::Status RemoveTree(const std::string& path) override {
    return keeps_trees ? UnavailableError("{}: stays", path) : HangingFileSystem::RemoveTree(path);
  }

  bool keeps_files = false;
  bool keeps_trees = false;
};

class ScratchTest : public testing::Test {
 protected:
  static pb::AttemptId FirstMap(const std::string& job) {
    pb::AttemptId id;
    id.set_job_id(job);
    id.set_kind(pb::TASK_KIND_MAP);
    return id;
  }
  bool HasDir(const std::string& job) const {
    return std::filesystem::exists(dir_ / "jobs/" + job);
  }
  // What ended attempts of jobs `from` to `to` have left.
  void LeaveLogs(uint32_t from, uint32_t to) {
    for (uint32_t number = from; number <= to; ++number) {
      const std::string dir = dir_ / "jobs/" + FormatJobId(kDay, number) + "/m-00000.0";
      std::filesystem::create_directories(dir);
      std::ofstream(dir + "/log") << "printed";
    }
  }

  const TempDir dir_;
  const std::unique_ptr<Scratch> scratch_ = *Scratch::Open({dir_.path()});
};

TEST_F(ScratchTest, ARunningAttemptKeepsItsDirectory) {
  const std::string oldest = FormatJobId(kDay, 1);
  const auto failing = scratch_->MakeAttemptDir(FirstMap(oldest));
  ASSERT_TRUE(failing.ok()) << failing.status();
  std::ofstream(*failing + "/log") << "printed";
  LeaveLogs(2, 202);
  scratch_->RemoveJob(FormatJobId(kDay, 202));
  EXPECT_TRUE(std::filesystem::exists(*failing));
  EXPECT_FALSE(HasDir(FormatJobId(kDay, 2)));

  scratch_->Discard(*failing);
  scratch_->RemoveJob(FormatJobId(kDay, 202));
  EXPECT_FALSE(HasDir(oldest)) << "only its log is left, and it is older than 200 others";
}

TEST_F(ScratchTest, AnAttemptThatIsTriedAgainEndsOnce) {
  const std::string oldest = FormatJobId(kDay, 1);
  const pb::AttemptId id = FirstMap(oldest);
  ASSERT_TRUE(scratch_->MakeAttemptDir(id).ok());
  const auto dir = scratch_->MakeAttemptDir(id);
  ASSERT_TRUE(dir.ok()) << dir.status();
  pb::WorkerMessage::HeldOutput held;
  *held.mutable_id() = id;
  ASSERT_TRUE(scratch_->Hold(held, *dir).ok());
  LeaveLogs(2, 203);
  scratch_->RemoveJob(FormatJobId(kDay, 203));
  EXPECT_TRUE(HasDir(oldest)) << "its output is held";
  scratch_->ForgetJob(oldest);
  scratch_->RemoveJob(FormatJobId(kDay, 203));
  EXPECT_FALSE(HasDir(oldest));
}

TEST_F(ScratchTest, NobodyWaitsForTheRemovalOfOldLogs) {
  HangingFileSystem disk;
  const auto scratch = *Scratch::Open({dir_.path()}, &disk);
  pb::WorkerMessage::HeldOutput held;
  *held.mutable_id() = FirstMap(FormatJobId(kDay, 300));
  ASSERT_TRUE(scratch->Hold(held, *scratch->MakeAttemptDir(held.id())).ok());
  LeaveLogs(1, 202);
  const std::string oldest = FormatJobId(kDay, 1);
  disk.Hang(oldest);
  Thread remover("remover", [&] { scratch->RemoveJob(FormatJobId(kDay, 202)); });
  while (disk.sleeping() == 0) std::this_thread::yield();
  // What orders and heartbeats ask for.
  auto asked = std::async(std::launch::async, [&] {
    EXPECT_TRUE(scratch->FindHeld(held.id()).has_value());
    EXPECT_TRUE(scratch->FindMapOutput(held.id()).ok());
    EXPECT_EQ(scratch->Held().size(), 1u);
    scratch->ForgetJob(held.id().job_id());
  });
  EXPECT_EQ(asked.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  // An attempt of the job gets a directory that is not being removed.
  Thread attempt("attempt", [&] {
    const auto dir = scratch->MakeAttemptDir(FirstMap(oldest));
    EXPECT_TRUE(dir.ok() && std::filesystem::exists(*dir));
  });
  disk.Release();
  remover.Join();
  attempt.Join();
  EXPECT_TRUE(HasDir(oldest)) << "an attempt runs";
  EXPECT_FALSE(HasDir(FormatJobId(kDay, 2)));
}

TEST_F(ScratchTest, AnAttemptThatIsTriedAgainKeepsItsDiskAndNothingElse) {
  const auto scratch = *Scratch::Open({dir_ / "disk1", dir_ / "disk2"});
  for (uint32_t task = 0; task < 2; ++task) {
    pb::AttemptId id = FirstMap(FormatJobId(kDay, 1));
    id.set_task(task);
    const auto first = scratch->MakeAttemptDir(id);
    ASSERT_TRUE(first.ok()) << first.status();
    std::ofstream(*first + "/log") << "printed by the first process";
    const auto second = scratch->MakeAttemptDir(id);
    ASSERT_TRUE(second.ok()) << second.status();
    EXPECT_EQ(*second, *first);
    EXPECT_TRUE(std::filesystem::is_empty(*second));
    std::ofstream(*second + "/log") << "printed by the second";
    const auto log = scratch->FindLog(id);
    ASSERT_TRUE(log.ok()) << log.status();
    EXPECT_EQ(*log, *second + "/log");
  }
}

// Names of jobs begin anew there: a log that stays would be taken for that of another attempt.
TEST_F(ScratchTest, AnotherClusterFindsNothingOnAnyDisk) {
  const auto scratch = *Scratch::Open({dir_ / "disk1", dir_ / "disk2"});
  ASSERT_TRUE(*scratch->BelongsTo("one"));
  std::vector<pb::AttemptId> ids;
  for (uint32_t number = 1; number <= 4; ++number) {
    ids.push_back(FirstMap(FormatJobId(kDay, number)));
    const auto dir = scratch->MakeAttemptDir(ids.back());
    ASSERT_TRUE(dir.ok()) << dir.status();
    std::ofstream(*dir + "/log") << "printed";
    pb::WorkerMessage::HeldOutput held;
    *held.mutable_id() = ids.back();
    if (number <= 2) {
      ASSERT_TRUE(scratch->Hold(held, *dir).ok());
    } else {
      scratch->Discard(*dir);
    }
  }
  ASSERT_TRUE(scratch->StartOver("two").ok());
  EXPECT_TRUE(*scratch->BelongsTo("two"));
  EXPECT_TRUE(scratch->Held().empty());
  for (const pb::AttemptId& id : ids) {
    EXPECT_FALSE(scratch->FindLog(id).ok()) << id.job_id();
    EXPECT_TRUE(scratch->MakeAttemptDir(id).ok()) << "work goes on";
  }
}

TEST_F(ScratchTest, AnOutputThatCannotBeRemovedStaysTheOtherClusters) {
  StubbornFileSystem disk;
  const auto scratch = *Scratch::Open({dir_.path()}, &disk);
  ASSERT_TRUE(*scratch->BelongsTo("one"));
  pb::WorkerMessage::HeldOutput held;
  *held.mutable_id() = FirstMap(FormatJobId(kDay, 1));
  ASSERT_TRUE(scratch->Hold(held, *scratch->MakeAttemptDir(held.id())).ok());
  disk.keeps_files = disk.keeps_trees = true;
  EXPECT_FALSE(scratch->StartOver("two").ok());
  EXPECT_TRUE(scratch->Held().empty());
  EXPECT_TRUE(*scratch->BelongsTo("two")) << "work goes on";

  const auto next = *Scratch::Open({dir_.path()}, &disk);
  EXPECT_EQ(next->Held().size(), 1u);
  EXPECT_FALSE(*next->BelongsTo("two"));
  disk.keeps_files = false;  // what user code has made there resists still
  EXPECT_TRUE(next->StartOver("two").ok());
  const auto last = *Scratch::Open({dir_.path()}, &disk);
  EXPECT_TRUE(last->Held().empty());
  EXPECT_TRUE(*last->BelongsTo("two"));
}

TEST_F(ScratchTest, AClusterThatCouldNotBeWrittenDownIsWrittenLater) {
  const std::string file = dir_ / "cluster_id";
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);  // no file can take its place
  const auto scratch = *Scratch::Open({dir_.path()});
  EXPECT_FALSE(scratch->BelongsTo("one").ok());
  std::filesystem::remove(file);
  EXPECT_TRUE(*scratch->BelongsTo("one"));
  EXPECT_FALSE(*(*Scratch::Open({dir_.path()}))->BelongsTo("two"));

  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  EXPECT_FALSE(scratch->StartOver("two").ok());
  std::filesystem::remove(file);
  EXPECT_TRUE(*scratch->BelongsTo("two"));
  EXPECT_FALSE(*(*Scratch::Open({dir_.path()}))->BelongsTo("one"));
}

TEST_F(ScratchTest, TheOldestLogsGoFirstAlsoAboveFourDigits) {
  LeaveLogs(9'900, 10'100);
  scratch_->RemoveJob(FormatJobId(kDay, 1));
  EXPECT_FALSE(HasDir(FormatJobId(kDay, 9'900)));
  EXPECT_TRUE(HasDir(FormatJobId(kDay, 10'000)));
}

}  // namespace
}  // namespace quern::mr
