#include "tests/campaign/engine_round.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "mapreduce/api/mapreduce.h"
#include "mapreduce/engine/combine_sink.h"
#include "mapreduce/engine/early_merge.h"
#include "mapreduce/engine/group_partitioner.h"
#include "mapreduce/engine/group_reader.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/memory_plan.h"
#include "mapreduce/engine/merge_runs.h"
#include "mapreduce/engine/merger.h"
#include "mapreduce/engine/partitioners.h"
#include "mapreduce/engine/sort_sink.h"
#include "tests/campaign/random_records.h"
#include "tests/mapreduce/engine/class_combiner.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {

namespace {

// What a combiner does with the values of a key decides what may be compared afterwards.
enum class Combining {
  kNone,      // values come in the order of their emits
  kRepeat,    // every value again: the same values in any order
  kDistinct,  // each value once: the same set
  kJoin,      // all values as one, each behind its length: the same values, ever longer records
  kSum,       // numbers: the same sum
};

constexpr const char* kCombiningNames[] = {"none", "repeat", "distinct", "join", "sum"};

struct Shape {
  uint32_t maps = 1;
  size_t records_per_map = 0;
  size_t keys = 1;
  size_t values = 1;
  size_t long_bytes = 0;
  Combining combining = Combining::kNone;
  size_t sort_buffer_bytes = 0;
  size_t combine_table_bytes = 0;
  uint32_t partitions = 1;
  std::string partitioner;
  Codec codec = Codec::kNone;
  size_t map_fan_in = 2;
  size_t reduce_fan_in = 2;
  uint64_t in_memory_one_in = 1;  // runs that lie in memory, as fetched ones do
  uint32_t group = 0;             // keys are made of parts, so many of which make a group

