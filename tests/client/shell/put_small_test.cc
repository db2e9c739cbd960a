#include "client/shell/put_small.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace quern::shell {
namespace {

using ::testing::ElementsAre;

std::vector<size_t> Sizes(const std::vector<uint64_t>& files, size_t workers) {
  std::vector<PutJob> jobs;
  for (const uint64_t size : files) {
    PutJob& job = jobs.emplace_back();
    job.source.path = "f";
    job.source.size = size;
  }
  std::vector<size_t> sizes;
  const PutJob* next = jobs.data();
  for (const auto& group : GroupPutJobs(jobs, workers)) {
    EXPECT_EQ(group.data(), next) << "in their order, none left out";
    next += group.size();
    sizes.push_back(group.size());
  }
  EXPECT_EQ(next, jobs.data() + jobs.size());
  return sizes;
}

TEST(GroupPutJobs, SmallFilesThatFollowEachOtherGoTogether) {
  EXPECT_THAT(Sizes({1, 2, 3}, 1), ElementsAre(3));
  EXPECT_THAT(Sizes({1, 2, 100'000, 3, 0, 4, 32 << 10, (32 << 10) + 1}, 1),
              ElementsAre(2, 1, 1, 1, 2, 1));
  EXPECT_THAT(Sizes(std::vector<uint64_t>(130, 9), 1), ElementsAre(64, 64, 2));
  EXPECT_THAT(Sizes({}, 4), ElementsAre());
}

TEST(GroupSmallFiles, EmptyAndLargeOnesAreAlone) {
  const std::vector<uint64_t> sizes = {1, 2, kSmallFileBytes + 1, 3, 0, 4, kSmallFileBytes};
  EXPECT_THAT(GroupSmallFiles(sizes, 1), ElementsAre(2, 1, 1, 1, 2));
  EXPECT_THAT(GroupSmallFiles({}, 4), ElementsAre());
}

TEST(GroupPutJobs, EveryWorkerHasSomethingToDo) {
  EXPECT_THAT(Sizes({1, 2, 3}, 4), ElementsAre(1, 1, 1));
  EXPECT_THAT(Sizes(std::vector<uint64_t>(8, 9), 4), ElementsAre(2, 2, 2, 2));
}

TEST(GroupPutJobs, StdinIsAlone) {
  PutJob stdin_job;
  stdin_job.source.path = "-";
  stdin_job.source.size = 5;
  const std::vector<PutJob> jobs(2, stdin_job);
  EXPECT_EQ(GroupPutJobs(jobs, 1).size(), 2u);
}

TEST(ReadSmallFile, GivesWhatIsStillSmall) {
  const std::string path = ::testing::TempDir() + "small_file";
  const auto with = [&](const std::string& bytes) {
    std::ofstream(path) << bytes;
    return ReadSmallFile(path);
  };
  EXPECT_EQ(with("abc"), "abc");
  EXPECT_EQ(with(std::string(32 << 10, 'x')), std::string(32 << 10, 'x'));
  EXPECT_EQ(with(std::string((32 << 10) + 1, 'x')), std::nullopt);
  EXPECT_EQ(with(""), std::nullopt);
  std::filesystem::remove(path);
  EXPECT_EQ(ReadSmallFile(path), std::nullopt);
  EXPECT_EQ(ReadSmallFile(::testing::TempDir()), std::nullopt) << "a directory";
}

}  // namespace
}  // namespace quern::shell
