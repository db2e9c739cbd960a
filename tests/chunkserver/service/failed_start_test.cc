// A start that fails while a disk hangs says why, and ends: each in a process of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "chunkserver/service/chunkserver.h"
#include "common/storage/file_io.h"
#include "tests/support/hanging_file_system.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::chunkserver {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Whoever looks at it has waited for longer than anybody waits for a disk.
class ClockOfTheImpatient : public SimulatedClock {
 public:
  absl::Time MonotonicNow() override {
    AdvanceTime(absl::Minutes(2));
    return SimulatedClock::MonotonicNow();
  }
};

class FailedStartTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::GTEST_FLAG(death_test_style) = "threadsafe"; }

  // Disks of one server, which are there when it starts again.
  void MakeDisks(const std::vector<std::string>& names) {
    ChunkStoreOptions options;
    for (const std::string& name : names) options.dirs.push_back(dir_ / name);
    options.reserve_bytes = 1;
    ASSERT_OK(ChunkStore::Open(options));
  }
  ChunkserverOptions Options(const std::vector<std::string>& disks) {
    ChunkserverOptions options;
    for (const std::string& disk : disks) options.flags.dirs.push_back(dir_ / disk);
    options.flags.listen = "127.0.0.1:0";
    options.flags.http = "127.0.0.1:0";
    options.flags.masters = {"127.0.0.1:1"};
    options.flags.insecure_network = true;
    options.boot_id = "boot";
    options.reserve_bytes = 1;
    options.local_reads = false;
    options.limits.disk_patience = absl::Milliseconds(10);
    options.fs = &files_;
    options.clock = &clock_;
    options.watchdog = false;
    return options;
  }
  // Ends with 1, or is killed after a minute.
  [[noreturn]] void StartInVain(const ChunkserverOptions& options) {
    alarm(60);
    files_.Hang(dir_ / "hangs");
    const bool started = Chunkserver::Start(options).ok();
    FileSystem::Real()->RemoveTree(dir_.path()).IgnoreError();
    _exit(started ? 0 : 1);
  }

  // Of no machine.
  static constexpr char kNowhere[] = "192.0.2.1:1";
  TempDir dir_;
  ClockOfTheImpatient clock_;
  HangingFileSystem files_;
};

TEST_F(FailedStartTest, AnAddressThatCannotBeHad) {
  MakeDisks({"hangs", "good"});
  ChunkserverOptions options = Options({"hangs", "good"});
  options.flags.listen = kNowhere;
  EXPECT_EXIT(StartInVain(options), testing::ExitedWithCode(1),
              "chunkserver_not_started.*--listen 192.0.2.1:1");
}

TEST_F(FailedStartTest, AnAddressOfThePagesThatCannotBeHad) {
  MakeDisks({"hangs", "good"});
  ChunkserverOptions options = Options({"hangs", "good"});
  options.flags.http = kNowhere;
  EXPECT_EXIT(StartInVain(options), testing::ExitedWithCode(1),
              "chunkserver_not_started.*--http 192.0.2.1:1");
}

// Once in the log, and once by the program as it ends.
TEST_F(FailedStartTest, AStoreThatCannotBeOpenedIsLoggedOnce) {
  ChunkserverOptions options = Options({"file/disk"});
  ASSERT_OK(WriteFileDurably(FileSystem::Real(), dir_ / "file", "no directory"));
  EXPECT_EXIT(StartInVain(options), testing::ExitedWithCode(1),
              AllOf(HasSubstr("store_not_opened"), Not(HasSubstr("chunkserver_not_started"))));
}

}  // namespace
}  // namespace quern::chunkserver
