// The whole map side and the merge of the reduce side against std::map, on random records, with
// buffers so small that everything spills, merges in several passes and uses scratch files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "mapreduce/api/mapreduce.h"
#include "mapreduce/engine/combine_sink.h"
#include "mapreduce/engine/group_partitioner.h"
#include "mapreduce/engine/group_reader.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/merge_runs.h"
#include "mapreduce/engine/merger.h"
#include "mapreduce/engine/no_record.h"
#include "mapreduce/engine/partitioners.h"
#include "mapreduce/engine/sort_sink.h"
#include "tests/mapreduce/engine/class_combiner.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using Values = std::map<std::string, std::vector<std::string>>;

class SumReducer : public Reducer {
 public:
  void Reduce(ReduceInput* in) override {
    int64_t total = 0;
    for (std::string_view value : in->values()) total += ParseInt(value);
    Emit(total);
  }
};

// All that a job of several map tasks leaves, read back as a reducer would.
Values ReadPartition(const std::vector<std::string>& outputs, uint32_t partition, size_t fan_in,
                     const TempDir& dir, uint32_t group_parts = 0) {
  std::vector<SortedRun> runs;
  for (const std::string& path : outputs) {
    const auto file = MapOutputFile::Open(path);
    EXPECT_OK(file);
    const MapOutputFile::Partition& range = (*file)->partition(partition);
    SortedRun run;
    run.file = (*file)->file();
    run.offset = range.offset;
    run.bytes = range.bytes;
    if (range.bytes > 0) runs.push_back(run);
  }
  SortedRun failed;
  EXPECT_OK(MergeToFanIn(fan_in, dir.path(), &runs, &failed));
  EXPECT_LE(runs.size(), fan_in);
  Merger merger(runs);
  GroupReader groups(&merger, dir.path(), group_parts);
  Values values;
  std::string last;
  while (groups.NextGroup()) {
    const std::string key(groups.key());
    EXPECT_TRUE(values.empty() || last < key) << "keys out of order";
    last = key;
    for (std::string_view value : ReduceInput(groups.group()).values())
      values[key].emplace_back(value);
  }
  EXPECT_OK(groups.status());
  return values;
}

struct Shape {
  std::string name;
  size_t records = 2000;
  size_t sort_buffer_bytes = 64 << 10;
  uint64_t distinct_keys = 100;
  size_t longest_key = 20;
  size_t longest_value = 30;
  Codec codec = Codec::kNone;
  uint32_t partitions = 3;
  size_t fan_in = 4;
  uint64_t large_one_in = UINT64_MAX;
  uint64_t same_start = 0;                   // bytes that all keys begin with
  uint64_t other_start_one_in = UINT64_MAX;  // but for these
};

class MapPipelineTest : public RandomTest, public ::testing::WithParamInterface<Shape> {
 protected:
  std::string RandomText(size_t longest) {
    std::string text(Below(longest + 1), '\0');
    for (char& c : text) c = static_cast<char>(OneIn(4) ? Below(256) : 'a' + Below(3));
    return text;
  }
  std::vector<std::string> MakeKeys(const Shape& shape) {
    std::vector<std::string> keys;
    for (uint64_t i = 0; i < shape.distinct_keys; ++i) {
      const size_t start =
          OneIn(shape.other_start_one_in) ? Below(shape.same_start) : shape.same_start;
      keys.push_back(std::string(start, 'p') + RandomText(shape.longest_key));
    }
    return keys;
  }
};

