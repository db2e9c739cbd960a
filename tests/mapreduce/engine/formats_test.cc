// Small things with a fixed form: ids, record position, manifest, blocks, memory plan.
#include <gtest/gtest.h>

#include <cstring>

#include "common/crc32c.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/attempt_failure.h"
#include "mapreduce/engine/manifest.h"
#include "mapreduce/engine/memory_plan.h"
#include "mapreduce/engine/record_position.h"
#include "mapreduce/engine/task_id.h"
#include "tests/mapreduce/engine/memory_storage.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

TEST(TaskIdTest, PrintsAndParses) {
  EXPECT_EQ(FormatJobId("20261122", 1), "job-20261122-0001");
  EXPECT_TRUE(IsJobId("job-20261122-0001"));
  EXPECT_TRUE(IsJobId("job-20261122-12345"));
  for (const char* bad : {"", "job-", "job-20261122-", "job-20261122-1x", "job-20261122-0001/..",
                          "job-2026112a-0001", "jop-20261122-0001"}) {
    EXPECT_FALSE(IsJobId(bad)) << bad;
  }
  pb::AttemptId id;
  id.set_kind(pb::TASK_KIND_MAP);
  id.set_task(17);
  id.set_attempt(1);
  EXPECT_EQ(FormatAttempt(id), "m-00017.1");
  EXPECT_EQ(FormatPart(pb::TASK_KIND_REDUCE, 3), "part-r-00003");
  for (const char* path : {"/a/part-r-00003", "/a/part-r-00003.", "/a/part-r-00003.Z/x", "",
                           "part-r-00003.a..b", "/a/part-r-00004.gz"}) {
    EXPECT_EQ(PublishedPart(pb::TASK_KIND_REDUCE, 3, path), "part-r-00003") << path;
  }
  EXPECT_EQ(PublishedPart(pb::TASK_KIND_REDUCE, 3, "/a/part-r-00003.zst"), "part-r-00003.zst");
  ASSERT_OK_AND_ASSIGN(const TaskName name, ParseTaskName("r-3.2"));
  EXPECT_EQ(name.kind, pb::TASK_KIND_REDUCE);
  EXPECT_EQ(name.task, 3u);
  EXPECT_EQ(name.attempt, 2u);
  EXPECT_FALSE(ParseTaskName("m-00017")->attempt.has_value());
  for (const char* bad : {"", "m", "m-", "x-1", "m-1.", "m-1.x", "m-.1", "m-99999999999", "m 1"}) {
    EXPECT_THAT(ParseTaskName(bad), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
}

TEST(RecordPositionTest, IsReadFromTheFileWhileItsWriterLives) {
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(const auto writer, RecordPositionWriter::Create(dir / "record"));
  EXPECT_EQ(ReadRecordPosition(dir / "record")->phase, RecordPhase::kNone);
  writer->SetSource("/in/中文 a", 7);
  writer->SetPhase(RecordPhase::kMap);
  writer->SetPosition(123456789012);
  ASSERT_OK_AND_ASSIGN(const RecordPosition position, ReadRecordPosition(dir / "record"));
  EXPECT_EQ(position.phase, RecordPhase::kMap);
  EXPECT_EQ(position.position, 123456789012u);
  EXPECT_EQ(position.piece, 7u);
  EXPECT_EQ(position.source, "/in/中文 a");
  writer->SetSource(std::string(10'000, 'x'));
  EXPECT_EQ(ReadRecordPosition(dir / "record")->source, std::string(4072, 'x'));
  ASSERT_OK(WriteFileDurably(FileSystem::Real(), dir / "foreign", "not a page"));
  EXPECT_EQ(ReadRecordPosition(dir / "foreign")->phase, RecordPhase::kNone);
}

TEST(RecordPositionTest, OnlyMapAndReduceBlameARecord) {
  const TempDir dir;
  const auto evidence = [&](RecordPhase phase, const char* source = "/in/a",
                            uint64_t position = 4711, const char* message = "died") {
    const auto writer = *RecordPositionWriter::Create(dir / "record");
    writer->SetSource(source, 2);
    writer->SetPosition(position);
    writer->SetPhase(phase);
    pb::AttemptFailure failure;
    failure.set_message(message);
    AddEvidence(dir.path(), &failure);
    EXPECT_EQ(failure.in_record(), failure.blames_record());
    return failure.message() + AtRecord(failure);
  };
  EXPECT_EQ(evidence(RecordPhase::kMap), "died in Map, at /in/a:4711");
  EXPECT_EQ(evidence(RecordPhase::kReduce), "died in Reduce, at /in/a:4711");
  EXPECT_EQ(evidence(RecordPhase::kCombine), "died in the combiner");
  EXPECT_EQ(evidence(RecordPhase::kPartition), "died in the partitioner");
  EXPECT_EQ(evidence(RecordPhase::kReading), "died while /in/a was read, behind offset 4711");
  EXPECT_EQ(evidence(RecordPhase::kReading, ""), "died while its input was read");
  EXPECT_EQ(evidence(RecordPhase::kReading, "/in/b", 0), "died while /in/b was read");
  EXPECT_EQ(evidence(RecordPhase::kReading, "/in/a", 0, "/in/a: is no WARC file"),
            "/in/a: is no WARC file");
  EXPECT_EQ(evidence(RecordPhase::kReading, "/in/a", 4711, "/in/a: is damaged"),
            "/in/a: is damaged, behind offset 4711");
  EXPECT_EQ(evidence(RecordPhase::kCallback), "died (in Start or Finish)");
  EXPECT_EQ(evidence(RecordPhase::kNone), "died");
}

TEST(RecordPositionTest, AdviceStandsBehindThePlace) {
  const TempDir dir;
  const auto told = [&](RecordPhase phase, MemoryAdvice advice) {
    const auto writer = *RecordPositionWriter::Create(dir / "record");
    writer->SetSource("/in/a");
    writer->SetPosition(17);
    writer->SetPhase(phase);
    pb::AttemptFailure failure;
    failure.set_message("it took too much");
    AddEvidence(dir.path(), &failure);
    AddMemoryAdvice(advice, &failure);
    return MessageAtRecord(failure);
  };
  EXPECT_EQ(told(RecordPhase::kMap, MemoryAdvice::kRaiseLimitOrSkip),
            "it took too much in Map, at /in/a:17. Try: a larger limits.memory, or "
            "limits.skip_bad_records = true, which sets such a record aside");
  EXPECT_EQ(told(RecordPhase::kMap, MemoryAdvice::kRaiseLimit),
            "it took too much in Map, at /in/a:17. Try: a larger limits.memory");
  // What no record can be blamed for is not skipped.
  EXPECT_EQ(told(RecordPhase::kCallback, MemoryAdvice::kRaiseLimitOrSkip),
            "it took too much (in Start or Finish). Try: a larger limits.memory");
  pb::AttemptFailure killed;
  killed.set_message("killed. Try: fewer slots");
  AddEvidence(dir.path(), &killed);
  EXPECT_EQ(MessageAtRecord(killed), "killed (in Start or Finish). Try: fewer slots");
}

TEST(RecordPositionTest, AGuardGivesThePhaseBack) {
  const auto position = RecordPositionWriter::Private();
  position->SetPhase(RecordPhase::kMap);
  try {
    const PhaseGuard guard(position.get(), RecordPhase::kCombine);
    EXPECT_EQ(position->phase(), RecordPhase::kCombine);
    throw 1;
  } catch (int) {
  }
  EXPECT_EQ(position->phase(), RecordPhase::kMap);
  const PhaseGuard of_nobody(nullptr, RecordPhase::kCombine);
}

TEST(ManifestTest, ListsPartsAndSumsCounters) {
  Manifest manifest;
  manifest.job_id = "job-20261122-0001";
  manifest.job_name = "a \"name\" \xff";
  manifest.parts = {{"part-r-00000", 10, 2, 0xabcdef}, {"part-r-00001", 5, 1, 1}};
  pb::AttemptResult result;
  for (const auto& [name, value] : {std::pair{"b", 2}, {"a", 1}, {"b", 3}}) {
    pb::Counter* counter = result.add_counters();
    counter->set_group("user");
    counter->set_name(name);
    counter->set_value(value);
  }
  AddCounters(result.counters(), &manifest.counters);
  AddCounters(result.counters(), &manifest.counters);
  ASSERT_EQ(manifest.counters.size(), 2u);
  EXPECT_EQ(manifest.counters[1].value(), 10);
  const std::string json = FormatManifest(manifest);
  EXPECT_NE(json.find("\"crc32c\": \"00abcdef\""), std::string::npos) << json;
  EXPECT_NE(json.find("\"bytes\": 15"), std::string::npos) << json;
}

TEST(MemoryPlanTest, PartsStayWithinTheLimit) {
  for (const uint64_t limit : {uint64_t{0}, uint64_t{1} << 20, uint64_t{64} << 20,
                               uint64_t{1} << 30, uint64_t{64} << 30}) {
    const uint64_t allowed =
        std::max(limit == 0 ? MemoryPlan::kDefaultLimitBytes : limit, MemoryPlan::kMinLimitBytes);
    for (const bool combiner : {false, true}) {
      const MemoryPlan plan = MemoryPlan::For(limit, combiner);
      const uint64_t merge = plan.merge_fan_in * 2 * (64 << 10);
      EXPECT_LT(2 * plan.sort_buffer_bytes + plan.combine_table_bytes + plan.record_bytes + merge,
                allowed);
      EXPECT_LT(plan.fetched_bytes + plan.record_bytes + merge, allowed);
      EXPECT_GT(plan.sort_buffer_bytes, 4u << 20);
      EXPECT_EQ(plan.combine_table_bytes > 0, combiner);
    }
  }
}

}  // namespace
}  // namespace quern::mr
