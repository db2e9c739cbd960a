// Attempts with real child processes that misbehave in every way.
#include "mapreduce/worker/attempt_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include "common/clean_text.h"
#include "common/rpc/bulk_codec.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/attempt_failure.h"
#include "tests/mapreduce/worker/worker_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/watched_clock.h"

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
  pb::WorkerMessage::AttemptUpdate Run(const pb::TaskSpec& task) {
    return AttemptRunner(task, &parts_.context).Run();
  }
  // A job that brings so many files beside its plugin.
  void AddSideFiles(int files, pb::TaskSpec* task) {
    for (int i = 0; i < files; ++i) {
      const std::string bytes = fmt::format("words {}", i);
      pb::JobSpec::SideFile* const side = task->mutable_job()->add_files();
      side->set_name(bytes);
      side->mutable_file()->set_path("/" + bytes);
      side->mutable_file()->set_hash(HashBytes128(bytes).ToString());
      side->mutable_file()->set_size_bytes(bytes.size());
      parts_.side_files["/" + bytes] = bytes;
    }
  }
  // The log, once a line with this is in it.
  std::string AwaitLog(const AttemptRunner& attempt, std::string_view text) {
    std::string log;
    while (log.find(text) == std::string::npos || !log.ends_with('\n')) {
      const auto path = parts_.scratch()->FindLog(attempt.id());
      log = path.ok() ? Tail(*path, 1000) : "";
      std::this_thread::yield();
    }
    return log;
  }
  static int64_t PidOf(const pb::WorkerMessage::AttemptUpdate& update) {
    return update.result().counters(0).value();
  }

  WorkerParts parts_;
};

TEST_F(AttemptRunnerTest, ReportsSuccessAndHoldsTheOutput) {
  const auto update = Run(MakeTask("done"));
  EXPECT_EQ(update.state(), pb::ATTEMPT_STATE_SUCCEEDED) << update.ShortDebugString();
  EXPECT_EQ(update.result().map_output().address(), "127.0.0.1:7");
  EXPECT_EQ(update.result().map_output().node(), "n1");
  EXPECT_TRUE(parts_.scratch()->FindMapOutput(update.id()).ok());
  EXPECT_THAT(parts_.TakeReports(), IsEmpty()) << "the final report is the caller's";
}

TEST_F(AttemptRunnerTest, SideFilesLieUnderTheirNamesAndAreFetchedOnce) {
  pb::TaskSpec task = MakeTask("done");
  for (const char* name : {"stop.txt", "same bytes"}) {
    pb::JobSpec::SideFile* const side = task.mutable_job()->add_files();
    side->set_name(name);
    *side->mutable_file() = task.job().plugin();
  }
  for (uint32_t i = 0; i < 2; ++i) {
    task.mutable_id()->set_task(i);
    ASSERT_EQ(Run(task).state(), pb::ATTEMPT_STATE_SUCCEEDED);
    ASSERT_OK_AND_ASSIGN(const std::string output, parts_.scratch()->FindMapOutput(task.id()));
    const std::string dir = output.substr(0, output.rfind('/')) + "/files/";
    EXPECT_EQ(ReadFileToString(FileSystem::Real(), dir + "stop.txt").value_or(""), kPluginBytes);
    EXPECT_EQ(ReadFileToString(FileSystem::Real(), dir + "same bytes").value_or(""), kPluginBytes);
  }
  EXPECT_EQ(parts_.fetches, 1);
}

TEST_F(AttemptRunnerTest, ManySideFilesLeaveThePluginWhereItIs) {
  pb::TaskSpec task = MakeTask("failed");
  AddSideFiles(100, &task);
  for (uint32_t i = 0; i < 2; ++i) {
    task.mutable_id()->set_task(i);
    const auto update = Run(task);
    EXPECT_THAT(update.failure().message(), HasSubstr("Map threw: bad luck"));
    EXPECT_FALSE(update.failure().environment()) << "its plugin is still there";
  }
  EXPECT_EQ(parts_.fetches, 101) << "the next attempt finds them all";
}

