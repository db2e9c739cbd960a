// Fetching over RPC from a worker that breaks streams, loses outputs and is replaced.
#include "mapreduce/task/shuffle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "common/rpc/bulk_codec.h"
#include "common/rpc/server.h"
#include "common/storage/file_io.h"
#include "common/thread.h"
#include "mapreduce/engine/map_output_writer.h"
#include "mapreduce/engine/merge_runs.h"
#include "mapreduce/engine/merger.h"
#include "quern/mr/v1/shuffle.pb.h"
#include "tests/mapreduce/task/tiny_outputs.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

constexpr uint32_t kMaps = 6;
constexpr size_t kPieceBytes = 10'000;

// Serves map outputs as a worker does, in small pieces, with the faults that a test sets.
class FakeWorker {
 public:
  explicit FakeWorker(std::string dir) : dir_(std::move(dir)) {
    rpc::ServerOptions options;
    options.watchdog = false;
    auto server = rpc::Server::Start(
        options, {},
        {{"/quern.mr.v1.Shuffle/Fetch",
          [this](rpc::BulkLoop* loop, rpc::BulkStream* stream) { Serve(loop, stream); }}});
    EXPECT_OK(server);
    server_ = *std::move(server);
  }

  std::string address() const { return server_->address(); }
  std::string PathOf(uint32_t task, uint32_t attempt) const {
    return fmt::format("{}/m-{}.{}", dir_, task, attempt);
  }

  std::atomic<int> break_after_pieces = INT32_MAX;  // of all streams together, then once
  std::atomic<int> lost_task = -1;                  // its attempt 0 cannot be served
  std::atomic<int> damaged_task = -1;               // a bit of its attempt 0 is flipped
  std::atomic<int> streams = 0;
  std::atomic<int> outputs = 0;  // asked for
  // Called before a request is answered, if set.
  std::atomic<const std::function<void()>*> before_answer = nullptr;

 private:
  void Serve(rpc::BulkLoop* loop, rpc::BulkStream* stream) {
    ++streams;
    pb::FetchRequest request;
    const rpc::BulkEvent event = loop->Next(absl::Seconds(10));
    ASSERT_OK(rpc::DecodeMessage(event.message, &request));
    if (const auto* call = before_answer.load(); call != nullptr) (*call)();
    for (const auto& wanted : request.outputs()) {
      if (!ServeOne(request.partition(), wanted, stream)) {
        return stream->Finish(UnavailableError("broken on purpose"));
      }
    }
    stream->Finish(absl::OkStatus());
  }

  bool ServeOne(uint32_t p, const pb::FetchRequest::Output& wanted, rpc::BulkStream* stream) {
    ++outputs;
    pb::FetchHeader header;
    header.set_map_task(wanted.map_task());
    header.set_attempt(wanted.attempt());
    if (static_cast<int>(wanted.map_task()) == lost_task && wanted.attempt() == 0) {
      header.set_error("no such output");
      stream->Send(rpc::EncodeBulk(header, {}));
      return true;
    }
    const auto file = MapOutputFile::Open(PathOf(wanted.map_task(), wanted.attempt()));
    EXPECT_OK(file);
    const MapOutputFile::Partition& range = (*file)->partition(p);
    header.set_partition_bytes(range.bytes);
    uint64_t offset = wanted.offset();
    do {
      if (--break_after_pieces == 0) return false;
      std::string bytes(std::min<uint64_t>(kPieceBytes, range.bytes - offset), '\0');
      EXPECT_OK((*file)->file()->Pread(range.offset + offset, bytes.size(), bytes.data()));
      if (static_cast<int>(wanted.map_task()) == damaged_task && wanted.attempt() == 0) {
        bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
      }
      const grpc::Slice slice(bytes.data(), bytes.size());
      header.set_offset(offset);
      stream->Send(rpc::EncodeBulk(header, {&slice, 1}));
      offset += bytes.size();
    } while (offset < range.bytes);
    return true;
  }

  const std::string dir_;
  std::unique_ptr<rpc::Server> server_;
};

// It is later at every look: pauses between tries are over as soon as they are looked at.
class HurriedClock final : public SimulatedClock {
 public:
  absl::Time TimeNow() override {
    AdvanceTime(absl::Milliseconds(100));
    return SimulatedClock::TimeNow();
  }
};

