// quern-task as a worker sees it: a real process at the other end of a socket pair.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "common/random.h"
#include "common/storage/file_io.h"
#include "common/subprocess.h"
#include "mapreduce/engine/attempt_failure.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/record_position.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/task/message_pipe.h"
#include "quern/mr/v1/task.pb.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

// A task process and the worker's end of its socket.
class TaskProcess {
 public:
  explicit TaskProcess(bool with_namespaces = true) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const timeval patience = {60, 0};
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    const UniqueFd child(ends[1]);
    pipe_ = std::make_unique<MessagePipe>(UniqueFd(ends[0]));
    SpawnOptions options;
    options.inherit_fds = {child.get()};
    options.death_signal = SIGTERM;
    std::vector<std::string> command = {std::string(std::getenv("QUERN_BIN")) + "/quern-task",
                                        "--worker_fd", std::to_string(child.get())};
    if (!with_namespaces) command.push_back("--no_namespaces");
    auto process = Subprocess::Spawn(command, options);
    EXPECT_OK(process);
    process_ = *std::move(process);
  }

  void Send(const pb::ToTask& message) { EXPECT_OK(pipe_->Write(message)); }
  // The next message that is neither hello nor progress.
  absl::StatusOr<pb::FromTask> Receive() {
    while (true) {
      pb::FromTask message;
      RETURN_IF_ERROR(pipe_->Read(&message));
      if (message.has_hello()) namespaces_ = message.hello().namespaces();
      if (!message.has_progress() && !message.has_hello()) return message;
    }
  }
  absl::StatusOr<pb::FromTask> First() {
    pb::FromTask message;
    RETURN_IF_ERROR(pipe_->Read(&message));
    return message;
  }
  absl::StatusOr<pb::FromTask> Run(const pb::ToTask& start) {
    Send(start);
    return Receive();
  }
  ExitStatus Wait() { return process_->Wait(); }
  void Kill(int signal) { process_->Kill(signal); }
  bool namespaces() const { return namespaces_; }
  ExitStatus Close() {
    pipe_->Shutdown();
    return process_->Wait();
  }

 private:
  bool namespaces_ = false;
  std::unique_ptr<MessagePipe> pipe_;
  std::unique_ptr<Subprocess> process_;
};

class WorkerSessionTest : public ::testing::Test {
 protected:
  pb::JobSpec Job() {
    pb::JobSpec job;
    job.add_inputs()->set_format("text");
    job.mutable_inputs(0)->set_mapper("Words");
    job.mutable_reduce()->set_tasks(2);
    job.mutable_reduce()->set_reducer("Joined");
    job.mutable_reduce()->set_partitioner("ByLetter");
    job.mutable_limits()->set_memory_bytes(64 << 20);
    return job;
  }
  pb::ToTask Start(const pb::JobSpec& job, pb::TaskKind kind, uint32_t task) {
    pb::ToTask message;
    pb::ToTask::Start* start = message.mutable_start();
    pb::TaskSpec* spec = start->mutable_task();
    spec->mutable_id()->set_job_id("job-20261122-0001");
    spec->mutable_id()->set_kind(kind);
    spec->mutable_id()->set_task(task);
    *spec->mutable_job() = job;
    spec->set_attempt_dir("file://" + dir_ / "attempt");
    start->set_plugin_path(std::string(std::getenv("QUERN_JOBS")) + "/libtask_test_classes.so");
    start->set_scratch_dir(dir_ / FormatAttempt(spec->id()));
    start->set_master("127.0.0.1:1");
    start->set_node("here");
    EXPECT_OK(FileSystem::Real()->MakeDirs(start->scratch_dir()));
    return message;
  }
  pb::ToTask StartMap(const pb::JobSpec& job, uint32_t task, const std::string& text) {
    pb::ToTask message = Start(job, pb::TASK_KIND_MAP, task);
    const std::string path = dir_ / fmt::format("input-{}", task);
    std::ofstream(path) << text;
    pb::InputPiece* piece = message.mutable_start()->mutable_task()->mutable_split()->add_pieces();
    piece->set_path("file://" + path);
    piece->set_length(text.size());
    piece->set_file_length(text.size());
    return message;
  }
  static int64_t CounterOf(const pb::AttemptResult& result, const std::string& name) {
    for (const pb::Counter& counter : result.counters()) {
      if (counter.name() == name) return counter.value();
    }
    return -1;
  }
  std::string Read(const std::string& name) {
    return ReadFileToString(FileSystem::Real(), dir_ / name).value_or("(none)");
  }

