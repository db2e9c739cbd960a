// quern-task as a worker sees it: a real process at the other end of a socket pair.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "common/storage/file_io.h"
#include "common/subprocess.h"
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
  TaskProcess() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const UniqueFd child(ends[1]);
    pipe_ = std::make_unique<MessagePipe>(UniqueFd(ends[0]));
    SpawnOptions options;
    options.inherit_fds = {child.get()};
    auto process = Subprocess::Spawn({std::string(std::getenv("QUERN_BIN")) + "/quern-task",
                                      "--worker_fd", std::to_string(child.get())},
                                     options);
    EXPECT_OK(process);
    process_ = *std::move(process);
  }

  void Send(const pb::ToTask& message) { EXPECT_OK(pipe_->Write(message)); }
  // The next message that is no progress.
  absl::StatusOr<pb::FromTask> Receive() {
    while (true) {
      pb::FromTask message;
      RETURN_IF_ERROR(pipe_->Read(&message));
      if (!message.has_progress()) return message;
    }
  }
  absl::StatusOr<pb::FromTask> Run(const pb::ToTask& start) {
    Send(start);
    return Receive();
  }
  ExitStatus Wait() { return process_->Wait(); }
  ExitStatus Close() {
    pipe_->Shutdown();
    return process_->Wait();
  }

 private:
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
    EXPECT_THAT(end.failed().message(), HasSubstr("Map threw"));
    EXPECT_TRUE(end.failed().in_record());
    EXPECT_EQ(end.failed().record_position(), 5u);
    EXPECT_EQ(end.failed().record_source(), "file://" + dir_ / "input-0");
    EXPECT_FALSE(end.failed().environment());
  }
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

TEST_F(WorkerSessionTest, StepsOverSkippedRecordsAndCountsThem) {
  TaskProcess process;
  pb::JobSpec job = Job();
  (*job.mutable_params())["how"] = "crash";
  pb::ToTask start = StartMap(job, 0, "fine\nbad\nfine\n");
  start.mutable_start()->mutable_task()->add_skip_positions(5);
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

}  // namespace
}  // namespace quern::mr
