#include "mapreduce/coordinator/service/new_directory.h"

#include <gtest/gtest.h>

#include "mapreduce/coordinator/service/job_table.h"
#include "mapreduce/engine/task_id.h"
#include "tests/mapreduce/coordinator/service/fake_files.h"
#include "tests/mapreduce/coordinator/service/namespace_files.h"

namespace quern::mr {
namespace {

class NewDirectoryTest : public testing::Test {
 protected:
  absl::StatusOr<std::string> Make(PublishFiles* files) {
    const auto next = [this](const std::vector<std::string>& taken) {
      for (const std::string& id : taken) table_.NoteId(id);
      return table_.NextId(absl::UnixEpoch());
    };
    return MakeNewDirectory(kJobsDir, next, files);
  }
  JobTable table_;
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
  EXPECT_EQ(calls_before - files.calls_left, 2) << "changes";
  EXPECT_EQ(*Make(&files), "job-19700101-0502");
  EXPECT_EQ(calls_before - files.calls_left, 3) << "changes";
}

}  // namespace
}  // namespace quern::mr
