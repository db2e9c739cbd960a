#include "deploy/local/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

namespace quern::local {
namespace {

using ::testing::HasSubstr;

// Servers are small shell scripts here.
class SupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "supervisor_XXXXXX";
    dir_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  ServerSpec Script(const std::string& name, const std::string& script) const {
    ServerSpec spec;
    spec.role = Role::kWorker;
    spec.name = name;
    spec.dir = dir_ + "/" + name;
    spec.log_path = dir_ + "/logs/" + name + ".log";
    spec.argv = {"/bin/sh", "-c", script};
    return spec;
  }
  std::unique_ptr<Supervisor> Supervise(std::vector<ServerSpec> specs, bool restart) {
    SupervisorOptions options;
    options.restart = restart;
    options.min_backoff = absl::Milliseconds(1);
    return std::make_unique<Supervisor>(std::move(specs), options, Clock::Real());
  }
  static void StepUntil(Supervisor* supervisor, const std::function<bool()>& done) {
    for (int i = 0; i < 1000 && !done(); ++i) supervisor->Step(absl::Milliseconds(10));
    EXPECT_TRUE(done());
  }

  const std::string serve_ = "echo READY role=worker; exec sleep 1000";
  std::string dir_;
};

TEST_F(SupervisorTest, IsReadyWhenEveryServerHasSaidSo) {
  const auto supervisor = Supervise({Script("a", serve_), Script("b", serve_)}, true);
  ASSERT_TRUE(supervisor->StartAll().ok());
  EXPECT_TRUE(supervisor->WaitUntilReady(absl::Seconds(10)).ok());
  for (const auto& server : supervisor->servers()) {
    EXPECT_EQ(server->state(), ServerState::kRunning);
  }
}

TEST_F(SupervisorTest, AServerThatEndsAtOnceIsNamedWithItsLastWords) {
  const auto supervisor = Supervise(
      {Script("a", serve_), Script("b", "echo first >&2; echo disk on fire >&2; exit 3")}, true);
  ASSERT_TRUE(supervisor->StartAll().ok());
  const absl::Status ready = supervisor->WaitUntilReady(absl::Seconds(10));
  EXPECT_EQ(ready.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Message(ready)), HasSubstr("b ended with exit code 3"));
  EXPECT_THAT(std::string(Message(ready)), HasSubstr("disk on fire"));
}

TEST_F(SupervisorTest, ADeadServerIsStartedAgain) {
  const auto supervisor = Supervise({Script("a", serve_)}, true);
  ASSERT_TRUE(supervisor->StartAll().ok());
  ASSERT_TRUE(supervisor->WaitUntilReady(absl::Seconds(10)).ok());
  ServerProcess* const server = *supervisor->Find("a");
  const pid_t first = server->pid();
  server->Kill(SIGKILL);
  StepUntil(supervisor.get(),
            [&] { return server->state() == ServerState::kRunning && server->pid() != first; });
  EXPECT_EQ(server->restarts(), 1);
  EXPECT_THAT(server->last_exit(), HasSubstr("signal 9"));
}

TEST_F(SupervisorTest, WhoDiesAfterALongLifeBeginsAnewWithTheShortestPause) {
  SupervisorOptions options;
  options.min_backoff = absl::Milliseconds(100);
  SimulatedClock clock;
  Supervisor supervisor({Script("a", "exit 1")}, options, &clock);
  ASSERT_TRUE(supervisor.StartAll().ok());
  ServerProcess* const server = *supervisor.Find("a");
  // How long it stays dead after it has lived that long; then it is started again.
  const auto pause_after = [&](absl::Duration life) {
    clock.AdvanceTime(life);
    StepUntil(&supervisor, [&] { return server->state() == ServerState::kBackoff; });
    const absl::Duration pause = server->retry_at() - clock.MonotonicNow();
    clock.AdvanceTime(pause);
    supervisor.Step(absl::ZeroDuration());
    return pause;
  };
  for (const int pause_ms : {100, 200, 400, 800}) {
    EXPECT_EQ(pause_after(absl::Seconds(1)), absl::Milliseconds(pause_ms));
  }
  EXPECT_EQ(pause_after(options.healthy_after), absl::Milliseconds(100));
  EXPECT_EQ(pause_after(absl::Seconds(1)), absl::Milliseconds(200));
}

TEST_F(SupervisorTest, ToldNeverItStaysDead) {
  const auto supervisor = Supervise({Script("a", serve_)}, false);
  ASSERT_TRUE(supervisor->StartAll().ok());
  ASSERT_TRUE(supervisor->WaitUntilReady(absl::Seconds(10)).ok());
  ServerProcess* const server = *supervisor->Find("a");
  server->Kill(SIGKILL);
  StepUntil(supervisor.get(), [&] { return server->state() == ServerState::kDead; });
  supervisor->Step(absl::Milliseconds(20));
  EXPECT_EQ(server->state(), ServerState::kDead);
  EXPECT_EQ(server->pid(), 0);
}

TEST_F(SupervisorTest, StopEndsEvenThePausedOnes) {
  const auto supervisor = Supervise({Script("a", serve_)}, true);
  ASSERT_TRUE(supervisor->StartAll().ok());
  ASSERT_TRUE(supervisor->WaitUntilReady(absl::Seconds(10)).ok());
  (*supervisor->Find("a"))->Kill(SIGSTOP);
  supervisor->StopAll();
  EXPECT_EQ((*supervisor->Find("a"))->state(), ServerState::kStopped);
}

TEST_F(SupervisorTest, ALogThatHasGrownTooLargeIsMovedAside) {
  SupervisorOptions options;
  options.max_log_bytes = 1000;
  Supervisor supervisor({Script("a", "head -c 2000 /dev/zero >&2; " + serve_)}, options,
                        Clock::Real());
  ASSERT_TRUE(supervisor.StartAll().ok());
  ASSERT_TRUE(supervisor.WaitUntilReady(absl::Seconds(10)).ok());
  const std::string log = dir_ + "/logs/a.log";
  StepUntil(&supervisor, [&] { return std::filesystem::exists(log + ".1"); });
  EXPECT_EQ(std::filesystem::file_size(log + ".1"), 2000u);
  EXPECT_EQ(std::filesystem::file_size(log), 0u);
}

}  // namespace
}  // namespace quern::local