TEST_F(AttemptRunnerTest, ASideFileThatCannotBeFetchedIsTheEnvironmentsFault) {
  pb::TaskSpec task = MakeTask("done");
  AddSideFiles(1, &task);
  parts_.fetching = UnavailableError("nobody answers");
  const auto update = Run(task);
  EXPECT_EQ(update.state(), pb::ATTEMPT_STATE_FAILED);
  EXPECT_TRUE(update.failure().environment());
  EXPECT_FALSE(update.failure().worker()) << "another worker has no more luck with it";
}

TEST_F(AttemptRunnerTest, ADiskThatTakesNoCopyIsTheWorkersFault) {
  ASSERT_OK(FileSystem::Real()->RemoveTree(parts_.scratch()->main_dir() + "/plugins"));
  const auto update = Run(MakeTask("done"));
  EXPECT_EQ(update.state(), pb::ATTEMPT_STATE_FAILED);
  EXPECT_TRUE(update.failure().environment());
  EXPECT_TRUE(update.failure().worker()) << "others have more luck with it";
  EXPECT_THAT(update.failure().message(), HasSubstr("worker n1: "));
  EXPECT_THAT(update.failure().message(), HasSubstr("cannot be written"));
}

// Its job would wait for an hour.
TEST_F(AttemptRunnerTest, WhatIsGoneOrReplacedDoesNotComeBack) {
  parts_.fetching = NotFoundError("/lists/stop.txt: not found");
  const auto gone = Run(MakeTask("done"));
  EXPECT_EQ(gone.state(), pb::ATTEMPT_STATE_FAILED);
  EXPECT_FALSE(gone.failure().environment());
  EXPECT_THAT(gone.failure().message(), HasSubstr("/lists/stop.txt: not found"));
  parts_.fetching = absl::OkStatus();
  pb::TaskSpec task = MakeTask("done");
  AddSideFiles(1, &task);
  parts_.side_files[task.job().files(0).file().path()] = "something else";
  const auto replaced = Run(task);
  EXPECT_FALSE(replaced.failure().environment());
  EXPECT_THAT(replaced.failure().message(), HasSubstr("not what the job was submitted with"));
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
    EXPECT_EQ(update.state(), pb::ATTEMPT_STATE_FAILED) << c.what;
    const pb::AttemptFailure& failure = update.failure();
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
  EXPECT_EQ(update.state(), pb::ATTEMPT_STATE_FAILED);
  EXPECT_THAT(update.failure().message(), HasSubstr("Map threw: bad luck"));
}

