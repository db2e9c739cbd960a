#include "deploy/local/process_identity.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace quern::local {
namespace {

TEST(ProcessIdentity, KnowsItself) {
  const ProcessIdentity self = ProcessIdentity::Of(getpid());
  EXPECT_EQ(self.pid, getpid());
  EXPECT_TRUE(self.IsAlive());
}

TEST(ProcessIdentity, AnotherProcessOfTheSameNumberIsNotIt) {
  ProcessIdentity other = ProcessIdentity::Of(getpid());
  other.start_ticks -= 1;
  EXPECT_FALSE(other.IsAlive());
  other.Signal(SIGKILL);  // would end this test
}

TEST(ProcessIdentity, ZombiesAndNobodyAreNotAlive) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(ProcessIdentity::Of(child).IsAlive());
  waitpid(child, nullptr, 0);
  EXPECT_FALSE(ProcessIdentity{}.IsAlive());
}

}  // namespace
}  // namespace quern::local
