// quern-task as a worker sees it: a real process at the other end of a socket pair.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "common/random.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/attempt_failure.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/record_position.h"
#include "tests/mapreduce/task/worker_session_fixture.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;

TEST_F(WorkerSessionTest, OneWarmProcessRunsMapsAndAReduce) {
  TestedTask process;
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
    TestedTask process;
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
    TestedTask process;
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
    TestedTask process;
    pb::JobSpec job = Job();
    job.mutable_reduce()->set_combiner(combiner);
    ASSERT_OK_AND_ASSIGN(const pb::FromTask end, process.Run(StartMap(job, 0, "x y z\n")));
    ASSERT_TRUE(end.has_failed()) << combiner;
    EXPECT_THAT(end.failed().message(), HasSubstr("in Start or Finish of a combiner"));
  }
}

TEST_F(WorkerSessionTest, OddTextOfACorrectTaskDoesNotFailIt) {
  TestedTask process;
  pb::JobSpec job = Job();
  (*job.mutable_params())["how"] = "odd text";
  ASSERT_OK_AND_ASSIGN(const pb::FromTask end, process.Run(StartMap(job, 0, "bad\n")));
  ASSERT_TRUE(end.has_done()) << end.DebugString();
  EXPECT_EQ(CounterOf(end.done(), "odd\\xff"), 1);
}

TEST_F(WorkerSessionTest, SaysHelloBeforeAnythingElse) {
  TestedTask process;
  ASSERT_OK_AND_ASSIGN(const pb::FromTask first, process.First());
  EXPECT_TRUE(first.has_hello());
}

TEST_F(WorkerSessionTest, EachValueOfALongGroupIsProgress) {
  TestedTask process;
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
    TestedTask process;
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
    TestedTask process;
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
    TestedTask dies;
    const std::string crashes = fmt::format(fmt::runtime(c.line), "crash");
    EXPECT_THAT(dies.Run(StartMap(c.job, 0, crashes + lines)),
                StatusIs(absl::StatusCode::kOutOfRange));
    EXPECT_EQ(ReadRecordPosition(dir_ / "m-00000.0/record")->phase, c.phase);
  }
  TestedTask process;
  ASSERT_OK_AND_ASSIGN(const pb::FromTask end,
                       process.Run(StartMap(partitioned, 0, "astray\n" + lines)));
  ASSERT_TRUE(end.has_failed());
  EXPECT_THAT(end.failed().message(), HasSubstr("the partitioner answered"));
  EXPECT_FALSE(end.failed().in_record()) << end.ShortDebugString();
}

TEST_F(WorkerSessionTest, StepsOverSkippedRecordsAndCountsThem) {
  TestedTask process;
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
  TestedTask process;
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
  TestedTask process;
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
  TestedTask process;
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
  TestedTask process;
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
  TestedTask maps;
  ASSERT_OK_AND_ASSIGN(const pb::FromTask map, maps.Run(StartMap(job, 0, text)));
  ASSERT_TRUE(map.has_done()) << map.ShortDebugString();
  const std::string path = map.done().map_output().data_path();
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFileToString(FileSystem::Real(), path));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  std::ofstream(path, std::ios::binary) << bytes;
  for (const char* how : {"throw", "fail", "crash"}) {
    (*job.mutable_params())["how"] = how;
    TestedTask process;
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
