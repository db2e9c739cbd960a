// Attempts with real child processes that misbehave in every way.
#include "mapreduce/worker/attempt_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <thread>

#include "mapreduce/worker/attempt_failure.h"
#include "tests/mapreduce/worker/worker_fixture.h"

namespace quern::mr {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A zombie that nobody has reaped yet is dead.
bool IsAlive(int pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string stat;
  std::getline(file, stat);
  return !stat.empty() && stat.find(") Z ") == std::string::npos;
}

class AttemptRunnerTest : public testing::Test {
 protected:
  v1::WorkerMessage::AttemptUpdate Run(const v1::TaskSpec& task) {
    return AttemptRunner(task, &parts_.context).Run();
  }
  static int64_t PidOf(const v1::WorkerMessage::AttemptUpdate& update) {
    return update.result().counters(0).value();
  }

  WorkerParts parts_;
};

TEST_F(AttemptRunnerTest, ReportsSuccessAndHoldsTheOutput) {
  const auto update = Run(MakeTask("done"));
  EXPECT_EQ(update.state(), v1::ATTEMPT_STATE_SUCCEEDED) << update.ShortDebugString();
  EXPECT_EQ(update.result().map_output().address(), "127.0.0.1:7");
  EXPECT_EQ(update.result().map_output().node(), "n1");
  EXPECT_TRUE(parts_.scratch()->FindMapOutput(update.id()).ok());
  ASSERT_THAT(parts_.TakeReports(), SizeIs(1));
}

TEST_F(AttemptRunnerTest, SaysHowAndWhereAProcessDied) {
  struct Case {
    std::string what;
    std::string expected;
    int signal;
  };
  for (const Case& c : {Case{"segfault", "signal 11 (Segmentation fault) in Map", SIGSEGV},
                        Case{"exit0", "ended with exit code 0 before its task was done", 0},
                        Case{"garbage", "no message", 0}}) {
    const auto update = Run(MakeTask(c.what));
    EXPECT_EQ(update.state(), v1::ATTEMPT_STATE_FAILED) << c.what;
    const v1::AttemptFailure& failure = update.failure();
    EXPECT_THAT(failure.message(), HasSubstr(c.expected));
    EXPECT_EQ(failure.signal(), c.signal);
    EXPECT_TRUE(failure.in_record());
    EXPECT_EQ(failure.record_source(), "/in/a");
    EXPECT_EQ(failure.record_position(), 4711u);
    EXPECT_THAT(failure.log_tail(), HasSubstr("at work in process"));
    EXPECT_FALSE(failure.environment());
  }
}

TEST_F(AttemptRunnerTest, PassesOnWhatTheTaskSaysOfItsFailure) {
  const auto update = Run(MakeTask("failed"));
  EXPECT_EQ(update.state(), v1::ATTEMPT_STATE_FAILED);
  EXPECT_THAT(update.failure().message(), HasSubstr("Map threw: bad luck"));
}

TEST_F(AttemptRunnerTest, EndsWhatMakesNoProgress) {
  v1::TaskSpec task = MakeTask("hang");
  task.mutable_job()->mutable_limits()->set_timeout_ms(700);
  const auto update = Run(task);
  EXPECT_THAT(update.failure().message(), HasSubstr("no progress for 700 ms (limits.timeout)"));
  EXPECT_EQ(update.failure().record_position(), 4711u);
}

#if !defined(QUERN_ASAN) && !defined(QUERN_TSAN)
TEST_F(AttemptRunnerTest, EndsWhatTakesMoreMemoryThanItsLimit) {
  const auto update = Run(MakeTask("hog"));
  EXPECT_EQ(update.state(), v1::ATTEMPT_STATE_FAILED);
  EXPECT_THAT(update.failure().message(), HasSubstr("out of memory"));
  EXPECT_THAT(update.failure().message(), HasSubstr("limits.memory is 64 MiB"));
}
#endif

TEST_F(AttemptRunnerTest, KillReachesWhatTheTaskHasForked) {
  AttemptRunner attempt(MakeTask("fork-and-hang"), &parts_.context);
  v1::WorkerMessage::AttemptUpdate update;
  std::thread runner([&] { update = attempt.Run(); });
  std::string log;
  while (log.find("forked") == std::string::npos || !log.ends_with('\n')) {
    const auto path = parts_.scratch()->FindLog(attempt.id());
    log = path.ok() ? Tail(*path, 1000) : "";
    std::this_thread::yield();
  }
  const int grandchild = std::atoi(log.substr(log.rfind(' ')).c_str());
  EXPECT_TRUE(IsAlive(grandchild));
  attempt.Kill("its user said so");
  runner.join();
  EXPECT_EQ(update.state(), v1::ATTEMPT_STATE_KILLED);
  EXPECT_EQ(update.failure().message(), "its user said so");
  while (IsAlive(grandchild)) std::this_thread::yield();
}

TEST_F(AttemptRunnerTest, RunsTheNextAttemptOfAJobInTheSameProcess) {
  const auto first = Run(MakeTask("done", 0));
  const auto second = Run(MakeTask("done", 1));
  EXPECT_EQ(PidOf(first), PidOf(second));
  EXPECT_EQ(parts_.fetches, 1) << "the plugin is fetched once";
  v1::TaskSpec other = MakeTask("done", 2);
  other.mutable_id()->set_job_id("job-20261122-0002");
  EXPECT_NE(PidOf(Run(other)), PidOf(first)) << "another job's code is loaded there";
}

TEST_F(AttemptRunnerTest, DoesNotBlameAnAttemptForAProcessThatDiedWaiting) {
  EXPECT_EQ(Run(MakeTask("done-then-exit", 0)).state(), v1::ATTEMPT_STATE_SUCCEEDED);
  EXPECT_EQ(Run(MakeTask("done", 1)).state(), v1::ATTEMPT_STATE_SUCCEEDED);
}

TEST_F(AttemptRunnerTest, NeverReusesAProcessAfterAFailure) {
  const auto failed = Run(MakeTask("failed", 0));
  const std::string tail = failed.failure().log_tail();
  const auto next = Run(MakeTask("done", 1));
  EXPECT_THAT(tail, testing::Not(HasSubstr(fmt::format("process {}\n", PidOf(next)))));
}

TEST_F(AttemptRunnerTest, RefusesAPluginThatIsNotTheOneSubmitted) {
  parts_.plugin_bytes = "something else";
  const auto update = Run(MakeTask("done"));
  EXPECT_EQ(update.state(), v1::ATTEMPT_STATE_FAILED);
  EXPECT_TRUE(update.failure().environment()) << "no fault of the user's code";
  EXPECT_THAT(update.failure().message(), HasSubstr("not what the job was submitted with"));
}

TEST_F(AttemptRunnerTest, PassesMapOutputsDownAndFetchFailuresUp) {
  AttemptRunner attempt(MakeTask("wait-for-output", 3, v1::TASK_KIND_REDUCE), &parts_.context);
  v1::WorkerOrder::MapOutputs outputs;
  outputs.add_outputs()->set_map_task(42);
  attempt.AddMapOutputs(outputs);
  EXPECT_EQ(attempt.Run().state(), v1::ATTEMPT_STATE_SUCCEEDED);
  const std::vector<v1::WorkerMessage> reports = parts_.TakeReports();
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].fetch_failure().map_task(), 42u);
  EXPECT_EQ(reports[0].fetch_failure().reducer().task(), 3u);
}

