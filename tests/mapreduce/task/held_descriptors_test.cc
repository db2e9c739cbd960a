#include "mapreduce/task/held_descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "common/cli/cli.h"
#include "common/storage/file_io.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

constexpr int kHeld = 42;

// In a process of its own: user code runs, then the task looks at the streams.
template <typename UserCode>
[[noreturn]] void Look(const UserCode& user_code) {
  const HeldDescriptors held;
  user_code();
  held.EndIfClosed(nullptr);
  _exit(kHeld);
}

void SendTo(const std::string& path, int flags, int stream) {
  const int fd = open(path.c_str(), flags | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || dup3(fd, stream, O_CLOEXEC) != stream) _exit(1);
}

class HeldDescriptorsDeathTest : public ::testing::Test {
 protected:
  TempDir dir_;
};

TEST_F(HeldDescriptorsDeathTest, AStreamThatUserCodeSendsElsewhereIsOpen) {
  const std::string path = dir_ / "printed";
  EXPECT_EXIT(Look([] {}), ::testing::ExitedWithCode(kHeld), "");
  EXPECT_EXIT(Look([&] {
                if (std::freopen(path.c_str(), "w", stdout) == nullptr) _exit(1);
              }),
              ::testing::ExitedWithCode(kHeld), "");
  // The same, closed on exec.
  EXPECT_EXIT(Look([&] {
                if (std::freopen(path.c_str(), "we", stdout) == nullptr) _exit(1);
              }),
              ::testing::ExitedWithCode(kHeld), "");
  EXPECT_EXIT(Look([&] { SendTo(path, O_WRONLY, STDERR_FILENO); }),
              ::testing::ExitedWithCode(kHeld), "");
  EXPECT_EXIT(Look([&] { SendTo("/dev/null", O_RDWR, STDOUT_FILENO); }),
              ::testing::ExitedWithCode(kHeld), "");
}

TEST_F(HeldDescriptorsDeathTest, OneThatIsClosedOrAFileOfTheEngineIsNot) {
  EXPECT_EXIT(Look([] { close(STDOUT_FILENO); }), ::testing::ExitedWithCode(kExitFailed), "");
  EXPECT_EXIT(Look([&] {
                close(STDOUT_FILENO);
                // What the engine writes meanwhile.
                auto file =
                    FileSystem::Real()->Open(dir_ / "spill", {.write = true, .create = true});
                if (!file.ok()) _exit(1);
                file->release();
              }),
              ::testing::ExitedWithCode(kExitFailed), "");
  EXPECT_EXIT(Look([&] { SendTo(dir_ / "read", O_RDONLY, STDOUT_FILENO); }),
              ::testing::ExitedWithCode(kExitFailed), "");
  EXPECT_EXIT(Look([] {
                close(STDERR_FILENO);
                socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
              }),
              ::testing::ExitedWithCode(kExitFailed), "");
}

}  // namespace
}  // namespace quern::mr
