// Runs a whole job on records in memory, inside a unit test: map tasks, combiner, sort, reduce
// tasks.
//
//   auto out = quern::testing::RunJob<WordCount, Sum, Sum>({{"0", "a b a"}, {"6", "b"}});
//   EXPECT_EQ(out.records, (Records{{"a", "2"}, {"b", "2"}}));
//
// The outcome is that of a cluster, with the same limits on counters, texts, named outputs and
// combiners; what is limited by the process or the machine (memory, time, size of records) is not.
// User code runs in the thread of the caller: what ends a task process ends the test.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "mapreduce/api/mapreduce.h"
#include "mapreduce/api/testing_engine.h"
#include "mapreduce/api/testing_types.h"

namespace quern::testing {
namespace engine {

// Null: the job has none.
struct JobClasses {
  const quern_class* mapper = nullptr;
  const quern_class* reducer = nullptr;  // or a fold
  const quern_class* combiner = nullptr;
  const quern_class* partitioner = nullptr;
};

// The map side of combining: what has been emitted becomes less whenever there is enough of it.
class Combining {
 public:
  // All borrowed. Without a combiner or fold it only keeps the records.
  Combining(const JobClasses& classes, Attempt* attempt)
      : limit_(std::max<size_t>(attempt->options().combine_records, 1)),
        fold_(classes.reducer != nullptr && classes.reducer->kind == QUERN_FOLD) {
    const quern_class* const of = fold_ ? classes.reducer : classes.combiner;
    if (of == nullptr || attempt->options().reduce_tasks == 0) return;
    object_ = std::make_unique<Object>(*of, fold_ ? "" : "the combiner's", attempt,
                                       fold_ ? nullptr : &emitted_);
    object_->Start();
  }

  void Add(std::string_view key, std::string_view value) {
    fresh_.emplace_back(key, value);
    if (object_ != nullptr && fresh_.size() >= limit_) CombineFresh();
  }
  // All that is left, sorted.
  Records Finish() {
    if (object_ != nullptr) {
      CombineFresh();
      fresh_ = std::move(combined_);
      SortByKey(&fresh_);
      combined_.clear();
      ForEachGroup(fresh_, 0, [this](std::string_view key, Group::Span records) {
        fold_ ? MergeStates(key, records) : CombineGroup(key, records);
      });
      object_->Finish();
      fresh_ = std::move(combined_);
    }
    SortByKey(&fresh_);
    return std::move(fresh_);
  }
  // Of a map-only job.
  Records TakeInOrder() { return std::move(fresh_); }
  bool combines() const { return object_ != nullptr; }

 private:
  void CombineFresh() {
    SortByKey(&fresh_);
    ForEachGroup(fresh_, 0, [this](std::string_view key, Group::Span records) {
      fold_ ? AddToState(key, records) : CombineGroup(key, records);
    });
    fresh_.clear();
  }
  void CombineGroup(std::string_view key, Group::Span records) {
    Group group(key, records);
    group_ = key;
    in_group_ = true;
    object_->Combine(&group);
    in_group_ = false;
  }
  void Take(std::string_view key, std::string_view value) {
    if (!in_group_) throw AttemptFailed{"Emit in Start or Finish of a combiner"};
    if (key != group_) throw AttemptFailed{"a combiner may emit only under its group's key"};
    combined_.emplace_back(key, value);
  }
  void AddToState(std::string_view key, Group::Span records) {
    State state(*object_->fold());
    for (const Record* each = records.first; each != records.second; ++each) {
      const Lent value(each->second);
      object_->FoldAdd(state.get(), internal::View(value.bytes()));
    }
    combined_.emplace_back(key, state.bytes());
  }
  void MergeStates(std::string_view key, Group::Span records) {
    State state(*object_->fold());
    state.Merge(object_.get(), records);
    combined_.emplace_back(key, state.bytes());
  }