class ShuffleTest : public ::testing::Test {
 protected:
  ShuffleTest() : worker_(dir_.path()) {
    for (uint32_t task = 0; task < kMaps; ++task) WriteOutput(task, 0);
    options_.job_id = "job-x";
    options_.partition = 1;
    options_.map_tasks = kMaps;
    options_.scratch_dir = dir_.path();
    options_.memory_bytes = 1 << 20;
    options_.progress = &progress_;
  }

  // Task 3 has nothing for partition 1.
  void WriteOutput(uint32_t task, uint32_t attempt) {
    ASSERT_OK_AND_ASSIGN(const auto writer,
                         MapOutputWriter::Create(worker_.PathOf(task, attempt),
                                                 {"job-x", task, attempt}, 2, Codec::kNone));
    ASSERT_OK(writer->Append(0, "other partition", ""));
    for (int i = 0; task != 3 && i < 2000; ++i) {
      ASSERT_OK(writer->Append(1, fmt::format("key {:05}", i), fmt::format("of map {}", task)));
    }
    ASSERT_OK(writer->Finish());
  }
  pb::MapOutput Output(uint32_t task, uint32_t attempt = 0) {
    pb::MapOutput output;
    output.set_map_task(task);
    output.set_attempt(attempt);
    output.set_address(worker_.address());
    return output;
  }
  void ExpectAllRecords(const absl::StatusOr<std::vector<SortedRun>>& runs) {
    ASSERT_OK(runs);
    EXPECT_EQ(runs->size(), kMaps - 1);
    Merger merger(*runs);
    int records = 0;
    for (; merger.Next(); ++records) {
      constexpr uint32_t kTasks[] = {0, 1, 2, 4, 5};
      ASSERT_EQ(merger.key(), fmt::format("key {:05}", records / 5));
      ASSERT_EQ(merger.value(), fmt::format("of map {}", kTasks[records % 5]));
    }
    EXPECT_OK(merger.status());
    EXPECT_EQ(records, 10'000);
  }

  const TempDir dir_;
  FakeWorker worker_;
  TaskProgress progress_{Clock::Real()};
  HurriedClock hurried_;  // of those who try again
  ShuffleOptions options_;
  std::vector<std::string> reports_;
  MapOutputFeed feed_{[this](uint32_t task, uint32_t attempt, const std::string& reason) {
    reports_.push_back(fmt::format("{}.{}: {}", task, attempt, reason));
  }};
};

TEST_F(ShuffleTest, FetchesManyOutputsOverOneStreamIntoMemory) {
  for (uint32_t task = 0; task < kMaps; ++task) feed_.Add(Output(task));
  const auto runs = GatherRuns(options_, &feed_);
  ExpectAllRecords(runs);
  EXPECT_NE((*runs)[0].memory, nullptr);
  EXPECT_EQ(worker_.streams, 1);
  EXPECT_TRUE(reports_.empty());
}

TEST_F(ShuffleTest, WritesToAScratchFileWhatDoesNotFitInMemory) {
  options_.memory_bytes = 100'000;  // each output has about 40,000 bytes, a quarter is the most
  for (uint32_t task = 0; task < kMaps; ++task) feed_.Add(Output(task));
  const auto runs = GatherRuns(options_, &feed_);
  ExpectAllRecords(runs);
  EXPECT_NE((*runs)[0].file, nullptr);
}

TEST_F(ShuffleTest, OpensFilesOfThisMachineOnlyWhenTheyAreTheRightOnes) {
  for (uint32_t task = 0; task < kMaps; ++task) {
    pb::MapOutput output = Output(task);
    // Task 1's path holds the output of task 2: it has to be fetched.
    output.set_data_path(worker_.PathOf(task == 1 ? 2 : task, 0));
    feed_.Add(output);
  }
  const auto runs = GatherRuns(options_, &feed_);
  ExpectAllRecords(runs);
  EXPECT_EQ(worker_.outputs, 1);
  EXPECT_NE((*runs)[0].memory, nullptr) << "a small one is read at once";
}

TEST_F(ShuffleTest, ReadsFilesOfThisMachineInPlaceWhenMemoryIsShort) {
  options_.memory_bytes = 1000;
  for (uint32_t task = 0; task < kMaps; ++task) {
    pb::MapOutput output = Output(task);
    output.set_data_path(worker_.PathOf(task, 0));
    feed_.Add(output);
  }
  const auto runs = GatherRuns(options_, &feed_);
  ExpectAllRecords(runs);
  EXPECT_EQ(worker_.outputs, 0);
  EXPECT_NE((*runs)[0].file, nullptr);
}

TEST_F(ShuffleTest, GoesOnWhereABrokenStreamEnded) {
  for (const int pieces : {1, 2, 7, 13}) {
    worker_.break_after_pieces = pieces;
    for (uint32_t task = 0; task < kMaps; ++task) feed_.Add(Output(task));
    ExpectAllRecords(GatherRuns(options_, &feed_));
  }
  EXPECT_TRUE(reports_.empty());
}

TEST_F(ShuffleTest, WaitsForOutputsThatComeLater) {
  feed_.Add(Output(0));
  Thread later("later", [this] {
    for (uint32_t task = kMaps - 1; task > 0; --task) feed_.Add(Output(task));
  });
  ExpectAllRecords(GatherRuns(options_, &feed_));
}

// Answers the first report with a new attempt, as the coordinator does.
class AnsweringFeed {
 public:
  explicit AnsweringFeed(pb::MapOutput answer)
      : feed_([this, answer](uint32_t task, uint32_t attempt, const std::string& reason) {
          reports.push_back(fmt::format("{}.{}: {}", task, attempt, reason));
          feed_.Add(answer);
        }) {}
  MapOutputFeed* feed() { return &feed_; }

