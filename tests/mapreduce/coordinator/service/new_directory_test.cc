#include "mapreduce/coordinator/service/new_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mapreduce/coordinator/service/job_table.h"
#include "mapreduce/engine/task_id.h"
#include "tests/mapreduce/coordinator/service/fake_files.h"
#include "tests/mapreduce/coordinator/service/namespace_files.h"

namespace quern::mr {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class NewDirectoryTest : public testing::Test {
 protected:
  absl::StatusOr<std::string> Make(PublishFiles* files) {
    IdSteps steps;
    steps.next = [this](const std::vector<std::string>& taken) {
      for (const std::string& id : taken) table_.NoteId(id);
      return table_.NextId(absl::UnixEpoch());
    };
    steps.announce = [this](const std::string& id) { announced_.push_back(id); };
    steps.withdraw = [this](const absl::Status& why) {
      announced_.pop_back();
      withdrawn_.push_back(why.code());
    };
    return MakeNewDirectory(kJobsDir, steps, files);
  }
  JobTable table_;
  std::vector<std::string> announced_;  // and not withdrawn
  std::vector<absl::StatusCode> withdrawn_;
};

TEST_F(NewDirectoryTest, TheFirstOfAllHasTheOnesAroundItMade) {
  NamespaceFiles files;
  const auto id = Make(&files);
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(*id, "job-19700101-0001");
  EXPECT_TRUE(files.Stat(JobDir(*id)).ok());
}

TEST_F(NewDirectoryTest, PassesOverAllThatIsThereInOneStep) {
  FakeFiles files;
  for (uint32_t number = 1; number <= 500; ++number) {
    files.Add(JobDir(FormatJobId("19700101", number)) + "/m-00000.0", "of a lost coordinator");
  }
  files.Add(JobDir("job-20991231-0007") + "/", "of another day");
  const int calls_before = files.calls_left;
  const auto id = Make(&files);
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(*id, "job-19700101-0501");
  EXPECT_EQ(calls_before - files.calls_left, 1) << "changes";
  EXPECT_EQ(*Make(&files), "job-19700101-0502");
  EXPECT_EQ(calls_before - files.calls_left, 2) << "changes";
  EXPECT_THAT(announced_, ElementsAre("job-19700101-0501", "job-19700101-0502"));
  EXPECT_THAT(withdrawn_, IsEmpty());
}

TEST_F(NewDirectoryTest, AnIdIsAnnouncedBeforeItsDirectoryIsMade) {
  FakeFiles files;
  int calls = 0;
  files.before_mkdir = [&](const std::string& path) {
    ++calls;
    EXPECT_EQ(announced_.size(), 1u);
    EXPECT_FALSE(files.Has(path + "/"));
    return absl::OkStatus();
  };
  EXPECT_TRUE(Make(&files).ok());
  EXPECT_EQ(calls, 1);
}

// By somebody who knows nothing of this journal, after it was found free.
TEST_F(NewDirectoryTest, WhatHasComeInBetweenStaysAndAnotherIdIsTaken) {
  FakeFiles files;
  const std::string theirs = JobDir("job-19700101-0001") + "/theirs";
  files.before_mkdir = [&](const std::string&) {
    files.Add(theirs, "");
    return absl::OkStatus();
  };
  const auto id = Make(&files);
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(*id, "job-19700101-0002");
  EXPECT_THAT(announced_, ElementsAre(*id));
  EXPECT_THAT(withdrawn_, ElementsAre(absl::StatusCode::kAlreadyExists));
  EXPECT_TRUE(files.Has(theirs));
}

TEST_F(NewDirectoryTest, WhatIsRefusedIsWithdrawn) {
  FakeFiles files;
  files.before_mkdir = [](const std::string& path) { return PermissionDeniedError("{}", path); };
  EXPECT_EQ(Make(&files).status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(announced_, IsEmpty());
  EXPECT_THAT(withdrawn_, ElementsAre(absl::StatusCode::kPermissionDenied));
}

// Each call may take as long as nobody answers.
TEST_F(NewDirectoryTest, WhatIsAnnouncedIsMadeByOneCallOrIsThere) {
  FakeFiles files;
  files.unreachable_mkdirs = 1'000'000;  // of others
  for (int calls = 1; calls <= 2; ++calls) {
    const int calls_before = files.calls_left;
    files.before_stat = [](const std::string& path) { ADD_FAILURE() << path; };
    const absl::Status made = MakeAnnouncedDirectory(kJobsDir, "job-19700101-0001", &files);
    EXPECT_TRUE(made.ok()) << made;
    EXPECT_EQ(calls_before - files.calls_left, 1);
    EXPECT_TRUE(files.Has(JobDir("job-19700101-0001") + "/"));
  }
  NamespaceFiles empty;
  ASSERT_TRUE(MakeAnnouncedDirectory(kJobsDir, "job-19700101-0001", &empty).ok());
  EXPECT_TRUE(empty.Stat(JobDir("job-19700101-0001")).ok());
}

TEST_F(NewDirectoryTest, NothingIsAnnouncedWhereNobodyCanSayWhatIsThere) {
  FakeFiles files;
  files.unreachable_stats = 1;
  EXPECT_EQ(Make(&files).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(announced_, IsEmpty());
  EXPECT_THAT(withdrawn_, IsEmpty());
}

}  // namespace
}  // namespace quern::mr
