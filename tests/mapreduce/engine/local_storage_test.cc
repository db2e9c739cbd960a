// Renames on this machine: what they replace is not lost when they fail.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "common/storage/file_io.h"
#include "mapreduce/engine/storage.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

class LocalStorageTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return "file://" + dir_ / name; }
  void Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(dir_ / name);
    std::ofstream(dir_ / name + "/part") << text;
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(dir_ / name + "/part");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<std::string> Names() const { return *FileSystem::Real()->List(dir_.path()); }

  using Strings = std::vector<std::string>;
  const TempDir dir_;
  const std::unique_ptr<Storage> storage_ = MakeLocalStorage();
};

// As user code does which runs in the same process.
TEST_F(LocalStorageTest, AFileThatSomebodyHasClosedIsReadAndWrittenNoMore) {
  Write("in", "text");
  const auto lowest_number = [] {
    const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    close(fd);
    return fd;
  };
  const std::string other = dir_ / "other";
  const int read_number = lowest_number();
  ASSERT_OK_AND_ASSIGN(const auto in, storage_->Open(Path("in/part")));
  const int write_number = lowest_number();
  ASSERT_OK_AND_ASSIGN(const auto out, storage_->Create(Path("out"), {}));
  ASSERT_NE(read_number, write_number);
  for (const int fd : {read_number, write_number}) {
    close(fd);
    ASSERT_EQ(open(other.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), fd);
  }
  for (const absl::Status& status :
       {in->Stream(0, 4)->Next().status(), out->Append("text"), out->Close()}) {
    EXPECT_THAT(std::string(status.message()), ::testing::EndsWith("Bad file descriptor"));
  }
  EXPECT_EQ(std::filesystem::file_size(other), 0u);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "out"));
}

TEST_F(LocalStorageTest, ARenameReplacesATreeOrRefuses) {
  Write("new", "new");
  Write("out", "old");
  EXPECT_EQ(storage_->Rename(Path("new"), Path("out"), false).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Read("out"), "old");
  EXPECT_OK(storage_->Rename(Path("new"), Path("out"), true));
  EXPECT_EQ(Read("out"), "new");
  EXPECT_EQ(Names(), Strings{"out"});
}

TEST_F(LocalStorageTest, ARenameThatFailsLeavesTheOldTree) {
  Write("out", "old");
  EXPECT_EQ(storage_->Rename(Path("none"), Path("out"), true).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Read("out"), "old");
  EXPECT_EQ(Names(), Strings{"out"});
}

TEST_F(LocalStorageTest, WhenOneOfSeveralFailsAllIsAsBefore) {
  Write("new1", "new 1");
  Write("out1", "old 1");
  Write("out2", "old 2");
  const auto status =
      storage_->RenameAll({{Path("new1"), Path("out1")}, {Path("none"), Path("out2")}}, true);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Read("new1"), "new 1");
  EXPECT_EQ(Read("out1"), "old 1");
  EXPECT_EQ(Read("out2"), "old 2");
  EXPECT_EQ(Names(), (Strings{"new1", "out1", "out2"}));
}

// Whoever is killed between two steps leaves what others see at that moment.
TEST_F(LocalStorageTest, WhatIsReplacedIsThereAtEveryMoment) {
  Write("probe", "a");
  Write("other", "b");
  if (renameat2(AT_FDCWD, (dir_ / "probe").c_str(), AT_FDCWD, (dir_ / "other").c_str(),
                RENAME_EXCHANGE) != 0) {
    GTEST_SKIP() << "this file system cannot exchange names";
  }
  ASSERT_OK(storage_->RemoveTree(Path("probe")));
  ASSERT_OK(storage_->RemoveTree(Path("other")));
  Write("out", "old");
  std::atomic<int> looks = 0;
  std::atomic<int> gone = 0;
  std::jthread looking([&](const std::stop_token& stop) {
    for (; !stop.stop_requested(); ++looks) {
      gone += std::filesystem::exists(dir_ / "out") ? 0 : 1;
    }
  });
  for (int i = 0; i < 200 || looks < 1'000; ++i) {
    Write("new", std::to_string(i));
    ASSERT_OK(storage_->Rename(Path("new"), Path("out"), true));
    ASSERT_EQ(Read("out"), std::to_string(i));
  }
  looking.request_stop();
  looking.join();
  EXPECT_EQ(gone, 0) << "of " << looks;
  EXPECT_EQ(Names(), Strings{"out"});
}

// The new tree may lie anywhere on the same file system, and a file may be replaced by a tree.
TEST_F(LocalStorageTest, WhenALaterOneFailsWhatWasExchangedComesBack) {
  Write("work/new1", "new 1");
  std::ofstream(dir_ / "out1") << "a file";
  const auto status =
      storage_->RenameAll({{Path("work/new1"), Path("out1")}, {Path("none"), Path("out2")}}, true);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Read("work/new1"), "new 1");
  EXPECT_TRUE(std::filesystem::is_regular_file(dir_ / "out1"));
  ASSERT_OK(storage_->Rename(Path("work/new1"), Path("out1"), true));
  EXPECT_EQ(Read("out1"), "new 1");
  EXPECT_EQ(Names(), (Strings{"out1", "work"}));
}

}  // namespace
}  // namespace quern::mr
