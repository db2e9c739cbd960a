// A directory that goes with its command, also when a signal ends that.
#include "mapreduce/cli/private_dir.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "common/storage/file_io.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

class PrivateDirTest : public ::testing::Test {
 protected:
  PrivateDirTest() { setenv("TMPDIR", root_.path().c_str(), 1); }
  ~PrivateDirTest() override { unsetenv("TMPDIR"); }
  std::vector<std::string> Names() const { return *FileSystem::Real()->List(root_.path()); }

  const TempDir root_;
};

TEST_F(PrivateDirTest, GoesWithItsObject) {
  for (int i = 0; i < 2; ++i) {
    PrivateDir dir;
    ASSERT_OK(dir.Make("test"));
    std::ofstream(dir.path() + "/file") << "text";
    EXPECT_EQ(Names().size(), 1u);
  }
  EXPECT_TRUE(Names().empty());
}

// ThreadSanitizer ends a process that was forked from one with threads and starts one.
#if !defined(QUERN_TSAN)
TEST_F(PrivateDirTest, GoesWithAProcessThatASignalEnds) {
  for (const int signal : {SIGINT, SIGTERM}) {
    EXPECT_EXIT(
        {
          PrivateDir dir;
          if (!dir.Make("test").ok()) _exit(1);
          std::ofstream(dir.path() + "/file") << "text";
          kill(getpid(), signal);
          while (true) pause();
        },
        ::testing::KilledBySignal(signal), "");
    EXPECT_TRUE(Names().empty());
  }
}
#endif

}  // namespace
}  // namespace quern::mr
