// The tools of the cluster tests do what the tests believe of them.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/storage/file_io.h"
#include "tests/cluster/cluster.h"
#include "tests/cluster/command.h"
#include "tests/cluster/power_cut_disk.h"
#include "tests/cluster/test_data.h"

namespace quern::testing {
namespace {

TEST(PowerCutDisk, ForgetsWhatWasNotSyncedAndKeepsWhatWas) {
  if (!PowerCutDisk::Available()) GTEST_SKIP() << "needs root, loop devices and mkfs.ext4";
  std::string root = ::testing::TempDir() + "power_cut_XXXXXX";
  ASSERT_NE(mkdtemp(root.data()), nullptr);
  {
    const auto disk = PowerCutDisk::Make(root, uint64_t{256} << 20);
    ASSERT_TRUE(disk.ok()) << disk.status();
    const std::string synced = (*disk)->path() + "/synced";
    const std::string forgotten = (*disk)->path() + "/forgotten";
    ASSERT_TRUE(WriteFileDurably(FileSystem::Real(), synced, "kept").ok());
    std::ofstream(forgotten) << "lost";
    ASSERT_TRUE((*disk)->Cut().ok());
    ASSERT_TRUE((*disk)->PowerOn().ok());
    EXPECT_EQ(ReadFileToString(FileSystem::Real(), synced).value_or(""), "kept");
    EXPECT_EQ(ReadFileToString(FileSystem::Real(), forgotten).value_or(""), "");
  }
  std::filesystem::remove_all(root);
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
