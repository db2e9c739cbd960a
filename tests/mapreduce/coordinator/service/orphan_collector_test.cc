#include "mapreduce/coordinator/service/orphan_collector.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/mapreduce/coordinator/service/fake_files.h"

namespace quern::mr {
namespace {

class OrphanCollectorTest : public testing::Test {
 protected:
  std::string Add(const std::string& id, absl::Duration age) {
    const std::string path = fmt::format("{}/{}", place_.parent, id);
    files_.Add(path + "/", "");
    files_.SetTime(path, now_ - age);
    return path + "/";
  }
  absl::Status Collect() {
    return CollectOrphans(
        place_, now_, [this] { return stopping_; }, &files_);
  }

  const absl::Time now_ = absl::FromUnixSeconds(1'795'000'000);
  OrphanPlace place_{.parent = "/.quern/jobs",
                     .last_id = "job-20261122-0900",
                     .created = absl::UnixEpoch(),
                     .is_known = [](std::string_view id) { return id == "job-20261122-0002"; }};
  bool stopping_ = false;
  FakeFiles files_;
};

TEST_F(OrphanCollectorTest, RemovesWhatIsOldAndOfNobody) {
  const std::string orphan = Add("job-20261122-0001", kKeepOrphans);
  const std::string earlier = Add("job-20261121-12345", kKeepOrphans);
  files_.Add(orphan + "m-00000.0/part", "x");
  const std::vector<std::string> kept = {
      Add("job-20261122-0002", kKeepOrphans),                          // known
      Add("job-20261122-0003", kKeepOrphans - absl::Milliseconds(1)),  // young
      Add("job-20261122-0901", kKeepOrphans),                          // given out later
      Add("job-20261122-10000", kKeepOrphans),                         // likewise
      Add("job-20261123-0001", kKeepOrphans),                          // likewise
      Add("notes-20261122-0001", kKeepOrphans),
      Add("mine", kKeepOrphans)};
  ASSERT_TRUE(Collect().ok());
  EXPECT_FALSE(files_.Has(orphan));
  EXPECT_FALSE(files_.Has(orphan + "m-00000.0/part"));
  EXPECT_FALSE(files_.Has(earlier));
  for (const std::string& path : kept) EXPECT_TRUE(files_.Has(path)) << path;
}

// A journal that is lost, or another one, knows nothing of what lies there.
TEST_F(OrphanCollectorTest, AnEmptyJournalRemovesNothing) {
  const std::string orphan = Add("job-20261122-0001", kKeepOrphans);
  place_.last_id.clear();
  ASSERT_TRUE(Collect().ok());
  EXPECT_TRUE(files_.Has(orphan));
}

// As one that was begun by mistake, in another directory.
TEST_F(OrphanCollectorTest, AJournalRemovesNothingFromBeforeItWasMade) {
  place_.created = now_ - absl::Hours(24 * 8);  // on the 10th
  const std::string orphan = Add("job-20261111-0001", kKeepOrphans);
  const std::vector<std::string> kept = {Add("job-20261109-0001", kKeepOrphans),
                                         Add("job-20261110-0001", kKeepOrphans),
                                         Add("job-20261112-0001", absl::Hours(24 * 9))};
  ASSERT_TRUE(Collect().ok());
  EXPECT_FALSE(files_.Has(orphan));
  for (const std::string& path : kept) EXPECT_TRUE(files_.Has(path)) << path;
}

TEST_F(OrphanCollectorTest, WhatCannotBeRemovedIsNotInTheWayOfOthers) {
  const std::string stuck = Add("job-20261122-0001", kKeepOrphans);
  const std::string orphan = Add("job-20261122-0003", kKeepOrphans);
  files_.undeletable = stuck.substr(0, stuck.size() - 1);
  ASSERT_TRUE(Collect().ok());
  EXPECT_TRUE(files_.Has(stuck));
  EXPECT_FALSE(files_.Has(orphan));
}

TEST_F(OrphanCollectorTest, LooksAtOnePageAfterAnother) {
  place_.last_id = "job-20261122-9999";
  for (int i = 1; i <= 1'200; ++i) Add(fmt::format("job-20261122-{:04}", i), kKeepOrphans);
  ASSERT_TRUE(Collect().ok());
  EXPECT_EQ(files_.largest_page, 1'000u);
  EXPECT_EQ(files_.List(place_.parent)->size(), 1u) << "the known one";
}

TEST_F(OrphanCollectorTest, ComesBackWhenTheFileSystemIsAway) {
  const std::string orphan = Add("job-20261122-0001", kKeepOrphans);
  files_.unreachable_deletes = 1;
  EXPECT_EQ(Collect().code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(Collect().ok());
  EXPECT_FALSE(files_.Has(orphan));
}

TEST_F(OrphanCollectorTest, StopsAndIsContentWithoutAny) {
  ASSERT_TRUE(Collect().ok()) << "there is no such directory";
  const std::string orphan = Add("job-20261122-0001", kKeepOrphans);
  stopping_ = true;
  ASSERT_TRUE(Collect().ok());
  EXPECT_TRUE(files_.Has(orphan));
}

}  // namespace
}  // namespace quern::mr