  std::vector<std::string> reports;

 private:
  MapOutputFeed feed_;
};

TEST_F(ShuffleTest, ReportsALostOutputAndTakesTheNextAttempts) {
  options_.clock = &hurried_;
  worker_.lost_task = 4;
  WriteOutput(4, 1);
  AnsweringFeed answering(Output(4, 1));
  for (uint32_t task = 0; task < kMaps; ++task) answering.feed()->Add(Output(task));
  ExpectAllRecords(GatherRuns(options_, answering.feed()));
  EXPECT_EQ(answering.reports, std::vector<std::string>{"4.0: no such output"});
}

TEST_F(ShuffleTest, ReportsADamagedOutputAndNoOther) {
  options_.clock = &hurried_;
  worker_.damaged_task = 1;
  WriteOutput(1, 1);
  AnsweringFeed answering(Output(1, 1));
  for (uint32_t task = 0; task < kMaps; ++task) answering.feed()->Add(Output(task));
  ExpectAllRecords(GatherRuns(options_, answering.feed()));
  ASSERT_EQ(answering.reports.size(), 1u);
  EXPECT_TRUE(answering.reports[0].starts_with("1.0: block has CRC")) << answering.reports[0];
}

TEST_F(ShuffleTest, KeepsOutputsOfManyMapsInMemoryAndMergesThemThere) {
  TinyOutputs worker(dir_.path());
  constexpr uint32_t kMany = 5000;
  options_.partition = 0;
  options_.map_tasks = kMany;
  options_.memory_bytes = 16 << 20;
  for (uint32_t task = 0; task < kMany; ++task) feed_.Add(worker.Output(task));
  ASSERT_OK_AND_ASSIGN(std::vector<SortedRun> runs, GatherRuns(options_, &feed_));
  ASSERT_EQ(runs.size(), kMany);
  // What a reducer does for so many: each is asked for once, in streams of a thousand.
  EXPECT_EQ(worker.asked, kMany);
  EXPECT_EQ(worker.streams, kMany / 1000);
  // They need no buffers, so no pass over the disk brings their number down.
  SortedRun failed;
  ASSERT_OK(MergeToFanIn(2, dir_.path(), &runs, &failed));
  EXPECT_EQ(runs.size(), kMany);
  Merger merger(runs);
  uint32_t records = 0;
  while (merger.Next()) ++records;
  EXPECT_OK(merger.status());
  EXPECT_EQ(records, kMany);
}

TEST_F(ShuffleTest, MergesWhatIsHereWhileMoreIsMissing) {
  TinyOutputs worker(dir_.path());
  constexpr uint32_t kMany = 5000;
  options_.partition = 0;
  options_.map_tasks = kMany;
  options_.memory_bytes = 0;
  options_.merge_fan_in = 16;
  for (uint32_t task = 1; task < kMany; ++task) feed_.Add(worker.Output(task));
  // When nearly all of them have been merged.
  Thread last("last", [&] {
    while (progress_.steps.Get() < kMany - 100) Clock::Real()->Sleep(absl::Milliseconds(1));
    feed_.Add(worker.Output(0));
  });
  ASSERT_OK_AND_ASSIGN(const std::vector<SortedRun> runs, GatherRuns(options_, &feed_));
  EXPECT_LT(runs.size(), kMany / 4);
  Merger merger(runs);
  uint32_t records = 0;
  while (merger.Next()) ++records;
  EXPECT_OK(merger.status());
  EXPECT_EQ(records, kMany);
}

TEST_F(ShuffleTest, ReportsAnOutputThatIsFoundDamagedWhenItIsMergedEarly) {
  options_.memory_bytes = 0;
  options_.merge_fan_in = 2;
  {
    ASSERT_OK_AND_ASSIGN(const auto file,
                         FileSystem::Real()->Open(worker_.PathOf(1, 0), {.write = true}));
    ASSERT_OK(file->Pwrite("damage", 20'000));
  }
  // All but the last, which never comes.
  for (uint32_t task = 0; task + 1 < kMaps; ++task) {
    pb::MapOutput output = Output(task);
    output.set_data_path(worker_.PathOf(task, 0));
    feed_.Add(output);
  }
  EXPECT_THAT(GatherRuns(options_, &feed_), StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_TRUE(reports_[0].starts_with("1.0: ")) << reports_[0];
}

// Two of the outputs on this machine are being merged, which would go on for long, when an answer
// finds no place to be put in. Task 3's output never comes.
TEST_F(ShuffleTest, WaitsForNoMergeWhenItHasFailed) {
  constexpr absl::Duration kPatience = absl::Seconds(60);
  std::promise<void> begin;
  auto begun = begin.get_future();
  bool stopped = false;
  options_.merge = [&](const std::vector<SortedRun>&, const std::string&, SortedRun*, WorkSteps*,
                       const std::atomic<bool>* stop) -> absl::StatusOr<SortedRun> {
    begin.set_value();
    const absl::Time give_up = Clock::Real()->MonotonicNow() + kPatience;
    while (!*stop && Clock::Real()->MonotonicNow() < give_up) std::this_thread::yield();
    stopped = *stop;
    return CancelledError("stopped");
  };
  options_.memory_bytes = 0;
  options_.merge_fan_in = 2;
  options_.scratch_dir = dir_ / "scratch";
  ASSERT_OK(FileSystem::Real()->MakeDirs(options_.scratch_dir));
  const std::function<void()> lose_scratch = [&] {
    EXPECT_EQ(begun.wait_for(absl::ToChronoSeconds(kPatience)), std::future_status::ready);
    EXPECT_OK(FileSystem::Real()->Rename(options_.scratch_dir, dir_ / "gone"));
  };
  worker_.before_answer = &lose_scratch;
  for (const uint32_t task : {0u, 1u, 2u, 4u}) {
    pb::MapOutput output = Output(task);
    output.set_data_path(worker_.PathOf(task, 0));
    feed_.Add(output);
  }
  feed_.Add(Output(5));
  EXPECT_THAT(GatherRuns(options_, &feed_), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(stopped) << "it was told that nobody needs it";
}

TEST_F(ShuffleTest, ReportsAWorkerThatIsGone) {
  options_.clock = &hurried_;
  WriteOutput(2, 1);
  AnsweringFeed answering(Output(2, 1));
  for (uint32_t task = 0; task < kMaps; ++task) {
    pb::MapOutput output = Output(task);
    if (task == 2) output.set_address("127.0.0.1:1");
    answering.feed()->Add(output);
  }
  ExpectAllRecords(GatherRuns(options_, answering.feed()));
  ASSERT_EQ(answering.reports.size(), 1u);
  EXPECT_TRUE(answering.reports[0].starts_with("2.0: 127.0.0.1:1")) << answering.reports[0];
}

}  // namespace
}  // namespace quern::mr