  const size_t limit_;
  const bool fold_;
  Sink emitted_{[this](std::string_view key, std::string_view value) { Take(key, value); }};
  std::unique_ptr<Object> object_;
  Records fresh_;
  Records combined_;
  std::string_view group_;
  bool in_group_ = false;
};

class Job {
 public:
  Job(const JobClasses& classes, Records records, JobOptions options)
      : classes_(classes), options_(std::move(options)) {
    if (classes_.reducer == nullptr) options_.reduce_tasks = 0;
    inputs_.push_back({"", std::move(records)});
    if (inputs_[0].records.empty() && !options_.inputs.empty()) inputs_.clear();
    std::move(options_.inputs.begin(), options_.inputs.end(), std::back_inserter(inputs_));
  }

  JobResult Run() {
    try {
      DealOut();
      if (options_.range && options_.reduce_tasks > 1) ChooseBounds();
      std::vector<std::vector<Records>> partitions;  // of each map task
      for (uint32_t i = 0; i < tasks_.size(); ++i) {
        Keep(RunAgain(Name('m', i), [&](const BadRecords& bad) {
          auto [parts, result] = RunMap(i, bad, true);
          partitions.push_back(std::move(parts));
          return std::move(result);
        }));
      }
      for (uint32_t i = 0; i < options_.reduce_tasks; ++i) {
        Records records;
        for (const std::vector<Records>& map : partitions) {
          records.insert(records.end(), map[i].begin(), map[i].end());
        }
        SortByKey(&records);
        Keep(RunAgain(Name('r', i),
                      [&](const BadRecords& bad) { return RunReduce(i, records, bad); }));
      }
    } catch (const AttemptFailed& failed) {
      JobResult result;
      result.failure = failed.reason;
      result.status = result_.status;
      return result;
    }
    return std::move(result_);
  }

 private:
  // Numbers of the records of a map task, or the groups of a reduce task, that are stepped over,
  // and why.
  using BadRecords = std::map<uint64_t, std::string>;

  static std::string Name(char kind, uint32_t index) {
    const std::string digits = std::to_string(index);
    return std::string(1, kind) + '-' +
           std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
  }

  // Where a task failed, for a next attempt.
  struct At {
    uint64_t number = 0;
    bool in_record = false;
  };

  void DealOut() {
    for (const JobInput& input : inputs_) {
      const size_t tasks = std::max<size_t>(options_.map_tasks, 1);
      const size_t count = input.records.size();
      for (size_t i = 0; i < tasks; ++i) {
        const auto begin = input.records.begin();
        JobInput& task = tasks_.emplace_back();
        task = {input.tag,
                {begin + static_cast<ptrdiff_t>(count * i / tasks),
                 begin + static_cast<ptrdiff_t>(count * (i + 1) / tasks)},
                input.format};
        first_.push_back(count * i / tasks);
      }
    }
  }

  // As the sample of a real job, but over all records: equal shares of the keys.
  void ChooseBounds() {
    std::vector<std::string> keys;
    for (uint32_t i = 0; i < tasks_.size(); ++i) {
      RunAgain(Name('m', i), [&](const BadRecords& bad) {
        auto [parts, result] = RunMap(i, bad, false);
        for (const Record& record : parts[0]) {
          keys.emplace_back(GroupPart(record.first, options_.group));
        }
        return std::move(result);
      });
    }
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    for (uint32_t i = 1; i < options_.reduce_tasks && !keys.empty(); ++i) {
      bounds_.push_back(keys[keys.size() * i / options_.reduce_tasks]);
    }
  }

  // With skip_bad_records, again without the record in which it failed.
  template <typename Run>
  AttemptResult RunAgain(const std::string& name, Run run) {
    BadRecords bad;
    while (true) {
      at_ = {};
      try {
        return run(bad);
      } catch (AttemptFailed& failed) {
        const bool skip = options_.skip_bad_records && failed.blames_record && at_.in_record;
        if (!skip || bad.size() == kMaxBadRecords) {
          failed.reason = name + ": " + failed.reason;
          if (at_.in_record) failed.reason += ", at record " + std::to_string(at_.number);
          throw;
        }
        bad[at_.number] = failed.reason;
      }
    }
  }