  const TempDir dir_;
};

TEST_F(WorkerSessionTest, OneWarmProcessRunsMapsAndAReduce) {
  TaskProcess process;
  pb::ToTask reduce = Start(Job(), pb::TASK_KIND_REDUCE, 1);
  reduce.mutable_start()->mutable_task()->set_map_tasks(2);
  pb::ToTask more;
  const std::vector<std::string> texts = {"x a y\n", "y b\nx z x"};
  for (uint32_t task = 0; task < 2; ++task) {
    ASSERT_OK_AND_ASSIGN(const pb::FromTask end, process.Run(StartMap(Job(), task, texts[task])));
    ASSERT_TRUE(end.has_done()) << end.DebugString();
    EXPECT_EQ(CounterOf(end.done(), "lines"), task + 1);
    EXPECT_EQ(CounterOf(end.done(), "map_input_records"), task + 1);
    const pb::MapOutput& output = end.done().map_output();
    ASSERT_OK_AND_ASSIGN(const auto file, MapOutputFile::Open(output.data_path()));
    EXPECT_EQ(file->identity(), (MapOutputIdentity{"job-20261122-0001", task, 0}));
    // What the process prints goes to the log of the attempt that printed it.
    EXPECT_THAT(Read(fmt::format("m-{:05}.0/log", task)), HasSubstr("started"));
    // One output is known at the start of the reducer, the other comes while it waits.
    *(task == 0 ? reduce.mutable_start()->mutable_task()->add_map_outputs()
                : more.mutable_map_outputs()->add_outputs()) = output;
  }
  process.Send(reduce);
  ASSERT_OK_AND_ASSIGN(const pb::FromTask end, process.Run(more));
  ASSERT_TRUE(end.has_done()) << end.DebugString();
  EXPECT_EQ(Read("attempt/part-r-00001"), "x\t111\ny\t11\nz\t1\n");
  EXPECT_EQ(end.done().output_records(), 3u);
  EXPECT_EQ(CounterOf(end.done(), "reduce_input_records"), 6);
  EXPECT_TRUE(process.Close().ok());
}

TEST_F(WorkerSessionTest, AnExceptionFailsTheAttemptAndNamesItsRecord) {
  for (const char* how : {"throw", "throw int"}) {
    TaskProcess process;
    pb::JobSpec job = Job();
    (*job.mutable_params())["how"] = how;
    ASSERT_OK_AND_ASSIGN(const pb::FromTask end,
                         process.Run(StartMap(job, 0, "fine\nbad\nfine\n")));
    ASSERT_TRUE(end.has_failed());
    EXPECT_THAT(end.failed().message(), HasSubstr("Map failed"));
    EXPECT_TRUE(end.failed().in_record());
    EXPECT_EQ(end.failed().record_position(), 5u);
    EXPECT_EQ(end.failed().record_source(), "file://" + dir_ / "input-0");
    EXPECT_FALSE(end.failed().environment());
  }
}