// Whatever a task says, its report is one that the coordinator can read.
TEST_F(AttemptRunnerTest, ReportsAreFitToBeSent) {
  struct Case {
    std::string what;
    std::string expected;
  };
  for (const Case& c : {Case{"crash-with-odd-log", "signal 11"},
                        Case{"many-counters", "the task has 100000 counters, the limit is 1000"},
                        Case{"large-result", "the result of the task has 943"},
                        Case{"large-message", "the limit is 16777216"},
                        Case{"long-failure", "bad record: xxx"}, Case{"garbage", "no message"}}) {
    const auto update = Run(MakeTask(c.what));
    EXPECT_EQ(update.state(), pb::ATTEMPT_STATE_FAILED) << c.what;
    EXPECT_THAT(update.failure().message(), HasSubstr(c.expected)) << c.what;
    EXPECT_LE(update.ByteSizeLong(), 10'000u) << c.what;
    pb::WorkerMessage message;
    *message.mutable_update() = update;
    EXPECT_OK(rpc::CheckSendable(message)) << c.what;
    EXPECT_EQ(CleanText(update.failure().message(), 10'000), update.failure().message());
    EXPECT_EQ(CleanText(update.failure().log_tail(), 10'000), update.failure().log_tail());
    EXPECT_FALSE(update.failure().worker()) << c.what;
  }
}

TEST_F(AttemptRunnerTest, TheLogsLastLinesAreKeptAndReadable) {
  const std::string tail = Run(MakeTask("crash-with-odd-log")).failure().log_tail();
  EXPECT_THAT(tail, testing::EndsWith("\u00e9\u00e9\\xff\\x1b[31m\n"));
  EXPECT_THAT(tail, testing::StartsWith("...\u00e9"));
}

TEST_F(AttemptRunnerTest, CleansAndCutsTheStatus) {
  AttemptRunner attempt(MakeTask("long-status"), &parts_.context);
  EXPECT_EQ(attempt.Run().state(), pb::ATTEMPT_STATE_SUCCEEDED);
  const auto progress = attempt.TakeProgress();
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->state(), pb::ATTEMPT_STATE_RUNNING);
  EXPECT_THAT(progress->progress().status(), testing::StartsWith("line\\nsss"));
  EXPECT_LE(progress->ByteSizeLong(), 1'000u);
  EXPECT_FALSE(attempt.TakeProgress()) << "no news";
  AttemptRunner odd(MakeTask("odd-status"), &parts_.context);
  EXPECT_EQ(odd.Run().state(), pb::ATTEMPT_STATE_SUCCEEDED);
  EXPECT_EQ(odd.progress().status(), "\\xff");
}

TEST_F(AttemptRunnerTest, AProcessThatCannotStartIsTheWorkersFault) {
  for (const char* binary : {"/bin/false", "/no/such/quern-task"}) {
    TaskPool pool(binary, 1);
    parts_.context.processes = &pool;
    const auto update = Run(MakeTask("done"));
    EXPECT_EQ(update.state(), pb::ATTEMPT_STATE_FAILED);
    EXPECT_TRUE(update.failure().worker()) << update.ShortDebugString();
    EXPECT_TRUE(update.failure().environment());
    EXPECT_THAT(update.failure().message(), HasSubstr("worker n1"));
    EXPECT_FALSE(pool.Probe(parts_.scratch()->main_dir()).ok());
  }
}

TEST_F(AttemptRunnerTest, AFreshProcessIsToldWhatTheOneBeforeItWasTold) {
  ASSERT_EQ(Run(MakeTask("done")).state(), pb::ATTEMPT_STATE_SUCCEEDED);
  pb::TaskSpec task = MakeTask("die-when-used");
  task.mutable_id()->set_task(1);
  task.mutable_job()->mutable_limits()->set_timeout_ms(20'000);
  AttemptRunner runner(task, &parts_.context);
  pb::MapOutputs outputs;
  outputs.add_outputs()->set_map_task(3);
  runner.AddMapOutputs(outputs);
  const auto update = runner.Run();
  EXPECT_EQ(update.state(), pb::ATTEMPT_STATE_SUCCEEDED) << update.ShortDebugString();
}

TEST_F(AttemptRunnerTest, AProbeStartsAProcessAndEndsIt) {
  TaskPool pool(FakeTaskBinary(), 1);
  EXPECT_OK(pool.Probe(parts_.scratch()->main_dir()));
}

TEST_F(AttemptRunnerTest, EndsWhatMakesNoProgress) {
  pb::TaskSpec task = MakeTask("hang");
  task.mutable_job()->mutable_limits()->set_timeout_ms(700);
  WatchedClock clock;
  parts_.context.clock = &clock;
  AttemptRunner attempt(task, &parts_.context);
  pb::WorkerMessage::AttemptUpdate update;
  std::atomic<bool> ended = false;
  std::thread runner([&] {
    update = attempt.Run();
    ended = true;
  });
  AwaitLog(attempt, "at work");
  clock.PassAndBeSeen(absl::Milliseconds(700));
  EXPECT_FALSE(ended) << "its time has not passed";
  clock.AdvanceTime(absl::Milliseconds(10));  // its processes are looked at as often
  runner.join();
  EXPECT_THAT(update.failure().message(), HasSubstr("no progress for 700 ms (limits.timeout)"));
  EXPECT_EQ(update.failure().record_position(), 4711u);
}

#if !defined(QUERN_ASAN) && !defined(QUERN_TSAN)
TEST_F(AttemptRunnerTest, EndsWhatTakesMoreMemoryThanItsLimit) {
  const auto update = Run(MakeTask("hog"));
  EXPECT_EQ(update.state(), pb::ATTEMPT_STATE_FAILED);
  EXPECT_THAT(update.failure().message(), HasSubstr("out of memory"));
  EXPECT_THAT(update.failure().message(), HasSubstr("limits.memory is 64 MiB"));
  EXPECT_THAT(update.failure().message(), HasSubstr(". Try: a larger limits.memory"));
}

TEST_F(AttemptRunnerTest, TheMemoryOfForkedProcessesCounts) {
  const auto update = Run(MakeTask("fork-hog"));
  EXPECT_THAT(update.failure().message(), HasSubstr("out of memory"));
}
#endif

TEST_F(AttemptRunnerTest, EndsWhatStartsTooManyProcesses) {
  EXPECT_THAT(Run(MakeTask("fork-bomb")).failure().message(),
              HasSubstr("more than 500 processes at once"));
  pb::TaskSpec task = MakeTask("five-hundred");
  task.mutable_job()->mutable_limits()->set_memory_bytes(uint64_t{1} << 30);
  const auto update = Run(task);
  EXPECT_EQ(update.state(), pb::ATTEMPT_STATE_SUCCEEDED) << update.failure().message();
}

TEST_F(AttemptRunnerTest, KillReachesWhatTheTaskHasForked) {
  AttemptRunner attempt(MakeTask("fork-and-hang"), &parts_.context);
  pb::WorkerMessage::AttemptUpdate update;
  std::thread runner([&] { update = attempt.Run(); });
  const std::string log = AwaitLog(attempt, "forked");
  const int grandchild = std::atoi(log.substr(log.rfind(' ')).c_str());
  EXPECT_TRUE(IsAlive(grandchild));
  attempt.Kill("its user said so");
  runner.join();
  EXPECT_EQ(update.state(), pb::ATTEMPT_STATE_KILLED);
  EXPECT_EQ(update.failure().message(), "its user said so");
  while (IsAlive(grandchild)) std::this_thread::yield();
}

TEST_F(AttemptRunnerTest, AKillThatComesBeforeItsProcessLeavesNothingToWake) {
  AttemptRunner attempt(MakeTask("hang"), &parts_.context);
  attempt.Kill("its user said so");
  const auto update = attempt.Run();
  EXPECT_EQ(update.state(), pb::ATTEMPT_STATE_KILLED);
  EXPECT_EQ(update.failure().message(), "its user said so");
  // A worker may pass these on until it has seen the end.
  attempt.Kill("again");
  attempt.AddMapOutputs({});
}

TEST_F(AttemptRunnerTest, RunsTheNextAttemptOfAJobInTheSameProcess) {
  const auto first = Run(MakeTask("done", 0));
  const auto second = Run(MakeTask("done", 1));
  EXPECT_EQ(PidOf(first), PidOf(second));
  EXPECT_EQ(parts_.fetches, 1) << "the plugin is fetched once";
  pb::TaskSpec other = MakeTask("done", 2);
  other.mutable_id()->set_job_id("job-20261122-0002");
  EXPECT_NE(PidOf(Run(other)), PidOf(first)) << "another job's code is loaded there";
}

TEST_F(AttemptRunnerTest, DoesNotBlameAnAttemptForAProcessThatDiedWaiting) {
  EXPECT_EQ(Run(MakeTask("done-then-exit", 0)).state(), pb::ATTEMPT_STATE_SUCCEEDED);
  EXPECT_EQ(Run(MakeTask("done", 1)).state(), pb::ATTEMPT_STATE_SUCCEEDED);
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
  EXPECT_EQ(update.state(), pb::ATTEMPT_STATE_FAILED);
  EXPECT_FALSE(update.failure().environment()) << "it stays so";
  EXPECT_THAT(update.failure().message(), HasSubstr("not what the job was submitted with"));
}

TEST_F(AttemptRunnerTest, ACopyOfThePluginThatIsDamagedUnderATaskIsNotTheUsersFault) {
  pb::TaskSpec task = MakeTask("failed");
  (*task.mutable_job()->mutable_params())["damage"] = **parts_.plugins()->Get(task.job().plugin());
  const auto update = Run(task);
  EXPECT_EQ(update.state(), pb::ATTEMPT_STATE_FAILED);
  EXPECT_TRUE(update.failure().environment());
  EXPECT_THAT(update.failure().message(), HasSubstr("the copy of the plugin on n1 was damaged"));
  EXPECT_EQ(Run(MakeTask("done")).state(), pb::ATTEMPT_STATE_SUCCEEDED);
  EXPECT_EQ(parts_.fetches, 2);
}

TEST_F(AttemptRunnerTest, PassesMapOutputsDownAndFetchFailuresUp) {
  AttemptRunner attempt(MakeTask("wait-for-output", 3, pb::TASK_KIND_REDUCE), &parts_.context);
  pb::MapOutputs outputs;
  outputs.add_outputs()->set_map_task(42);
  attempt.AddMapOutputs(outputs);
  EXPECT_EQ(attempt.Run().state(), pb::ATTEMPT_STATE_SUCCEEDED);
  const std::vector<pb::WorkerMessage> reports = parts_.TakeReports();
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].fetch_failure().map_task(), 42u);
  EXPECT_EQ(reports[0].fetch_failure().reducer().task(), 3u);
}

TEST_F(AttemptRunnerTest, OutputsSurviveARestartOfTheWorkerAndAreForgottenWithTheirJob) {
  const auto update = Run(MakeTask("done"));
  parts_.ReopenScratch();
  ASSERT_THAT(parts_.scratch()->Held(), SizeIs(1));
  EXPECT_EQ(parts_.scratch()->Held()[0].id().job_id(), update.id().job_id());
  EXPECT_TRUE(parts_.scratch()->FindMapOutput(update.id()).ok());
  parts_.scratch()->RemoveJob(update.id().job_id());
  EXPECT_THAT(parts_.scratch()->Held(), IsEmpty());
  EXPECT_FALSE(parts_.scratch()->FindMapOutput(update.id()).ok());
  EXPECT_TRUE(parts_.scratch()->FindLog(update.id()).ok()) << "logs stay for a while";
  parts_.ReopenScratch();
  EXPECT_THAT(parts_.scratch()->Held(), IsEmpty());
}

TEST_F(AttemptRunnerTest, AResultThatAPowerCutHasTornIsNone) {
  const auto update = Run(MakeTask("done"));
  const std::string output = *parts_.scratch()->FindMapOutput(update.id());
  const std::string result = ParentDir(output) + "/result";
  const std::string whole = *ReadFileToString(FileSystem::Real(), result);
  for (size_t left = 0; left < whole.size(); left += 7) {
    std::ofstream(output) << "data";
    std::ofstream(result, std::ios::binary) << whole.substr(0, left);
    parts_.ReopenScratch();
    ASSERT_THAT(parts_.scratch()->Held(), IsEmpty()) << left << " bytes are left";
    ASSERT_OK(FileSystem::Real()->MakeDirs(ParentDir(output)));
  }
}

TEST_F(AttemptRunnerTest, AnotherClustersOutputsAreDropped) {
  EXPECT_TRUE(*parts_.scratch()->BelongsTo("one"));
  Run(MakeTask("done"));
  EXPECT_TRUE(*parts_.scratch()->BelongsTo("one"));
  EXPECT_THAT(parts_.scratch()->Held(), SizeIs(1));
  EXPECT_FALSE(*parts_.scratch()->BelongsTo("two"));
  EXPECT_OK(parts_.scratch()->StartOver("two"));
  EXPECT_THAT(parts_.scratch()->Held(), IsEmpty());
  EXPECT_TRUE(*parts_.scratch()->BelongsTo("two"));
}

}  // namespace
}  // namespace quern::mr