  std::pair<std::vector<Records>, AttemptResult> RunMap(uint32_t index, const BadRecords& bad,
                                                        bool partitioned) {
    const JobInput& input = tasks_[index];
    Attempt attempt(&options_, index, &input);
    std::unique_ptr<Object> partitioner;
    if (classes_.partitioner != nullptr && options_.reduce_tasks > 0) {
      partitioner =
          std::make_unique<Object>(*classes_.partitioner, "the partitioner's", &attempt, nullptr);
      partitioner->Start();
    }
    Combining combining(classes_, &attempt);
    int64_t emitted = 0;
    Sink sink([&](std::string_view key, std::string_view value) {
      ++emitted;
      combining.Add(key, value);
    });
    Object mapper(*classes_.mapper, "", &attempt, &sink);
    mapper.Start();
    MapRecords(input, first_[index], bad, &mapper, &attempt);
    mapper.Finish();
    std::map<std::string, int64_t>& engine = attempt.result().engine;
    engine["map_input_records"] = static_cast<int64_t>(input.records.size());
    engine["map_output_records"] = emitted;
    if (options_.reduce_tasks == 0) {
      attempt.result().records = combining.TakeInOrder();
      return {{}, attempt.Finish()};
    }
    const Records records = combining.Finish();
    if (combining.combines()) {
      engine["combine_output_records"] = static_cast<int64_t>(records.size());
    }
    std::vector<Records> parts(options_.reduce_tasks);
    for (const Record& record : records) {
      parts[partitioned ? PartitionOf(record.first, partitioner.get()) : 0].push_back(record);
    }
    return {std::move(parts), attempt.Finish()};
  }

  void MapRecords(const JobInput& input, uint64_t first, const BadRecords& bad, Object* mapper,
                  Attempt* attempt) {
    const quern_source source = {sizeof(source), 0, {"test", 4}};
    for (size_t i = 0; i < input.records.size(); ++i) {
      const auto& [key, value] = input.records[i];
      at_ = {first + i, true};
      if (const auto found = bad.find(first + i); found != bad.end()) {
        SetAside("map_skipped_records", "attempts failed on it", {found->second, key, value},
                 attempt);
        continue;
      }
      const Lent lent_key(key);
      const Lent lent_value(value);
      const quern_record record = {sizeof(record),     0,         lent_key.bytes(),
                                   lent_value.bytes(), first + i, &source};
      if (!mapper->Map(record)) {
        const std::string reason = mapper->TakeReason();
        SetAside("map_skipped_records", reason, {reason, key, value}, attempt);
      }
    }
    at_ = {};
  }

  uint32_t PartitionOf(std::string_view key, Object* partitioner) const {
    const std::string_view part = GroupPart(key, options_.group);
    if (partitioner != nullptr) return partitioner->Partition(part, options_.reduce_tasks);
    if (options_.range) {
      const auto above = std::upper_bound(bounds_.begin(), bounds_.end(), part);
      return static_cast<uint32_t>(above - bounds_.begin());
    }
    uint64_t hash = 14695981039346656037u;  // FNV-1a
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    return static_cast<uint32_t>((hash >> 32) % options_.reduce_tasks);
  }

  AttemptResult RunReduce(uint32_t index, const Records& records, const BadRecords& bad) {
    Attempt attempt(&options_, index, nullptr);
    Records* const out = &attempt.result().records;
    Sink sink(
        [out](std::string_view key, std::string_view value) { out->emplace_back(key, value); });
    Object reducer(*classes_.reducer, "", &attempt, &sink);
    reducer.Start();
    uint64_t groups = 0;
    ForEachGroup(records, options_.group, [&](std::string_view key, Group::Span span) {
      at_ = {groups++, true};
      if (const auto found = bad.find(groups - 1); found != bad.end()) {
        StepOver(found->second, span, &attempt);
        return;
      }
      const bool fold = classes_.reducer->kind == QUERN_FOLD;
      Group group(key, span);
      if (fold ? PutState(&group, span, &reducer) : reducer.Reduce(&group)) return;
      const std::string reason = reducer.TakeReason();
      SetAside("reduce_skipped_groups", reason, {reason, std::string(key), ""}, &attempt);
    });
    at_ = {};
    reducer.Finish();
    std::map<std::string, int64_t>& engine = attempt.result().engine;
    engine["reduce_input_groups"] = static_cast<int64_t>(groups);
    engine["reduce_input_records"] = static_cast<int64_t>(records.size());
    engine["reduce_output_records"] = static_cast<int64_t>(out->size());
    return attempt.Finish();
  }

