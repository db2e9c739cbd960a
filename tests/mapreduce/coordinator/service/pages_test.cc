// What the pages and their JSON twins say.
#include "mapreduce/coordinator/service/pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "mapreduce/coordinator/service/planner.h"
#include "tests/mapreduce/coordinator/service/fake_files.h"
#include "tests/support/status_matchers.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

class NoPlanner final : public JobPlanner {
 public:
  absl::StatusOr<PlannedJob> Plan(pb::JobSpec, uint32_t) override {
    return UnavailableError("nothing is submitted here");
  }
};

// A job that has ended, with so many attempts.
std::shared_ptr<MemoryJournalStorage> JournalOfJobWith(uint32_t attempts) {
  pb::JournalRecord ended;
  ended.mutable_finished()->set_cleaned(true);
  ended.mutable_finished()->mutable_status()->set_job_id("job-1");
  ended.mutable_finished()->mutable_status()->set_state(pb::JOB_STATE_SUCCEEDED);
  pb::TaskHistory history;
  for (uint32_t task = 0; task < attempts; ++task) {
    pb::TaskAttemptStatus* const status = history.add_attempts()->mutable_status();
    status->mutable_id()->set_kind(pb::TASK_KIND_MAP);
    status->mutable_id()->set_task(task);
    status->set_state(pb::ATTEMPT_STATE_SUCCEEDED);
  }
  const auto storage = NewMemoryJournalStorage();
  EXPECT_OK(OpenMemoryJournal(storage)->Finish(JobKey(1), ended, &history));
  return storage;
}

std::string TasksPageOfJobWith(uint32_t attempts) {
  NoPlanner planner;
  FakeFiles files;
  Coordinator coordinator(OpenMemoryJournal(JournalOfJobWith(attempts)), &planner, &files, {});
  EXPECT_OK(coordinator.Start());
  const std::vector<HttpPage> pages = CoordinatorPages(&coordinator);
  const auto page = std::ranges::find(pages, "/tasks", &HttpPage::path);
  const auto content = page->content({.path = "/tasks", .params = {{"job", "job-1"}}});
  EXPECT_OK(content);
  return content.ok() ? RenderJson(*content) : "";
}

TEST(CoordinatorPagesTest, ATableOfTasksHasOneNameWhetherItIsCutOrNot) {
  const std::string few = TasksPageOfJobWith(1'000);
  EXPECT_THAT(few, HasSubstr("\"attempts\": 1000,\n    \"all_of_them\": true"));
  EXPECT_THAT(few, HasSubstr("\"attempts\": [\n"));
  const std::string many = TasksPageOfJobWith(1'001);
  EXPECT_THAT(many, HasSubstr("\"attempts\": 1000,\n    \"all_of_them\": false"));
  EXPECT_THAT(many, HasSubstr("\"attempts\": [\n"));
}

}  // namespace
}  // namespace quern::mr