TEST_F(WorkerSessionTest, WhatUserCodeSaysIsCutAndCleaned) {
  struct Case {
    const char* how;
    std::string expected;
  };
  for (const Case& c :
       {Case{"throw the record", "Map failed: bad record: xxx"},
        Case{"parse", "Map failed: '12\\xb5' is not a whole number"},
        Case{"many counters", "a task may have 1000 counters"},
        Case{"many counters, swallowed", "a task may have 1000 counters"},
        Case{"long counter", "the name of a counter has 9437184 bytes, the limit is 200"}}) {
    TaskProcess process;
    pb::JobSpec job = Job();
    (*job.mutable_params())["how"] = c.how;
    ASSERT_OK_AND_ASSIGN(const pb::FromTask end, process.Run(StartMap(job, 0, "bad\n")));
    ASSERT_TRUE(end.has_failed()) << c.how;
    EXPECT_THAT(end.failed().message(), HasSubstr(c.expected));
    EXPECT_LE(end.ByteSizeLong(), 5'000u) << c.how;
    EXPECT_FALSE(end.failed().environment()) << c.how;
  }
}

TEST_F(WorkerSessionTest, ACombinerMayEmitInReduceOnly) {
  for (const char* combiner : {"EmitsInStart", "EmitsInFinish"}) {
    TaskProcess process;
    pb::JobSpec job = Job();
    job.mutable_reduce()->set_combiner(combiner);
    ASSERT_OK_AND_ASSIGN(const pb::FromTask end, process.Run(StartMap(job, 0, "x y z\n")));
    ASSERT_TRUE(end.has_failed()) << combiner;
    EXPECT_THAT(end.failed().message(), HasSubstr("in Start or Finish of a combiner"));
  }
}

TEST_F(WorkerSessionTest, OddTextOfACorrectTaskDoesNotFailIt) {
  TaskProcess process;
  pb::JobSpec job = Job();
  (*job.mutable_params())["how"] = "odd text";
  ASSERT_OK_AND_ASSIGN(const pb::FromTask end, process.Run(StartMap(job, 0, "bad\n")));
  ASSERT_TRUE(end.has_done()) << end.DebugString();
  EXPECT_EQ(CounterOf(end.done(), "odd\\xff"), 1);
}

TEST_F(WorkerSessionTest, SaysHelloBeforeAnythingElse) {
  TaskProcess process;
  ASSERT_OK_AND_ASSIGN(const pb::FromTask first, process.First());
  EXPECT_TRUE(first.has_hello());
}

TEST_F(WorkerSessionTest, EachValueOfALongGroupIsProgress) {
  TaskProcess process;
  pb::JobSpec job = Job();
  const std::string fifo = dir_ / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const UniqueFd gate(open(fifo.c_str(), O_RDWR | O_CLOEXEC));
  (*job.mutable_params())["fifo"] = fifo;
  constexpr int kValues = 5;
  ASSERT_OK_AND_ASSIGN(const pb::FromTask map, process.Run(StartMap(job, 0, "x x x x x\n")));
  pb::ToTask reduce = Start(job, pb::TASK_KIND_REDUCE, 1);
  reduce.mutable_start()->mutable_task()->set_map_tasks(1);
  *reduce.mutable_start()->mutable_task()->add_map_outputs() = map.done().map_output();
  process.Send(reduce);
  uint64_t steps = 0;
  for (int i = 0; i < kValues; ++i) {
    // In the reducer, which waits for a byte: this value has been taken and no other yet.
    while (true) {
      ASSERT_OK_AND_ASSIGN(const pb::FromTask message, process.First());
      ASSERT_TRUE(message.has_progress()) << message.ShortDebugString();
      if (message.progress().phase() != "reduce" || message.progress().steps() == steps) continue;
      steps = message.progress().steps();
      break;
    }
    ASSERT_EQ(write(gate.get(), "\n", 1), 1);
  }
  ASSERT_OK_AND_ASSIGN(const pb::FromTask end, process.Receive());
  EXPECT_TRUE(end.has_done()) << end.ShortDebugString();
}

TEST_F(WorkerSessionTest, ADyingProcessNeverLooksLikeSuccessAndLeavesItsPosition) {
  for (const char* how : {"exit", "crash"}) {
    TaskProcess process;
    pb::JobSpec job = Job();
    (*job.mutable_params())["how"] = how;
    const auto end = process.Run(StartMap(job, 0, "fine\nbad\nfine\n"));
    EXPECT_THAT(end, StatusIs(absl::StatusCode::kOutOfRange)) << how;
    ASSERT_OK_AND_ASSIGN(const RecordPosition position,
                         ReadRecordPosition(dir_ / "m-00000.0/record"));
    EXPECT_EQ(position.phase, RecordPhase::kMap);
    EXPECT_EQ(position.position, 5u);
    EXPECT_EQ(position.source, "file://" + dir_ / "input-0");
  }
}

// Folds and partitioners come to a record when many others have been mapped since.
TEST_F(WorkerSessionTest, WhatRunsLaterBlamesNoRecord) {
  std::string lines;
  for (int i = 0; i < 30'000; ++i) lines += fmt::format("key{}=1\n", i % 100);
  pb::JobSpec fold = Job();
  fold.mutable_inputs(0)->set_mapper("Careless");
  fold.mutable_reduce()->set_reducer("Total");
  fold.mutable_reduce()->set_combiner("Total");
  pb::JobSpec partitioned = Job();
  partitioned.mutable_reduce()->set_partitioner("Fragile");
  const struct {
    pb::JobSpec job;
    std::string line;
    RecordPhase phase;
  } cases[] = {{fold, "key1=1\nkey1={}\n", RecordPhase::kCombine},
               {partitioned, "{}\n", RecordPhase::kPartition}};
  for (const auto& c : cases) {
    TaskProcess process;
    const std::string throws = fmt::format(fmt::runtime(c.line), "throw");
    ASSERT_OK_AND_ASSIGN(const pb::FromTask end, process.Run(StartMap(c.job, 0, throws + lines)));
    ASSERT_TRUE(end.has_failed());
    EXPECT_THAT(end.failed().message(), HasSubstr(" failed: "));
    EXPECT_FALSE(end.failed().in_record()) << end.ShortDebugString();
    EXPECT_FALSE(end.failed().blames_record());
    pb::AttemptFailure seen_by_worker = end.failed();
    AddEvidence(dir_ / "m-00000.0", &seen_by_worker);
    EXPECT_EQ(seen_by_worker.message(), end.failed().message());
    EXPECT_FALSE(seen_by_worker.in_record()) << seen_by_worker.ShortDebugString();
    TaskProcess dies;
    const std::string crashes = fmt::format(fmt::runtime(c.line), "crash");
    EXPECT_THAT(dies.Run(StartMap(c.job, 0, crashes + lines)),
                StatusIs(absl::StatusCode::kOutOfRange));
    EXPECT_EQ(ReadRecordPosition(dir_ / "m-00000.0/record")->phase, c.phase);
  }
  TaskProcess process;
  ASSERT_OK_AND_ASSIGN(const pb::FromTask end,
                       process.Run(StartMap(partitioned, 0, "astray\n" + lines)));
  ASSERT_TRUE(end.has_failed());
  EXPECT_THAT(end.failed().message(), HasSubstr("the partitioner answered"));
  EXPECT_FALSE(end.failed().in_record()) << end.ShortDebugString();
}

// As root and with user namespaces a task gets namespaces; the other way is what is left where the
// machine does not permit them.
class GuardTest : public WorkerSessionTest, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Namespaces, GuardTest, ::testing::Bool());

TEST_P(GuardTest, ItsExitStatusIsThatOfTheUsersCode) {
  const std::vector<std::pair<std::string, ExitStatus>> cases = {
      {"exit", {.code = 0}}, {"exit 200", {.code = 200}}, {"crash", {.signal = SIGSEGV}}};
  for (const auto& [how, expected] : cases) {
    TaskProcess process(GetParam());
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
    TaskProcess process(GetParam());
    pb::JobSpec job = Job();
    (*job.mutable_params())["how"] = how;
    EXPECT_THAT(process.Run(StartMap(job, 0, "bad\nfine\n")),
                StatusIs(absl::StatusCode::kOutOfRange));
    process.Kill(SIGTERM);
    pb::AttemptFailure failure = DescribeExit(process.Wait());
    AddEvidence(dir_ / "m-00000.0", &failure);
    EXPECT_THAT(failure.message(), HasSubstr("closed the task's connection to the worker")) << how;
    EXPECT_FALSE(failure.in_record()) << "which one it was is not known";
    EXPECT_FALSE(failure.environment());
  }
}

TEST_P(GuardTest, UserCodeCannotKillItsWorker) {
  TaskProcess process(GetParam());  // whose parent is this test
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
    TaskProcess process(GetParam());
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

TEST_F(WorkerSessionTest, StepsOverSkippedRecordsAndCountsThem) {
  TaskProcess process;
  pb::JobSpec job = Job();
  (*job.mutable_params())["how"] = "crash";
  pb::ToTask start = StartMap(job, 0, "fine\nbad\nfine\n");
  start.mutable_start()->mutable_task()->add_bad_records()->set_position(5);
  ASSERT_OK_AND_ASSIGN(const pb::FromTask end, process.Run(start));
  ASSERT_TRUE(end.has_done()) << end.DebugString();
  EXPECT_EQ(CounterOf(end.done(), "map_input_records"), 2);
  EXPECT_EQ(CounterOf(end.done(), "map_skipped_records"), 1);
}

TEST_F(WorkerSessionTest, ASampleReturnsSortedKeysFromTheStartOfEachPiece) {
  TaskProcess process;
  pb::ToTask start = StartMap(Job(), 0, "d c\nb a\nnot read\n");
  pb::TaskSpec* spec = start.mutable_start()->mutable_task();
  spec->mutable_id()->set_kind(pb::TASK_KIND_SAMPLE);
  spec->set_sample_bytes(5);
  spec->set_sample_keys(100);
  ASSERT_OK_AND_ASSIGN(const pb::FromTask end, process.Run(start));
  ASSERT_TRUE(end.has_done()) << end.DebugString();
  const auto& keys = end.done().sample_keys();
  EXPECT_EQ(std::vector<std::string>(keys.begin(), keys.end()),
            (std::vector<std::string>{"a", "b", "c", "d"}));
}

TEST_F(WorkerSessionTest, TellsTheMachinesFaultsFromTheUsers) {
  TaskProcess process;
  pb::ToTask missing = StartMap(Job(), 0, "text");
  missing.mutable_start()->mutable_task()->mutable_split()->mutable_pieces(0)->set_path(
      "file:///no/such/file");
  ASSERT_OK_AND_ASSIGN(pb::FromTask end, process.Run(missing));
  EXPECT_TRUE(end.has_failed());
  EXPECT_FALSE(end.failed().environment()) << "input that is not there will not come back";
  pb::ToTask wrong_class = StartMap(Job(), 0, "text");
  wrong_class.mutable_start()->mutable_task()->mutable_job()->mutable_inputs(0)->set_mapper(
      "Wordz");
  ASSERT_OK_AND_ASSIGN(end, process.Run(wrong_class));
  EXPECT_THAT(end.failed().message(), HasSubstr("Did you mean 'Words'"));
  pb::ToTask no_scratch = StartMap(Job(), 0, "text");
  ASSERT_OK(FileSystem::Real()->RemoveTree(no_scratch.start().scratch_dir()));
  ASSERT_OK_AND_ASSIGN(end, process.Run(no_scratch));
  EXPECT_TRUE(end.has_failed());
}

TEST_F(WorkerSessionTest, ReportsADamagedMapOutputAndDoesNotCountItAgainstTheUser) {
  TaskProcess process;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += fmt::format("x{}\n", i);
  ASSERT_OK_AND_ASSIGN(const pb::FromTask map, process.Run(StartMap(Job(), 0, text)));
  const std::string path = map.done().map_output().data_path();
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFileToString(FileSystem::Real(), path));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  std::ofstream(path, std::ios::binary) << bytes;
  pb::ToTask reduce = Start(Job(), pb::TASK_KIND_REDUCE, 1);
  reduce.mutable_start()->mutable_task()->set_map_tasks(1);
  *reduce.mutable_start()->mutable_task()->add_map_outputs() = map.done().map_output();
  ASSERT_OK_AND_ASSIGN(pb::FromTask message, process.Run(reduce));
  ASSERT_TRUE(message.has_fetch_failure()) << message.DebugString();
  EXPECT_EQ(message.fetch_failure().map_task(), 0u);
  ASSERT_OK_AND_ASSIGN(message, process.Receive());
  ASSERT_TRUE(message.has_failed());
  EXPECT_TRUE(message.failed().environment());
  EXPECT_THAT(message.failed().message(), HasSubstr("CRC"));
}

// Nobody answers at the master's address, and nothing of the user's code runs.
TEST_F(WorkerSessionTest, WhoWaitsForTheFileSystemIsNotSilent) {
  pb::JobSpec job = Job();
  job.mutable_limits()->set_timeout_ms(1000);
  pb::ToTask start = StartMap(job, 0, "text");
  start.mutable_start()->mutable_task()->mutable_split()->mutable_pieces(0)->set_path("/in");
  TaskProcess process;
  process.Send(start);
  std::string last;
  for (int equal = 0; equal < 3;) {
    ASSERT_OK_AND_ASSIGN(const pb::FromTask message, process.First());
    if (!message.has_progress()) continue;
    const std::string progress = message.SerializeAsString();
    equal = progress == last ? equal + 1 : 0;
    last = progress;
  }
}

// The values of a key seem to end where the next ones cannot be read: user code that does not like
// that is not to blame, and has the map task run again even if it dies of it.
TEST_F(WorkerSessionTest, DamageWithinAKeyIsNoFaultOfItsReducer) {
  constexpr int kValues = 2000;
  std::string text;
  for (int i = 0; i < kValues; ++i) text += fmt::format("x={:0>200}\n", RandomHex(100));
  pb::JobSpec job = Job();
  job.mutable_inputs(0)->set_mapper("Careless");
  job.mutable_reduce()->set_reducer("Complete");
  (*job.mutable_params())["values"] = std::to_string(kValues);
  TaskProcess maps;
  ASSERT_OK_AND_ASSIGN(const pb::FromTask map, maps.Run(StartMap(job, 0, text)));
  ASSERT_TRUE(map.has_done()) << map.ShortDebugString();
  const std::string path = map.done().map_output().data_path();
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFileToString(FileSystem::Real(), path));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  std::ofstream(path, std::ios::binary) << bytes;
  for (const char* how : {"throw", "fail", "crash"}) {
    (*job.mutable_params())["how"] = how;
    TaskProcess process;
    pb::ToTask reduce = Start(job, pb::TASK_KIND_REDUCE, 1);
    reduce.mutable_start()->mutable_task()->set_map_tasks(1);
    *reduce.mutable_start()->mutable_task()->add_map_outputs() = map.done().map_output();
    ASSERT_OK_AND_ASSIGN(pb::FromTask message, process.Run(reduce));
    ASSERT_TRUE(message.has_fetch_failure()) << how << ": " << message.ShortDebugString();
    EXPECT_EQ(message.fetch_failure().map_task(), 0u);
    const auto end = process.Receive();
    if (std::string_view(how) == "crash") {
      EXPECT_THAT(end, StatusIs(absl::StatusCode::kOutOfRange));
    } else {
      ASSERT_TRUE(end.ok() && end->has_failed()) << how;
      EXPECT_TRUE(end->failed().environment()) << end->ShortDebugString();
      EXPECT_FALSE(end->failed().ends_job());
    }
    pb::AttemptFailure failure;
    AddEvidence(dir_ / "r-00001.0", &failure);
    EXPECT_FALSE(failure.in_record()) << how << failure.ShortDebugString();
  }
}

}  // namespace
}  // namespace quern::mr
