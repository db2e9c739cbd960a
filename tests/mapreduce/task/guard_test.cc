// What a task's guard keeps user code from, and how its end looks to the worker.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "common/fd.h"
#include "mapreduce/engine/attempt_failure.h"
#include "tests/mapreduce/task/worker_session_fixture.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

// As root and with user namespaces a task gets namespaces; the other way is what is left where the
// machine does not permit them.
class GuardTest : public WorkerSessionTest, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Namespaces, GuardTest, ::testing::Bool());

TEST_P(GuardTest, ItsExitStatusIsThatOfTheUsersCode) {
  const std::vector<std::pair<std::string, ExitStatus>> cases = {
      {"exit", {.code = 0}}, {"exit 200", {.code = 200}}, {"crash", {.signal = SIGSEGV}}};
  for (const auto& [how, expected] : cases) {
    TestedTask process(GetParam());
    pb::JobSpec job = Job();
    (*job.mutable_params())["how"] = how;
    EXPECT_THAT(process.Run(StartMap(job, 0, "bad\n")), StatusIs(absl::StatusCode::kOutOfRange));
    const ExitStatus exit = process.Wait();
    EXPECT_EQ(exit.code, expected.code) << how;
    EXPECT_EQ(exit.signal, expected.signal) << how;
  }
}

// The process goes on, and nothing that it says arrives.
TEST_P(GuardTest, UserCodeThatClosesTheConnectionEndsItsTaskAtOnce) {
  for (const char* how : {"close descriptors", "close descriptors and wait"}) {
    TestedTask process(GetParam());
    pb::JobSpec job = Job();
    (*job.mutable_params())["how"] = how;
    EXPECT_THAT(process.Run(StartMap(job, 0, "bad\nfine\n")),
                StatusIs(absl::StatusCode::kOutOfRange));
    process.Kill(SIGTERM);
    pb::AttemptFailure failure = DescribeExit(process.Wait());
    AddEvidence(dir_ / "m-00000.0", &failure);
    EXPECT_THAT(failure.message(),
                HasSubstr("its code closed descriptors that belong to the engine "
                          "(the task's connection to the worker)"))
        << how;
    EXPECT_FALSE(failure.in_record()) << "which one it was is not known";
    EXPECT_FALSE(failure.environment());
  }
}

// Files of the engine's would get their numbers, and with them what user code prints.
TEST_P(GuardTest, UserCodeMaySendItsStreamsElsewhereButNotCloseThem) {
  for (const char* how : {"close streams", "redirect streams"}) {
    TestedTask process(GetParam());
    pb::JobSpec job = Job();
    (*job.mutable_params())["how"] = how;
    const auto end = process.Run(StartMap(job, 0, "bad\nfine\n"));
    if (how == std::string("redirect streams")) {
      EXPECT_TRUE(end.ok() && end->has_done()) << end.status();
      continue;
    }
    EXPECT_THAT(end, StatusIs(absl::StatusCode::kOutOfRange));
    pb::AttemptFailure failure = DescribeExit(process.Wait());
    AddEvidence(dir_ / "m-00000.0", &failure);
    EXPECT_THAT(failure.message(), HasSubstr("belong to the engine (stdout, stderr)"));
  }
}

TEST_P(GuardTest, UserCodeCannotKillItsWorker) {
  TestedTask process(GetParam());  // whose parent is this test
  pb::JobSpec job = Job();
  (*job.mutable_params())["how"] = "kill parent";
  const auto end = process.Run(StartMap(job, 0, "bad\n"));
  EXPECT_TRUE(!end.ok() || end->has_done());
}

// Whatever way a task ends, what it has started ends with it.
TEST_P(GuardTest, ADaemonDoesNotOutliveItsTask) {
  for (const std::string way : {"done", "terminated", "killed"}) {
    const std::string fifo = dir_ / way;
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    TestedTask process(GetParam());
    pb::JobSpec job = Job();
    (*job.mutable_params())["how"] = way == "done" ? "daemon" : "daemon and wait";
    (*job.mutable_params())["daemon_fifo"] = fifo;
    process.Send(StartMap(job, 0, "bad\n"));
    const UniqueFd alive(open(fifo.c_str(), O_RDONLY | O_CLOEXEC));
    char byte = 0;
    ASSERT_EQ(read(alive.get(), &byte, 1), 1) << "it runs";
    if (way == "done") {  // the process is still there, for another attempt
      ASSERT_OK_AND_ASSIGN(const pb::FromTask end, process.Receive());
      ASSERT_TRUE(end.has_done()) << end.ShortDebugString();
    }
    if (way == "terminated") process.Kill(SIGTERM);
    // Without namespaces a guard that is killed is no guard.
    if (way == "killed") process.Kill(process.namespaces() ? SIGKILL : SIGTERM);
    if (way != "done") process.Wait();
    pollfd event = {alive.get(), POLLIN, 0};
    ASSERT_EQ(poll(&event, 1, 60'000), 1) << way << ": it still runs";
    EXPECT_EQ(read(alive.get(), &byte, 1), 0);
  }
}

}  // namespace
}  // namespace quern::mr
