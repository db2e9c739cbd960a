// What of other jobs may be dropped while attempts run.
#include "mapreduce/worker/scratch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "mapreduce/engine/task_id.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

constexpr char kDay[] = "20261101";

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

TEST_F(ScratchTest, TheOldestLogsGoFirstAlsoAboveFourDigits) {
  LeaveLogs(9'900, 10'100);
  scratch_->RemoveJob(FormatJobId(kDay, 1));
  EXPECT_FALSE(HasDir(FormatJobId(kDay, 9'900)));
  EXPECT_TRUE(HasDir(FormatJobId(kDay, 10'000)));
}

}  // namespace
}  // namespace quern::mr
