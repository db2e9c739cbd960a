#include "common/subprocess.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/storage/file_io.h"
#include "common/thread.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern {
namespace {

using testing::HasSubstr;

class SubprocessTest : public testing::Test {
 protected:
  std::unique_ptr<Subprocess> Shell(const std::string& script, SpawnOptions options = {}) {
    auto child = Subprocess::Spawn({"sh", "-c", script}, options);
    EXPECT_OK(child);
    return std::move(*child);
  }
  // What a script prints.
  std::string Output(const std::string& script, SpawnOptions options = {}) {
    const UniqueFd out(open((dir_ / "out").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    options.stdout_fd = out.get();
    EXPECT_TRUE(Shell(script, options)->Wait().ok());
    return *ReadFileToString(FileSystem::Real(), dir_ / "out");
  }
  static bool IsAlive(pid_t pid) {
    const auto stat = ReadFileToString(FileSystem::Real(), fmt::format("/proc/{}/stat", pid));
    return stat.ok() && stat->find(") Z ") == std::string::npos;
  }
  TempDir dir_;
};

TEST_F(SubprocessTest, ReportsHowItEnded) {
  EXPECT_TRUE(Shell("exit 0")->Wait().ok());
  EXPECT_EQ(Shell("exit 3")->Wait().ToString(), "exit code 3");
  const auto killed = Shell("kill -SEGV $$");
  EXPECT_EQ(killed->Wait().signal, SIGSEGV);
  EXPECT_EQ(killed->Wait().ToString(), "signal 11 (Segmentation fault)");  // again
}

TEST_F(SubprocessTest, WhatCannotRunIsAnErrorOfSpawn) {
  EXPECT_THAT(Subprocess::Spawn({"/none/such"}, {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/none/such")));
  EXPECT_THAT(Subprocess::Spawn({"no-such-program"}, {}), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Subprocess::Spawn({"/etc/passwd"}, {}),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(Subprocess::Spawn({"sh"}, {.cwd = "/none"}), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Subprocess::Spawn({}, {}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(SubprocessTest, EnvironmentDirectoryAndStandardFilesAreTheGivenOnes) {
  EXPECT_EQ(Output("echo $A-$HOME", {.env = {{{"A", "x y"}}}}), "x y-\n");
  EXPECT_EQ(Output("pwd", {.cwd = "/usr"}), "/usr\n");
  EXPECT_EQ(Output("cat"), "");  // stdin is /dev/null
}

TEST_F(SubprocessTest, OnlyInheritedDescriptorsStayOpen) {
  const UniqueFd kept(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd leaked(open("/dev/null", O_RDONLY));  // without O_CLOEXEC
  const std::string script = fmt::format(
      "test -e /proc/self/fd/{} && echo kept; test -e /proc/self/fd/{} && echo leaked; true",
      kept.get(), leaked.get());
  EXPECT_EQ(Output(script, {.inherit_fds = {kept.get()}}), "kept\n");
}

TEST_F(SubprocessTest, SignalsThatThisProcessBlocksOrIgnoresReachTheChild) {
  sigset_t blocked, old_mask;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &old_mask);
  auto* const old_handler = std::signal(SIGPIPE, SIG_IGN);
  const auto child = Shell("exec sleep 100");
  child->Kill(SIGTERM);
  EXPECT_EQ(child->Wait().signal, SIGTERM);
  EXPECT_EQ(Shell("kill -PIPE $$; sleep 100")->Wait().signal, SIGPIPE);
  std::signal(SIGPIPE, old_handler);
  pthread_sigmask(SIG_SETMASK, &old_mask, nullptr);
}

TEST_F(SubprocessTest, WaitForGivesUpAndKillWorksMeanwhile) {
  const auto child = Shell("exec sleep 100");
  EXPECT_FALSE(child->WaitFor(absl::Milliseconds(20)).has_value());
  Thread waiter("waiter", [&] { EXPECT_EQ(child->Wait().signal, SIGKILL); });
  child->Kill(SIGKILL);
  waiter.Join();
  child->Kill(SIGKILL);  // reaped: hits nobody
}

TEST_F(SubprocessTest, TheGroupDiesWithIt) {
  const std::string pid_file = dir_ / "pid";
  auto child = Shell(fmt::format("sleep 100 & echo $! > {0}.t; mv {0}.t {0}; wait", pid_file));
  while (!FileSystem::Real()->Exists(pid_file)) Clock::Real()->Sleep(absl::Milliseconds(1));
  const pid_t grandchild = std::stoi(*ReadFileToString(FileSystem::Real(), pid_file));
  EXPECT_TRUE(IsAlive(grandchild));
  child.reset();  // nobody waited: kills and reaps
  while (IsAlive(grandchild)) Clock::Real()->Sleep(absl::Milliseconds(1));
}

TEST_F(SubprocessTest, AChildOutlivesTheThreadThatSpawnedIt) {
  std::unique_ptr<Subprocess> child;
  Thread("spawner", [&] { child = Shell("exec sleep 100"); }).Join();
  EXPECT_FALSE(child->WaitFor(absl::Milliseconds(50)).has_value());
}

TEST_F(SubprocessTest, DiesWithItsParent) {
  // A forked child spawns a grandchild and is killed; PDEATHSIG takes the grandchild along.
  int pid_pipe[2];
  ASSERT_EQ(pipe2(pid_pipe, O_CLOEXEC), 0);
  UniqueFd reader(pid_pipe[0]), writer(pid_pipe[1]);
  const std::string self = fmt::format("/proc/{}/exe", getpid());
  auto parent = Subprocess::Spawn({self, "--gtest_filter=SubprocessHelper.DISABLED_SpawnsAndWaits",
                                   "--gtest_also_run_disabled_tests"},
                                  {.stdout_fd = writer.get()});
  ASSERT_OK(parent);
  writer.Reset();
  std::string text;
  char c = 0;
  while (text.find("grandchild=") == std::string::npos || text.back() != '\n') {
    ASSERT_EQ(read(reader.get(), &c, 1), 1);
    text += c;
  }
  const pid_t grandchild = std::stoi(text.substr(text.find("grandchild=") + 11));
  EXPECT_TRUE(IsAlive(grandchild));
  (*parent)->Kill(SIGKILL);
  (*parent)->Wait();
  while (IsAlive(grandchild)) Clock::Real()->Sleep(absl::Milliseconds(1));
}

// Run by DiesWithItsParent only.
TEST(SubprocessHelper, DISABLED_SpawnsAndWaits) {
  auto child = Subprocess::Spawn({"sleep", "100"}, {});
  ASSERT_OK(child);
  std::printf("grandchild=%d\n", (*child)->pid());
  std::fflush(stdout);
  (*child)->Wait();
}

}  // namespace
}  // namespace quern