TEST_P(MapPipelineTest, GivesEveryValueOnceInTheOrderOfItsEmit) {
  const Shape shape = GetParam();
  const TempDir dir;
  const HashPartitioner partitioner;
  const std::vector<std::string> keys = MakeKeys(shape);
  SortBuffers buffers(shape.sort_buffer_bytes);
  Values want;
  std::vector<std::string> outputs;
  for (uint32_t task = 0; task < 3; ++task) {
    const MapOutputIdentity identity = {"job-20261122-0001", task, 0};
    SortSink sink({identity, shape.partitions, shape.codec, dir.path(), shape.fan_in}, &partitioner,
                  &buffers);
    for (size_t i = 0; i < shape.records; ++i) {
      const std::string& key = keys[Below(keys.size())];
      const std::string value =
          OneIn(shape.large_one_in) ? std::string(3 << 20, 'L') : RandomText(shape.longest_value);
      sink.Append(key, value);
      want[key].push_back(value);
    }
    outputs.push_back(dir / fmt::format("output-{}", task));
    ASSERT_OK(sink.Finish(outputs.back(), nullptr));
    EXPECT_EQ(sink.records(), shape.records);
    ASSERT_OK_AND_ASSIGN(const auto file, MapOutputFile::Open(outputs.back()));
    EXPECT_EQ(file->identity(), identity);
  }
  Values got;
  for (uint32_t partition = 0; partition < shape.partitions; ++partition) {
    for (auto& [key, values] : ReadPartition(outputs, partition, 2, dir)) {
      EXPECT_EQ(partitioner.Partition(key, shape.partitions), partition);
      EXPECT_TRUE(got.emplace(key, std::move(values)).second) << "a key in two partitions";
    }
  }
  EXPECT_EQ(got, want);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, MapPipelineTest,
    ::testing::Values(Shape{.name = "InMemory", .sort_buffer_bytes = 8 << 20},
                      Shape{.name = "ManySpills"},
                      Shape{.name = "EmptyKeysAndValues", .longest_key = 1, .longest_value = 0},
                      Shape{.name = "OneKey", .distinct_keys = 1},
                      Shape{.name = "SharedPrefix", .distinct_keys = 1000, .same_start = 12},
                      Shape{.name = "SharedPrefixInMemory",
                            .records = 20'000,
                            .sort_buffer_bytes = 8 << 20,
                            .distinct_keys = 15'000,
                            .same_start = 30},
                      Shape{.name = "StartsThatEndLate",
                            .records = 20'000,
                            .sort_buffer_bytes = 8 << 20,
                            .distinct_keys = 15'000,
                            .same_start = 30,
                            .other_start_one_in = 3000},
                      Shape{.name = "Lz4", .codec = Codec::kLz4},
                      Shape{.name = "OnePartition", .sort_buffer_bytes = 1 << 20, .partitions = 1},
                      Shape{.name = "MorePartitionsThanKeys", .distinct_keys = 5, .partitions = 50},
                      Shape{
                          .name = "RecordsLargerThanTheBuffer", .records = 60, .large_one_in = 20},
                      Shape{.name = "LongKeys", .records = 300, .longest_key = 30'000}),
    [](const auto& test) { return test.param.name; });

// Keys of any number of parts, none among them, grouped by the first ones.
using GroupPipelineTest = RandomTest;

TEST_F(GroupPipelineTest, GroupsAreKeysWhoseFirstPartsAreEqual) {
  const std::vector<std::string> parts = {Ordered(""),
                                          Ordered("a"),
                                          Ordered("ab"),
                                          Ordered(int32_t{1}),
                                          Ordered(uint8_t{1}),
                                          Ordered(Desc("a")),
                                          Ordered(std::optional<std::string>()),
                                          Ordered(std::optional<std::string>("a"))};
  for (const uint32_t group_parts : {1u, 2u, 3u}) {
    const TempDir dir;
    const HashPartitioner hash;
    const GroupPartitioner partitioner(&hash, group_parts);
    SortBuffers buffers(64 << 10);
    SortSink sink({{"j", 0, 0}, 2, Codec::kNone, dir.path(), 3}, &partitioner, &buffers);
    std::map<std::string, std::map<std::string, std::vector<std::string>>> records;
    for (int i = 0; i < 5000; ++i) {
      std::string key, group;
      const uint64_t count = Below(5);
      for (uint64_t part = 0; part < count; ++part) {
        key += parts[Below(parts.size())];
        if (part < group_parts) group = key;
      }
      records[group][key].push_back(std::to_string(i));
      sink.Append(key, std::to_string(i));
    }
    ASSERT_OK(sink.Finish(dir / "output", nullptr));
    Values want;
    for (const auto& [group, keys] : records) {
      for (const auto& [key, values] : keys) {
        want[group].insert(want[group].end(), values.begin(), values.end());
      }
    }
    Values got;
    for (const uint32_t partition : {0u, 1u}) {
      for (auto& [key, values] : ReadPartition({dir / "output"}, partition, 8, dir, group_parts)) {
        EXPECT_TRUE(got.emplace(key, std::move(values)).second) << "a group in two partitions";
      }
    }
    EXPECT_EQ(got, want) << group_parts;
  }
}

// Sums of numbers through the combiner are those of a plain loop, however often it runs.
class CombinePipelineTest : public RandomTest {
 protected:
  struct Outcome {
    std::map<std::string, int64_t> sums;
    bool still_combining = false;
  };
  Outcome Run(uint64_t distinct, uint64_t largest, size_t table_bytes, size_t records,
              std::map<std::string, int64_t>* want) {
    const TempDir dir;
    const HashPartitioner partitioner;
    SortBuffers buffers(64 << 10);
    ClassCombiner<SumReducer> combiner;
    const auto position = RecordPositionWriter::Private();
    SortSink sink({{"j", 0, 0}, 2, Codec::kNone, dir.path(), 3}, &partitioner, &buffers);
    CombineSink combine(table_bytes, &combiner, &sink, position.get());
    for (size_t i = 0; i < records; ++i) {
      const std::string key = MakeKey(Below(distinct));
      const int64_t number = static_cast<int64_t>(OneIn(2) ? 1 : Below(largest));
      combine.Append(key, std::to_string(number));
      (*want)[key] += number;
    }
    combine.Finish();
    EXPECT_EQ(combine.input_records(), records);
    const std::string path = dir / "output";
    EXPECT_OK(sink.Finish(path, combine.combining() ? &combiner : nullptr));
    Outcome outcome;
    outcome.still_combining = combine.combining();
    for (uint32_t partition = 0; partition < 2; ++partition) {
      for (const auto& [key, values] : ReadPartition({path}, partition, 8, dir)) {
        for (const std::string& value : values) outcome.sums[key] += ParseInt(value);
      }
    }
    return outcome;
  }
  // Keys of all lengths from 0 on, so that short, middle and long ones are told apart.
  static std::string MakeKey(uint64_t number) {
    if (number == 0) return "";
    return fmt::format("{}{}", number, std::string(number % 40, 'k'));
  }
};

TEST_F(CombinePipelineTest, SumsAreThoseOfALoop) {
  for (const uint64_t distinct : {1u, 50u, 3000u}) {
    for (const uint64_t largest : {2u, 1000u}) {
      std::map<std::string, int64_t> want;
      EXPECT_EQ(Run(distinct, largest, 96 << 10, 20'000, &want).sums, want)
          << distinct << " keys, values below " << largest;
    }
  }
}

TEST_F(CombinePipelineTest, GivesUpWhenKeysHardlyRepeat) {
  std::map<std::string, int64_t> want;
  const Outcome unique = Run(1'000'000'000, 2, 96 << 10, 20'000, &want);
  EXPECT_EQ(unique.sums, want);
  EXPECT_FALSE(unique.still_combining);
  want.clear();
  const Outcome few = Run(100, 2, 96 << 10, 20'000, &want);
  EXPECT_EQ(few.sums, want);
  EXPECT_TRUE(few.still_combining);
}

// A sum of decimal numbers in eight bytes.
class SumFold final : public Fold, public Combiner {
 public:
  size_t state_bytes() const override { return sizeof(int64_t); }
  void Init(char* state) override { std::memset(state, 0, sizeof(int64_t)); }
  void Add(char* state, std::string_view value, uint64_t repeats) override {
    Put(state, Get(state) + ParseInt(value) * static_cast<int64_t>(repeats));
  }
  absl::Status Combine(GroupSource* group, const Take& take) override {
    char state[sizeof(int64_t)] = {};
    for (std::string_view value : ReduceInput(group->group()).values()) {
      Put(state, Get(state) + Get(value.data()));
    }
    return take(group->key(), {state, sizeof(state)});
  }
  static int64_t Get(const char* state) {
    int64_t value = 0;
    std::memcpy(&value, state, sizeof(value));
    return value;
  }

 private:
  static void Put(char* state, int64_t value) { std::memcpy(state, &value, sizeof(value)); }
};

TEST_F(CombinePipelineTest, StatesOfAFoldAreSumsOfALoop) {
  for (const uint64_t distinct : {uint64_t{1}, uint64_t{50}, uint64_t{3000}, uint64_t{1} << 40}) {
    for (const uint64_t largest : {2u, 1000u}) {
      const TempDir dir;
      const HashPartitioner partitioner;
      SortBuffers buffers(64 << 10);
      SumFold fold;
      const auto position = RecordPositionWriter::Private();
      SortSink sink({{"j", 0, 0}, 2, Codec::kNone, dir.path(), 3}, &partitioner, &buffers);
      CombineSink combine(96 << 10, static_cast<Fold*>(&fold), &sink, position.get());
      std::map<std::string, int64_t> want;
      for (int i = 0; i < 20'000; ++i) {
        // Now and then a record that fits in no window.
        const std::string key = OneIn(5000) ? std::string(40'000, 'L') : MakeKey(Below(distinct));
        const int64_t number = static_cast<int64_t>(OneIn(2) ? 1 : Below(largest));
        combine.Append(key, std::to_string(number));
        want[key] += number;
      }
      combine.Finish();
      if (distinct != 3000) {
        EXPECT_EQ(combine.combining(), distinct < 3000);
      }
      ASSERT_OK(sink.Finish(dir / "output", combine.combining() ? &fold : nullptr));
      std::map<std::string, int64_t> sums;
      for (uint32_t partition = 0; partition < 2; ++partition) {
        for (const auto& [key, values] : ReadPartition({dir / "output"}, partition, 8, dir)) {
          for (const std::string& value : values) sums[key] += SumFold::Get(value.data());
        }
      }
      EXPECT_EQ(sums, want) << distinct << " keys, values below " << largest;
    }
  }
}

// The values of one key, through a combiner that repeats them.
std::vector<std::string> Repeated(const std::vector<std::string>& values) {
  class Repeat : public Reducer {
   public:
    void Reduce(ReduceInput* in) override {
      for (const std::string_view value : in->values()) Emit(value);
    }
  };
  const TempDir dir;
  const HashPartitioner partitioner;
  SortBuffers buffers(64 << 10);
  ClassCombiner<Repeat> combiner;
  const auto position = RecordPositionWriter::Private();
  SortSink sink({{"j", 0, 0}, 1, Codec::kNone, dir.path(), 3}, &partitioner, &buffers);
  CombineSink combine(96 << 10, &combiner, &sink, position.get());
  for (const std::string& value : values) combine.Append("key", value);
  combine.Finish();
  EXPECT_OK(sink.Finish(dir / "output", nullptr));
  std::vector<std::string> got = ReadPartition({dir / "output"}, 0, 2, dir)["key"];
  std::sort(got.begin(), got.end());
  return got;
}

TEST(CombineTableTest, ContentWithAPartOfItsMemoryUntilItIsWidened) {
  CombineTable table(1 << 20);
  uint64_t next = 0;
  const auto fill = [&] {
    while (true) {
      const std::string key = fmt::format("a key that is not short {:08}", next);
      if (!table.Add(CombineTable::MakeProbe(key), key, "1       ")) return table.groups();
      ++next;
    }
  };
  const size_t first = fill();
  ASSERT_TRUE(table.Widen());
  const size_t whole = fill();
  EXPECT_GT(first, 1000u);
  EXPECT_GT(whole, 2 * first);
  EXPECT_FALSE(table.Widen());
  table.Clear();
  EXPECT_EQ(fill(), whole) << "what it has taken it keeps";
}

TEST(CombineSinkTest, TellsValuesApartBeforeOneIsCommon) {
  const std::vector<std::string> values = {"", "a-long-value", "xyz"};
  for (std::vector<std::string> order = values;;) {
    EXPECT_EQ(Repeated(order), values) << order[0] << "," << order[1] << "," << order[2];
    if (!std::next_permutation(order.begin(), order.end())) break;
  }
}

TEST(SortSinkTest, RefusesPartitionsThatDoNotExist) {
  class Bad : public Partitioner {
   public:
    uint32_t Partition(std::string_view, uint32_t partitions) const override { return partitions; }
  };
  const TempDir dir;
  const Bad partitioner;
  SortBuffers buffers(64 << 10);
  SortSink sink({{"j", 0, 0}, 2, Codec::kNone, dir.path(), 3}, &partitioner, &buffers);
  sink.Append("a", "1");
  const absl::Status refused = sink.Finish(dir / "output", nullptr).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_TRUE(IsOfNoRecord(refused)) << "the record may be long gone";
}

TEST(SortSinkTest, AKeyWithoutPartsIsTheFaultOfNoRecordAtHand) {
  const HashPartitioner hash;
  const GroupPartitioner partitioner(&hash, 1);
  try {
    partitioner.Partition("a", 3);
    ADD_FAILURE();
  } catch (const EngineError& error) {
    EXPECT_TRUE(IsOfNoRecord(error.status()));
  }
}

// Also about a record that goes into a spill of its own.
TEST(SortSinkTest, SaysWhenThePartitionerIsAsked) {
  const auto position = RecordPositionWriter::Private();
  class Watching : public Partitioner {
   public:
    explicit Watching(const RecordPositionWriter* position) : position_(position) {}
    uint32_t Partition(std::string_view key, uint32_t) const override {
      EXPECT_EQ(position_->phase(), RecordPhase::kPartition) << key;
      ++asked;
      return 0;
    }
    mutable int asked = 0;

   private:
    const RecordPositionWriter* const position_;
  };
  const TempDir dir;
  const Watching partitioner(position.get());
  SortBuffers buffers(64 << 10);
  position->SetPhase(RecordPhase::kMap);
  SortSink sink({{"j", 0, 0},
                 2,
                 Codec::kNone,
                 dir.path(),
                 3,
                 nullptr,
                 position.get(),
                 RecordPhase::kPartition},
                &partitioner, &buffers);
  sink.Append("small", "1");
  sink.Append("large", std::string(40'000, 'x'));
  EXPECT_EQ(partitioner.asked, 2);
  EXPECT_EQ(position->phase(), RecordPhase::kMap);
}

}  // namespace
}  // namespace quern::mr
