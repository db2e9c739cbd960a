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
  EXPECT_TRUE(other.Signal(SIGKILL).ok());  // would end this test
}

TEST(ProcessIdentity, AnotherUsersProcessCannotBeSignalled) {
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && setuid(65534) != 0) _exit(2);
    _exit(absl::IsPermissionDenied(ProcessIdentity::Of(1).Signal(0)) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
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
