// The tools of the cluster tests do what the tests believe of them.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "common/fd.h"
#include "common/storage/file_io.h"
#include "tests/cluster/cluster.h"
#include "tests/cluster/command.h"
#include "tests/cluster/power_cut_disk.h"
#include "tests/cluster/test_data.h"

namespace quern::testing {
namespace {

class PowerCutDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PowerCutDisk::Available()) GTEST_SKIP() << "needs root, loop devices and mkfs.ext4";
    ASSERT_NE(mkdtemp(root_.data()), nullptr);
    auto disk = PowerCutDisk::Make(root_, uint64_t{256} << 20);
    ASSERT_TRUE(disk.ok()) << disk.status();
    disk_ = *std::move(disk);
    synced_ = disk_->path() + "/synced";
    ASSERT_TRUE(WriteFileDurably(FileSystem::Real(), synced_, "kept").ok());
  }
  void TearDown() override {
    disk_.reset();
    std::filesystem::remove_all(root_);
  }
  void CutAndPowerOn() {
    ASSERT_TRUE(disk_->Cut().ok());
    const absl::Status on = disk_->PowerOn();
    ASSERT_TRUE(on.ok()) << on;
  }
  static std::string Read(const std::string& path) {
    return ReadFileToString(FileSystem::Real(), path).value_or("");
  }

  std::string root_ = ::testing::TempDir() + "power_cut_XXXXXX";
  std::unique_ptr<PowerCutDisk> disk_;
  std::string synced_;
};

TEST_F(PowerCutDiskTest, ForgetsWhatWasNotSyncedAndKeepsWhatWas) {
  const std::string forgotten = disk_->path() + "/forgotten";
  std::ofstream(forgotten) << "lost";
  CutAndPowerOn();
  EXPECT_EQ(Read(synced_), "kept");
  EXPECT_EQ(Read(forgotten), "");
}

// A reduce of another server that waits in the middle of its input, say.
TEST_F(PowerCutDiskTest, ComesBackThoughSomebodyStillReadsIt) {
  const UniqueFd reader(open(synced_.c_str(), O_RDONLY | O_CLOEXEC));
  CutAndPowerOn();
  EXPECT_EQ(Read(synced_), "kept");
  EXPECT_TRUE(WriteFileDurably(FileSystem::Real(), synced_, "new").ok());
  CutAndPowerOn();
  EXPECT_EQ(Read(synced_), "new");
}

constexpr int kAppenders = 8;
constexpr uint64_t kRecordBytes = 300;
// How many records each of them has said to be durable.
using Said = std::array<std::atomic<uint64_t>, kAppenders>;

[[noreturn]] void AppendForEver(const std::string& path, std::atomic<uint64_t>* said) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const std::string record(kRecordBytes, 'r');
  while (write(file.get(), record.data(), record.size()) == static_cast<ssize_t>(kRecordBytes) &&
         fdatasync(file.get()) == 0) {
    ++*said;
  }
  while (true) pause();
}

pid_t StartAppenders(const std::string& dir, Said* said) {
  const pid_t child = fork();
  if (child != 0) return child;
  std::vector<std::thread> threads;
  for (int i = 0; i < kAppenders; ++i) {
    threads.emplace_back([=] { AppendForEver(fmt::format("{}/{}", dir, i), &(*said)[i]); });
  }
  while (true) pause();
}

TEST_F(PowerCutDiskTest, WhatAProcessThatStoodStillHasCalledDurableIsThere) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer ends a forked process that starts threads";
#endif
  constexpr int kRounds = 20;
  void* const shared =
      mmap(nullptr, sizeof(Said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  for (int round = 0; round < kRounds; ++round) {
    auto* const said = new (shared) Said{};
    const std::string dir = fmt::format("{}/{}", disk_->path(), round);
    ASSERT_TRUE(FileSystem::Real()->MakeDirs(dir).ok());
    const pid_t child = StartAppenders(dir, said);
    while ((*said)[round % kAppenders] < 3) {
      ASSERT_EQ(waitpid(child, nullptr, WNOHANG), 0) << "it has ended";
      std::this_thread::yield();
    }
    ASSERT_TRUE(StandStill(child).ok());
    ASSERT_TRUE(disk_->Cut().ok());
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    ASSERT_TRUE(disk_->PowerOn().ok());
    for (int i = 0; i < kAppenders; ++i) {
      const std::string path = fmt::format("{}/{}", dir, i);
      const auto there = std::filesystem::exists(path) ? std::filesystem::file_size(path) : 0;
      EXPECT_GE(there, (*said)[i] * kRecordBytes) << path;
    }
  }
  munmap(shared, sizeof(Said));
}

TEST(Cluster, ASanitizerReportInALogFailsTheTest) {
  static const std::string log = ::testing::TempDir() + "sanitizer.log";  // for the macro's class
  for (const char* report : {"WARNING: ThreadSanitizer: data race (pid=7)",
                             "==7==ERROR: AddressSanitizer: heap-use-after-free",
                             "a.cc:1:2: runtime error: signed integer overflow"}) {
    std::ofstream(log) << "I server_ready\n" << report << "\n";
    EXPECT_NONFATAL_FAILURE(ExpectNoSanitizerReport(log), report);
  }
  std::ofstream(log) << "I server_ready\n";
  ExpectNoSanitizerReport(log);
  std::filesystem::remove(log);
}

TEST(Command, ReportsOutputErrorsAndExitCode) {
  const CommandResult result =
      RunCommand({"sh", "-c", "cat; echo oops >&2; exit 3"}, {.stdin_text = "in"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "in");
  EXPECT_EQ(result.err, "oops\n");
}

TEST(Command, CanBeFedWhileItRuns) {
  Command command({"cat"}, {.stdin_pipe = true});
  EXPECT_TRUE(command.Feed("a"));
  EXPECT_TRUE(command.IsRunning());
  EXPECT_TRUE(command.Feed("b"));
  EXPECT_EQ(command.Finish().out, "ab");
}

TEST(TestData, WordsAreCountedAndLinesSorted) {
  EXPECT_EQ(CountWords(" b a\tb\n\nb"), "a\t1\nb\t3\n");
  EXPECT_EQ(CountWords(""), "");
  EXPECT_EQ(SortLines("b\na\nc\n"), "a\nb\nc\n");
  EXPECT_EQ(RandomText(1000, 1), RandomText(1000, 1));
  EXPECT_EQ(RandomBytesOf(11, 1).size(), 11u);
}

TEST(TestData, EscapedGlobsAreLiteral) { EXPECT_EQ(GlobEscaped("/a*[b]"), "/a\\*\\[b\\]"); }

}  // namespace
}  // namespace quern::testing
