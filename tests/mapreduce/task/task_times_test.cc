#include "mapreduce/task/task_times.h"

#include <gtest/gtest.h>

#include "mapreduce/task/task_progress.h"
#include "mapreduce/task/timed_storage.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

TEST(TaskTimesTest, EachMomentBelongsToOnePart) {
  SimulatedClock clock;
  TaskProgress progress(&clock);
  clock.AdvanceTime(absl::Milliseconds(1));
  progress.StartPhase({"map", 0, 1}, 1);
  clock.AdvanceTime(absl::Milliseconds(2));
  {
    const TaskTimes::Within reading(&progress.times, TaskTimes::Part::kRead);
    clock.AdvanceTime(absl::Milliseconds(4));
    {
      const TaskTimes::Within writing(&progress.times, TaskTimes::Part::kWrite);
      clock.AdvanceTime(absl::Milliseconds(8));
    }
    clock.AdvanceTime(absl::Milliseconds(16));
  }
  clock.AdvanceTime(absl::Milliseconds(32));
  progress.StartPhase({"sort", 0, 1}, 1);
  clock.AdvanceTime(absl::Milliseconds(64));
  const pb::AttemptTimes times = progress.times.Get();
  EXPECT_EQ(times.user_us(), 35'000u);
  EXPECT_EQ(times.read_us(), 20'000u);
  EXPECT_EQ(times.write_us(), 8'000u);
  EXPECT_EQ(times.sort_us(), 64'000u);
  EXPECT_EQ(times.shuffle_us() + times.merge_us(), 0u);
}

TEST(TaskTimesTest, ThreadsThatHelpCountNothing) {
  SimulatedClock clock;
  TaskTimes times(&clock);
  std::thread([&] {
    const TaskTimes::Within reading(&times, TaskTimes::Part::kRead);
    clock.AdvanceTime(absl::Milliseconds(5));
  }).join();
  EXPECT_EQ(times.Get().read_us(), 0u);
  EXPECT_EQ(times.Get().user_us(), 5'000u);
}

TEST(TaskTimesTest, FilesComeThroughUnchanged) {
  const TempDir dir;
  TaskTimes times(Clock::Real());
  const std::unique_ptr<Storage> local = MakeLocalStorage();
  const std::unique_ptr<Storage> storage = MakeTimedStorage(local.get(), &times);
  const std::string path = "file://" + dir / "f";
  ASSERT_OK_AND_ASSIGN(const auto written, storage->Create(path, {}));
  ASSERT_OK(written->Append("text"));
  ASSERT_OK(written->Close());
  ASSERT_OK_AND_ASSIGN(const auto file, storage->Open(path));
  EXPECT_EQ(file->length(), 4u);
  EXPECT_FALSE(file->id().empty());
  const auto stream = file->Stream(1, 10);
  ASSERT_OK_AND_ASSIGN(const std::string_view bytes, stream->Next());
  EXPECT_EQ(bytes, "ext");
}

// Gives files whose end takes a while.
class SlowToGiveUp : public Storage {
 public:
  class File : public WritableFile {
   public:
    explicit File(SimulatedClock* clock) : clock_(clock) {}
    ~File() override { clock_->AdvanceTime(absl::Milliseconds(7)); }
    absl::Status Append(std::string_view) override { return absl::OkStatus(); }
    absl::Status Close() override { return absl::OkStatus(); }

   private:
    SimulatedClock* const clock_;
  };
  explicit SlowToGiveUp(SimulatedClock* clock) : clock_(clock) {}
  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string&) override {
    return UnavailableError("nothing here is read");
  }
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string&,
                                                       const WriteOptions&) override {
    return std::make_unique<File>(clock_);
  }
  absl::Status Rename(const std::string&, const std::string&, bool) override {
    return absl::OkStatus();
  }
  absl::Status RenameAll(const Moves&, bool) override { return absl::OkStatus(); }
  absl::Status RemoveTree(const std::string&) override { return absl::OkStatus(); }

 private:
  SimulatedClock* const clock_;
};

TEST(TaskTimesTest, GivingUpAFileIsAWaitForIt) {
  SimulatedClock clock;
  TaskTimes times(&clock);
  SlowToGiveUp slow(&clock);
  const std::unique_ptr<Storage> storage = MakeTimedStorage(&slow, &times);
  storage->Create("f", {}).value().reset();
  EXPECT_EQ(times.Get().write_us(), 7'000u);
}

}  // namespace
}  // namespace quern::mr