  static bool PutState(Group* group, Group::Span span, Object* reducer) {
    State state(*reducer->fold());
    state.Merge(reducer, span);
    return reducer->FoldPut(state.get(), group->key);
  }

  static void SetAside(std::string_view what, std::string_view reason, Skipped skipped,
                       Attempt* attempt) {
    attempt->CountSkipped(what, reason);
    attempt->result().skipped.push_back(std::move(skipped));
  }
  // A group on which an attempt failed: each of its values is kept.
  static void StepOver(const std::string& how, Group::Span span, Attempt* attempt) {
    attempt->CountSkipped("reduce_skipped_groups", "attempts failed on it");
    for (const Record* each = span.first; each != span.second; ++each) {
      attempt->result().skipped.push_back({how, each->first, each->second});
    }
  }

  void Keep(AttemptResult&& from) {
    const auto move = [](auto& what, auto* to) {
      to->insert(to->end(), std::make_move_iterator(what.begin()),
                 std::make_move_iterator(what.end()));
    };
    for (auto& [name, records] : from.outputs) move(records, &result_.outputs[name]);
    for (const auto& [name, value] : from.counters) result_.counters[name] += value;
    for (const auto& [name, value] : from.engine) result_.engine_counters[name] += value;
    move(from.skipped, &result_.skipped);
    if (!from.status.empty()) result_.status = from.status;
    ++kept_;
    if (options_.reduce_tasks > 0 && kept_ <= tasks_.size()) return;
    result_.parts.push_back(from.records);
    move(from.records, &result_.records);
  }

  const JobClasses classes_;
  JobOptions options_;
  std::vector<JobInput> inputs_;
  std::vector<JobInput> tasks_;  // what each map task reads
  std::vector<uint64_t> first_;  // number of its first record in its input
  std::vector<std::string> bounds_;
  size_t kept_ = 0;
  At at_;
  JobResult result_;
};

// A fold, or a reducer.
template <typename R>
quern_class MakeReducer() {
  if constexpr (std::is_base_of_v<Reducer, R>) {
    return internal::MakeClass<R, Reducer>(QUERN_REDUCER, "the reducer");
  } else {
    return internal::MakeFold<R>("the fold");
  }
}

}  // namespace engine

// The classes as a spec would name them; `void`: none. R is a reducer or a fold, which has no
// combiner; without one the job is map-only.
template <typename M, typename R = void, typename C = void, typename P = void>
JobResult RunJob(const Records& records, const JobOptions& options = {}) {
  const quern_class mapper = internal::MakeClass<M, Mapper>(QUERN_MAPPER, "the mapper");
  engine::JobClasses classes = {&mapper};
  quern_class reducer, combiner, partitioner;
  if constexpr (!std::is_void_v<R>) {
    reducer = engine::MakeReducer<R>();
    classes.reducer = &reducer;
  }
  if constexpr (!std::is_void_v<C>) {
    static_assert(std::is_base_of_v<Reducer, R>, "a fold combines itself");
    combiner = internal::MakeClass<C, internal::CombinerBase<C>>(QUERN_COMBINER, "the combiner");
    classes.combiner = &combiner;
  }
  if constexpr (!std::is_void_v<P>) {
    partitioner = internal::MakeClass<P, Partitioner>(QUERN_PARTITIONER, "the partitioner");
    classes.partitioner = &partitioner;
  }
  return engine::Job(classes, records, options).Run();
}

}  // namespace quern::testing