  std::string Text() const {
    return fmt::format(
        "maps={} records={} keys={} values={} long={} combiner={} sort_buffer={} table={} "
        "partitions={} partitioner={} codec={} fan_in={}/{} memory_one_in={} group={}",
        maps, records_per_map, keys, values, long_bytes,
        kCombiningNames[static_cast<int>(combining)], sort_buffer_bytes, combine_table_bytes,
        partitions, partitioner, codec == Codec::kLz4 ? "lz4" : "none", map_fan_in, reduce_fan_in,
        in_memory_one_in, group);
  }
};

// What the long keys and values of a round are together at most: several times as much is written.
constexpr size_t kLongBytesOfARound = size_t{256} << 20;

Shape DrawShape(Dice* dice) {
  Shape shape;
  shape.maps = static_cast<uint32_t>(dice->Between(1, 8));
  // Mistakes at the start of things show in many small rounds.
  shape.records_per_map =
      dice->Pick<uint64_t>({dice->Below(10), dice->Below(300), dice->Below(3000), dice->Below(3000),
                            dice->OneIn(4) ? dice->Below(60'000) : dice->Below(20'000)});
  shape.keys = dice->Pick<uint64_t>({1, 2, dice->Between(1, 50), dice->Between(1, 5000), 50'000});
  shape.values = dice->Pick<uint64_t>({1, 2, 3, dice->Between(1, 200), 5000});
  shape.long_bytes = dice->OneIn(6) ? dice->Pick<size_t>({20'000, 200'000, 3 << 20}) : 0;
  if (shape.long_bytes > 0) {
    const size_t of_a_map = kLongBytesOfARound / shape.maps / shape.long_bytes;
    shape.records_per_map = std::min<size_t>({shape.records_per_map, 400, of_a_map});
  }
  shape.combining = dice->Pick({Combining::kNone, Combining::kNone, Combining::kRepeat,
                                Combining::kDistinct, Combining::kJoin, Combining::kSum});
  const MemoryPlan smallest = MemoryPlan::For(MemoryPlan::kMinLimitBytes, true);
  shape.sort_buffer_bytes =
      dice->Pick<size_t>({64 << 10, 100'000, 256 << 10, 1 << 20, smallest.sort_buffer_bytes});
  shape.combine_table_bytes =
      dice->Pick<size_t>({48 << 10, 96 << 10, 300'000, 2 << 20, smallest.combine_table_bytes});
  shape.partitions = static_cast<uint32_t>(dice->Pick<uint64_t>(
      {1, 2, 3, dice->Between(1, 20), dice->OneIn(8) ? dice->Between(1, 300) : 5}));
  shape.partitioner = dice->Pick({"hash", "hash", "range"});
  shape.codec = dice->Pick({Codec::kNone, Codec::kLz4});
  shape.map_fan_in = dice->Pick<uint64_t>({2, 3, dice->Between(2, 20), 512});
  shape.reduce_fan_in = dice->Pick<uint64_t>({2, 3, dice->Between(2, 20), 512});
  shape.in_memory_one_in = dice->Pick<uint64_t>({1, 2, UINT64_MAX});
  shape.group = dice->OneIn(3) ? static_cast<uint32_t>(dice->Between(1, 2)) : 0;
  return shape;
}

// Keys of three parts that sort as their values do, several of them with the same first ones.
std::vector<std::string> OrderedKeys(const std::vector<std::string>& texts, Dice* dice) {
  std::vector<std::string> keys;
  const uint64_t groups = dice->Between(1, texts.size());
  const bool down = dice->OneIn(2);
  for (const std::string& text : texts) {
    const std::string& group = texts[dice->Below(groups)];
    const auto number = static_cast<int64_t>(dice->Below(5)) - 2;
    keys.push_back(down ? Ordered(group, number, Desc(text)) : Ordered(group, number, text));
  }
  return keys;
}

std::string Joined(std::string_view value) {
  const auto size = static_cast<uint32_t>(value.size());
  return std::string(reinterpret_cast<const char*>(&size), sizeof(size)).append(value);
}

std::vector<std::string> Unjoined(std::string_view joined) {
  std::vector<std::string> values;
  while (joined.size() >= sizeof(uint32_t)) {
    uint32_t size = 0;
    std::memcpy(&size, joined.data(), sizeof(size));
    values.emplace_back(joined.substr(sizeof(size), size));
    joined.remove_prefix(std::min(joined.size(), sizeof(size) + size));
  }
  if (!joined.empty()) values.push_back("(cut off)");
  return values;
}

class RoundCombiner final : public Reducer {
 public:
  explicit RoundCombiner(Combining combining) : combining_(combining) {}

  void Reduce(ReduceInput* in) override {
    std::set<std::string> distinct;
    std::string joined;
    int64_t sum = 0;
    for (const std::string_view value : in->values()) {
      if (combining_ == Combining::kRepeat) Emit(value);
      if (combining_ == Combining::kDistinct && distinct.emplace(value).second) Emit(value);
      if (combining_ == Combining::kJoin) joined += value;
      if (combining_ == Combining::kSum) sum += ParseInt(value);
    }
    if (combining_ == Combining::kJoin) Emit(joined);
    if (combining_ == Combining::kSum) Emit(sum);
  }

 private:
  const Combining combining_;
};

class EngineRound {
 public:
  explicit EngineRound(uint64_t seed) : dice_(seed), shape_(DrawShape(&dice_)) {
    keys_ = RandomTexts(shape_.keys, shape_.long_bytes, &dice_);
    if (shape_.group > 0) keys_ = OrderedKeys(keys_, &dice_);
    values_ = shape_.combining == Combining::kSum
                  ? RandomNumbers(shape_.values, &dice_)
                  : RandomTexts(shape_.values, shape_.long_bytes, &dice_);
    MakePartitioner();
  }

  RoundOutcome Run() {
    RoundOutcome outcome;
    outcome.shape = shape_.Text();
    absl::Status status;
    SortBuffers buffers(shape_.sort_buffer_bytes);
    for (uint32_t task = 0; task < shape_.maps && status.ok(); ++task) {
      status = RunMap(task, &buffers);
    }
    for (uint32_t p = 0; p < shape_.partitions && status.ok() && difference_.empty(); ++p) {
      status = ReducePartition(p);
    }
    if (!status.ok()) difference_ = status.ToString();
    if (difference_.empty() && keys_found_ != wanted_.size()) {
      difference_ = fmt::format("{} of {} keys came out", keys_found_, wanted_.size());
    }
    outcome.difference = difference_;
    outcome.records = uint64_t{shape_.maps} * shape_.records_per_map;
    return outcome;
  }

 private:
  using Indexes = std::vector<uint32_t>;  // into values_

  void MakePartitioner() {
    of_groups_ = MakePlainPartitioner();
    partitioner_ = of_groups_.get();
    if (shape_.group == 0) return;
    of_keys_ = std::make_unique<GroupPartitioner>(of_groups_.get(), shape_.group);
    partitioner_ = of_keys_.get();
  }

  std::unique_ptr<Partitioner> MakePlainPartitioner() {
    if (shape_.partitioner == "hash") return std::make_unique<HashPartitioner>();
    std::vector<std::string> bounds;
    for (uint32_t i = 1; i < shape_.partitions; ++i) {
      bounds.push_back(GroupOf(keys_[dice_.Below(keys_.size())]));
    }
    std::sort(bounds.begin(), bounds.end());
    return std::make_unique<RangePartitioner>(std::move(bounds));
  }

  // What a reducer sees as the key.
  std::string GroupOf(const std::string& key) const {
    return shape_.group == 0 ? key : std::string(GroupPartOf(key, shape_.group).value());
  }

  std::string PathOf(uint32_t task) const { return dir_ / fmt::format("output-{}", task); }

  absl::Status RunMap(uint32_t task, SortBuffers* buffers) {
    SortSink sink({{"job-campaign", task, 0},
                   shape_.partitions,
                   shape_.codec,
                   dir_.path(),
                   shape_.map_fan_in},
                  partitioner_, buffers);
    if (shape_.combining == Combining::kNone) {
      EmitRecords(&sink);
      return sink.Finish(PathOf(task), nullptr).status();
    }
    ClassCombiner<RoundCombiner> combiner(shape_.combining);
    const auto position = RecordPositionWriter::Private();
    CombineSink combine(shape_.combine_table_bytes, &combiner, &sink, position.get());
    EmitRecords(&combine);
    combine.Finish();
    return sink.Finish(PathOf(task), combine.combining() ? &combiner : nullptr).status();
  }

  // Some keys and values far more often than others, and runs of equal ones.
  void EmitRecords(EmitBuffer* sink) {
    size_t key = 0;
    size_t value = 0;
    for (size_t i = 0; i < shape_.records_per_map; ++i) {
      if (!dice_.OneIn(4)) key = dice_.Below(dice_.OneIn(2) ? keys_.size() : keys_.size() / 16 + 1);
      if (!dice_.OneIn(4)) value = dice_.Below(values_.size());
      wanted_[keys_[key]].push_back(static_cast<uint32_t>(value));
      sink->Append(keys_[key],
                   shape_.combining == Combining::kJoin ? Joined(values_[value]) : values_[value]);
    }
  }

  absl::StatusOr<SortedRun> OpenRun(uint32_t task, uint32_t partition) {
    ASSIGN_OR_RETURN(const auto file, MapOutputFile::Open(PathOf(task)));
    const MapOutputFile::Partition& range = file->partition(partition);
    SortedRun run;
    run.bytes = range.bytes;
    if (dice_.OneIn(shape_.in_memory_one_in)) {
      auto bytes = std::make_shared<std::string>(range.bytes, '\0');
      RETURN_IF_ERROR(file->file()->Pread(range.offset, range.bytes, bytes->data()).status());
      run.memory = std::move(bytes);
    } else {
      run.file = file->file();
      run.offset = range.offset;
    }
    return run;
  }

  // They come in about the order of the map tasks, or in none.
  absl::StatusOr<std::vector<SortedRun>> GatherRuns(uint32_t partition) {
    EarlyMerge runs(shape_.maps, shape_.reduce_fan_in);
    std::vector<uint32_t> tasks(shape_.maps);
    std::iota(tasks.begin(), tasks.end(), 0u);
    const size_t strays = dice_.Below(shape_.maps + 1);
    for (size_t i = 0; i < strays; ++i) {
      std::swap(tasks[dice_.Below(tasks.size())], tasks[dice_.Below(tasks.size())]);
    }
    for (const uint32_t task : tasks) {
      ASSIGN_OR_RETURN(SortedRun run, OpenRun(task, partition));
      runs.Add(task, std::move(run));
      if (const auto merge = runs.Next()) {
        SortedRun failed;
        ASSIGN_OR_RETURN(SortedRun merged,
                         MergeIntoFile(merge->runs, dir_ / "early", &failed, nullptr));
        runs.Done(*merge, std::move(merged));
      }
    }
    return runs.TakeRuns();
  }

  absl::Status ReducePartition(uint32_t partition) {
    ASSIGN_OR_RETURN(std::vector<SortedRun> runs, GatherRuns(partition));
    SortedRun failed;
    RETURN_IF_ERROR(MergeToFanIn(shape_.reduce_fan_in, dir_.path(), &runs, &failed));
    Merger merger(runs);
    GroupReader groups(&merger, dir_.path(), shape_.group);
    std::string last;
    while (groups.NextGroup() && difference_.empty()) {
      const std::string key(groups.key());
      if (groups.groups() > 1 && key <= last) Differ(key, "comes out of order");
      if (of_groups_->Partition(key, shape_.partitions) != partition) {
        Differ(key, "is in another partition");
      }
      last = key;
      // Values that a reducer leaves are skipped.
      if (dice_.OneIn(10)) {
        SkipGroup(key);
      } else {
        CheckGroup(&groups);
      }
    }
    return groups.status();
  }

  void SkipGroup(const std::string& group) {
    auto key = wanted_.lower_bound(group);
    if (key == wanted_.end() || GroupOf(key->first) != group) Differ(group, "was never emitted");
    for (; key != wanted_.end() && GroupOf(key->first) == group; ++key) ++keys_found_;
  }

  // A group is one key, or all keys that begin alike, one after another.
  void CheckGroup(GroupReader* group) {
    std::optional<std::string> key;
    std::vector<std::string> values;
    for (const auto& [record_key, value] : ReduceInput(group->group()).records()) {
      if (key && record_key != *key) {
        if (record_key < *key) Differ(record_key, "comes out of order in its group");
        CheckKey(*key, std::exchange(values, {}));
        key.reset();
      }
      if (!key) key = record_key;
      values.emplace_back(value);
    }
    CheckKey(*key, std::move(values));
  }

  void CheckKey(const std::string& key, std::vector<std::string> got) {
    const auto found = wanted_.find(key);
    if (found == wanted_.end()) return Differ(key, "was never emitted");
    ++keys_found_;
    std::vector<std::string> want;
    for (const uint32_t index : found->second) want.push_back(values_[index]);
    Normalize(&got, &want);
    if (got == want) return;
    const size_t at = static_cast<size_t>(
        std::mismatch(got.begin(), got.end(), want.begin(), want.end()).first - got.begin());
    Differ(key, fmt::format("has {} values, {} are right; value {} is '{}', '{}' is right",
                            got.size(), want.size(), at, Shown(at < got.size() ? got[at] : "none"),
                            Shown(at < want.size() ? want[at] : "none")));
  }

  void Normalize(std::vector<std::string>* got, std::vector<std::string>* want) const {
    if (shape_.combining == Combining::kNone) return;
    if (shape_.combining == Combining::kJoin) {
      std::vector<std::string> all;
      for (const std::string& joined : *got) {
        for (std::string& value : Unjoined(joined)) all.push_back(std::move(value));
      }
      *got = std::move(all);
    }
    for (auto* values : {got, want}) {
      std::sort(values->begin(), values->end());
      if (shape_.combining == Combining::kDistinct) {
        values->erase(std::unique(values->begin(), values->end()), values->end());
      }
      if (shape_.combining == Combining::kSum) {
        const int64_t sum = std::accumulate(
            values->begin(), values->end(), int64_t{0},
            [](int64_t total, const std::string& value) { return total + ParseInt(value); });
        *values = {std::to_string(sum)};
      }
    }
  }

  static std::string Shown(std::string_view bytes) {
    std::string text;
    for (const char c : bytes.substr(0, 60)) {
      text += c >= ' ' && c <= '~' ? std::string(1, c)
                                   : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    return bytes.size() <= 60 ? text : fmt::format("{}... ({} bytes)", text, bytes.size());
  }

  void Differ(std::string_view key, std::string_view what) {
    difference_ = fmt::format("key '{}' {}", Shown(key), what);
  }

  Dice dice_;
  const Shape shape_;
  const TempDir dir_;
  std::vector<std::string> keys_;
  std::vector<std::string> values_;
  std::unique_ptr<Partitioner> of_groups_;
  std::unique_ptr<Partitioner> of_keys_;  // with groups: that of their keys
  const Partitioner* partitioner_ = nullptr;
  std::map<std::string, Indexes> wanted_;
  size_t keys_found_ = 0;
  std::string difference_;
};

}  // namespace

RoundOutcome RunEngineRound(uint64_t seed) { return EngineRound(seed).Run(); }

}  // namespace quern::mr