TEST_F(AttemptRunnerTest, OutputsSurviveARestartOfTheWorkerAndAreForgottenWithTheirJob) {
  const auto update = Run(MakeTask("done"));
  parts_.ReopenScratch();
  ASSERT_THAT(parts_.scratch()->Held(), SizeIs(1));
  EXPECT_EQ(parts_.scratch()->Held()[0].id().job_id(), update.id().job_id());
  EXPECT_TRUE(parts_.scratch()->FindMapOutput(update.id()).ok());
  parts_.scratch()->ForgetJob(update.id().job_id());
  EXPECT_THAT(parts_.scratch()->Held(), IsEmpty());
  EXPECT_FALSE(parts_.scratch()->FindMapOutput(update.id()).ok());
  EXPECT_TRUE(parts_.scratch()->FindLog(update.id()).ok()) << "logs stay for a while";
  parts_.ReopenScratch();
  EXPECT_THAT(parts_.scratch()->Held(), IsEmpty());
}

TEST_F(AttemptRunnerTest, AnotherClustersOutputsAreDropped) {
  EXPECT_FALSE(*parts_.scratch()->AdoptCluster("one"));
  Run(MakeTask("done"));
  EXPECT_FALSE(*parts_.scratch()->AdoptCluster("one"));
  EXPECT_THAT(parts_.scratch()->Held(), SizeIs(1));
  EXPECT_TRUE(*parts_.scratch()->AdoptCluster("two"));
  EXPECT_THAT(parts_.scratch()->Held(), IsEmpty());
}

}  // namespace
}  // namespace quern::mr
