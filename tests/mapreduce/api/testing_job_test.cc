// Whole jobs over records in memory: known answers, limits, and mistakes of users that it shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "mapreduce/api/testing.h"

namespace quern {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::JobOptions;
using testing::JobResult;
using ::testing::Pair;
using testing::Records;
using testing::RunJob;
using testing::Skipped;

class Words : public Mapper {
 public:
  void Map(const MapInput& in) override {
    for (std::string_view word : text::Words(in.value())) Emit(word, 1);
  }
};

class Sum : public Reducer {
 public:
  void Reduce(ReduceInput* in) override {
    int64_t total = 0;
    for (std::string_view value : in->values()) total += ParseInt(value);
    Emit(total);
  }
};

const Records kText = {{"0", "to be or not to be"}, {"19", "that is"}, {"27", "the question"}};
const Records kCounts = {{"be", "2"},       {"is", "1"},   {"not", "1"}, {"or", "1"},
                         {"question", "1"}, {"that", "1"}, {"the", "1"}, {"to", "2"}};

TEST(RunJobTest, CountsWordsWithAndWithoutACombinerAndAsAFold) {
  for (const uint32_t maps : {1u, 2u, 3u, 7u}) {
    const JobOptions options = {.map_tasks = maps};
    const JobResult plain = RunJob<Words, Sum>(kText, options);
    EXPECT_EQ(plain.failure, "");
    EXPECT_EQ(plain.records, kCounts);
    EXPECT_EQ((RunJob<Words, Sum, Sum>(kText, options).records), kCounts);
    EXPECT_EQ((RunJob<Words, SumOf>(kText, options).records), kCounts);
  }
}

TEST(RunJobTest, SaysWhatTheEngineCounts) {
  const JobResult out = RunJob<Words, Sum, Sum>(kText, {.map_tasks = 1});
  EXPECT_THAT(out.engine_counters,
              ElementsAre(Pair("combine_output_records", 8), Pair("map_input_records", 3),
                          Pair("map_output_records", 10), Pair("reduce_input_groups", 8),
                          Pair("reduce_input_records", 8), Pair("reduce_output_records", 8)));
}

TEST(RunJobTest, PartsAreThoseOfThePartitioner) {
  class ByFirstLetter : public Partitioner {
    uint32_t Partition(std::string_view key, uint32_t) const override { return key[0] >= 'p'; }
  };
  const JobResult out = RunJob<Words, Sum, void, ByFirstLetter>(kText, {.reduce_tasks = 2});
  ASSERT_EQ(out.parts.size(), 2u);
  EXPECT_EQ(out.parts[0], Records(kCounts.begin(), kCounts.begin() + 4));
  EXPECT_EQ(out.parts[1], Records(kCounts.begin() + 4, kCounts.end()));
  EXPECT_EQ(out.records, kCounts);

  class Wrong : public Partitioner {
    uint32_t Partition(std::string_view, uint32_t partitions) const override { return partitions; }
  };
  EXPECT_EQ((RunJob<Words, Sum, void, Wrong>(kText, {.reduce_tasks = 2}).failure),
            "m-00000: the partitioner returned 2 of 2 partitions");
}

TEST(RunJobTest, RangesOfKeysAndHashedOnes) {
  const JobResult ranges = RunJob<Words, Sum>(kText, {.reduce_tasks = 4, .range = true});
  EXPECT_EQ(ranges.records, kCounts);
  for (const Records& part : ranges.parts) EXPECT_EQ(part.size(), 2u);
  JobResult hashed = RunJob<Words, Sum>(kText, {.reduce_tasks = 4});
  EXPECT_EQ(hashed.parts.size(), 4u);
  std::sort(hashed.records.begin(), hashed.records.end());
  EXPECT_EQ(hashed.records, kCounts);
}

TEST(RunJobTest, WithoutAReducerRecordsComeAsTheyWereEmitted) {
  const JobResult out = RunJob<Words>({{"0", "b a"}, {"4", "a"}});
  EXPECT_EQ(out.records, (Records{{"b", "1"}, {"a", "1"}, {"a", "1"}}));
  EXPECT_EQ(out.parts.size(), 2u);
  EXPECT_EQ((RunJob<Words, Sum>({{"0", "b a"}}, {.reduce_tasks = 0}).records),
            (Records{{"b", "1"}, {"a", "1"}}));
}

TEST(RunJobTest, NoRecordsAreAnEmptyOutput) {
  const JobResult out = RunJob<Words, Sum>({}, {.reduce_tasks = 2});
  EXPECT_EQ(out.failure, "");
  EXPECT_TRUE(out.records.empty());
  EXPECT_EQ(out.parts.size(), 2u);
}

// The join of two inputs, with a parameter and a side file.
class Tags : public Mapper {
 public:
  void Map(const MapInput& in) override {
    std::string value(in.source().tag());
    value.append(context().param("mark")).append(in.value()).append(context().file("list"));
    Emit(in.key(), value);
  }
};
class Joined : public Reducer {
  void Reduce(ReduceInput* in) override {
    std::string all;
    for (std::string_view value : in->values()) all += std::string(value) + ";";
    Emit(all);
  }
};

TEST(RunJobTest, SeveralInputsHaveTagsAndValuesComeInTheOrderOfMapTasks) {
  const JobResult out = RunJob<Tags, Joined>(
      {}, {.params = {{"mark", "="}},
           .files = {{"list", "/l"}},
           .inputs = {{"left", {{"a", "1"}, {"b", "2"}, {"a", "3"}}}, {"right", {{"a", "4"}}}}});
  EXPECT_EQ(out.records, (Records{{"a", "left=1/l;left=3/l;right=4/l;"}, {"b", "left=2/l;"}}));
}

// Keys of two parts: one group a host, its values by time.
class Visits : public Mapper {
  void Map(const MapInput& in) override { Emit(Ordered(in.key(), ParseInt(in.value())), "x"); }
};
class Times : public Reducer {
  void Reduce(ReduceInput* in) override {
    std::string times;
    for (const auto& [key, value] : in->records()) {
      const auto [host, time] = Decode<std::string, int64_t>(key);
      times += std::to_string(time) + " ";
    }
    Emit(Decode<std::string>(in->key()), times);
  }
};

TEST(RunJobTest, GroupsByLeadingPartsOfAKey) {
  const Records visits = {{"b", "10"}, {"a", "9"}, {"b", "-5"}, {"a", "100"}, {"b", "7"}};
  const JobResult out = RunJob<Visits, Times>(visits, {.reduce_tasks = 1, .group = 1});
  EXPECT_EQ(out.records, (Records{{"a", "9 100 "}, {"b", "-5 7 10 "}}));
  EXPECT_THAT((RunJob<Words, Sum>(kText, {.group = 1}).failure),
              HasSubstr("a key that is not made of parts"));
}

// Keys of the parts that a line has: none, a host, a host and a day.
class Parts : public Mapper {
  void Map(const MapInput& in) override {
    std::string key;
    for (std::string_view part : text::Words(in.value())) key += Ordered(part);
    Emit(key, in.value());
  }
};
class Lines : public Reducer {
  void Reduce(ReduceInput* in) override {
    std::string lines;
    for (std::string_view line : in->values()) lines += std::string(line) + ";";
    Emit("", lines);
  }
};

TEST(RunJobTest, AKeyOfFewerPartsIsAGroupOfItsOwn) {
  const Records lines = {{"", "a"}, {"", "a x 1"}, {"", ""}, {"", "a x"}, {"", "a"}, {"", "a y"}};
  const JobResult two = RunJob<Parts, Lines>(lines, {.reduce_tasks = 1, .group = 2});
  EXPECT_EQ(two.records, (Records{{"", ";"}, {"", "a;a;"}, {"", "a x;a x 1;"}, {"", "a y;"}}));
  const JobResult one = RunJob<Parts, Lines>(lines, {.reduce_tasks = 1, .group = 1});
  EXPECT_EQ(one.records, (Records{{"", ";"}, {"", "a;a;a x;a x 1;a y;"}}));
}

class Choosy : public Mapper {
 public:
  void Start(TaskContext& context) override {
    good_ = context.counter("good");
    long_ = context.output("long");
  }
  void Map(const MapInput& in) override {
    if (in.value().empty()) context().SkipRecord("empty");
    if (in.value() == "throw") throw std::runtime_error("as it says");
    if (in.value() == "fail") context().Fail("no more");
    if (in.value().size() > 5) return long_->Emit(in.key(), in.value());
    good_->Increment();
    context().SetStatus(std::string(300, 's'));
    Emit(in.value(), in.key());
  }

 private:
  Counter* good_ = nullptr;
  NamedOutput* long_ = nullptr;
};
class SkipsB : public Reducer {
  void Reduce(ReduceInput* in) override {
    if (in->key() == "b") context().SkipRecord("is b");
    Emit("x");
  }
};

TEST(RunJobTest, KeepsNamedOutputsCountersStatusAndWhatIsSkipped) {
  const Records records = {{"0", "a"}, {"1", ""}, {"2", "long one"}, {"3", "b"}};
  const JobResult out = RunJob<Choosy, SkipsB>(records, {.outputs = {"long", "unused"}});
  EXPECT_EQ(out.failure, "");
  EXPECT_EQ(out.records, (Records{{"a", "x"}}));
  EXPECT_THAT(out.outputs,
              ElementsAre(Pair("long", Records{{"2", "long one"}}), Pair("unused", Records{})));
  EXPECT_THAT(out.counters, ElementsAre(Pair("good", 2)));
  EXPECT_THAT(out.skipped, ElementsAre(Skipped{"empty", "1", ""}, Skipped{"is b", "b", ""}));
  EXPECT_EQ(out.engine_counters.at("map_skipped_records: empty"), 1);
  EXPECT_EQ(out.engine_counters.at("reduce_skipped_groups: is b"), 1);
  EXPECT_EQ(out.engine_counters.at("named_output_records: long"), 1);
  EXPECT_EQ(out.status, std::string(200, 's'));
}

TEST(RunJobTest, AFailureLeavesNoOutputAndSaysWhere) {
  const JobOptions options = {.outputs = {"long"}, .map_tasks = 2};
  const JobResult thrown =
      RunJob<Choosy, Sum>({{"0", "a"}, {"1", "a"}, {"2", "a"}, {"3", "throw"}}, options);
  EXPECT_EQ(thrown.failure, "m-00001: Map failed: as it says, at record 3");
  EXPECT_TRUE(thrown.records.empty());
  EXPECT_TRUE(thrown.counters.empty());
  EXPECT_THAT(RunJob<Choosy>({{"0", "fail"}}, options).failure, HasSubstr("no more"));
  // A reducer that is given what is no number.
  EXPECT_EQ((RunJob<Choosy, Sum>({{"x1", "k"}}, options).failure.substr(0, 23)),
            "r-00000: Reduce failed:");
}

TEST(RunJobTest, BadRecordsAreSteppedOverWhereTheSpecSaysSo) {
  JobOptions options = {.outputs = {"long"}, .skip_bad_records = true};
  const Records records = {{"0", "throw"}, {"1", "a"}, {"2", "throw"}, {"3", "b"}};
  const JobResult out = RunJob<Choosy>(records, options);
  EXPECT_EQ(out.failure, "");
  EXPECT_EQ(out.records, (Records{{"a", "1"}, {"b", "3"}}));
  EXPECT_THAT(out.counters, ElementsAre(Pair("good", 2)));  // not of attempts that failed
  EXPECT_THAT(out.skipped, ElementsAre(Skipped{"Map failed: as it says", "0", "throw"},
                                       Skipped{"Map failed: as it says", "2", "throw"}));
  EXPECT_EQ(out.engine_counters.at("map_skipped_records: attempts failed on it"), 2);
  // What ends a job is nobody's record.
  EXPECT_THAT(RunJob<Choosy>({{"0", "fail"}}, options).failure, HasSubstr("no more"));
  const JobResult groups = RunJob<Choosy, Sum>({{"1", "a"}, {"x", "b"}, {"2", "c"}}, options);
  EXPECT_EQ(groups.records, (Records{{"a", "1"}, {"c", "2"}}));
  ASSERT_EQ(groups.skipped.size(), 1u);
  EXPECT_EQ(groups.skipped[0].value, "x");
}

TEST(RunJobTest, LimitsAreThoseOfARealTask) {
  class ManyCounters : public Mapper {
    void Map(const MapInput& in) override {
      for (int64_t i = 0; i < ParseInt(in.value()); ++i) {
        context().counter("c" + std::to_string(i))->Increment();
      }
    }
  };
  EXPECT_EQ(RunJob<ManyCounters>({{"0", "1000"}}).counters.size(), 1000u);
  EXPECT_THAT(RunJob<ManyCounters>({{"0", "1001"}}).failure,
              HasSubstr("a task may have 1000 counters"));
  class LongCounter : public Mapper {
    void Map(const MapInput& in) override {
      context().counter(std::string(static_cast<size_t>(ParseInt(in.value())), 'c'));
    }
  };
  EXPECT_EQ(RunJob<LongCounter>({{"0", "200"}}).failure, "");
  EXPECT_THAT(RunJob<LongCounter>({{"0", "201"}}).failure, HasSubstr("has 201 bytes"));
  class ManyReasons : public Mapper {
    void Map(const MapInput& in) override { context().SkipRecord(in.value()); }
  };
  Records reasons;
  for (int i = 0; i < 60; ++i) reasons.emplace_back("", "reason " + std::to_string(i));
  const JobResult skipped = RunJob<ManyReasons>(reasons, {.map_tasks = 1});
  EXPECT_EQ(skipped.engine_counters.at("map_skipped_records"), 60);
  EXPECT_EQ(skipped.engine_counters.at("map_skipped_records: other reasons"), 10);
  EXPECT_THAT(RunJob<Choosy>({{"0", "a"}}).failure,
              HasSubstr("output 'long': the job has none of that name"));
}

TEST(RunJobTest, ACombinerMayOnlyEmitUnderItsKey) {
  class OtherKey : public Reducer {
    void Reduce(ReduceInput*) override { Emit("other", "1"); }
  };
  EXPECT_THAT((RunJob<Words, Sum, OtherKey>(kText).failure),
              HasSubstr("a combiner may emit only under its group's key"));
  class AtTheEnd : public Combiner {
   public:
    void Start(TaskContext& context) override { context.output("long"); }
    void Combine(ReduceInput*) override {}
  };
  EXPECT_THAT((RunJob<Words, Sum, AtTheEnd>(kText, {.outputs = {"long"}}).failure),
              HasSubstr("only mappers and reducers have named outputs"));
}

// Counts values instead of adding them: right as a reducer, and wrong as a combiner.
class Count : public Reducer {
  void Reduce(ReduceInput* in) override {
    int64_t count = 0;
    for (std::string_view value : in->values()) count += value.empty() ? 0 : 1;
    Emit(count);
  }
};

TEST(RunJobTest, ShowsACombinerThatMayNotRunTwice) {
  const Records text = {{"0", "a a a a a a a a"}};
  EXPECT_EQ((RunJob<Words, Count>(text).records), (Records{{"a", "8"}}));
  EXPECT_NE((RunJob<Words, Sum, Count>(text).records), (Records{{"a", "8"}}));
}

// Keeps views for longer than they live.
class KeepsViews : public Mapper {
 public:
  void Map(const MapInput& in) override { kept_ = in.value(); }
  void Finish() override {
#if !defined(__SANITIZE_ADDRESS__)  // which ends the test here, as it should
    Emit("kept", kept_);
#endif
  }

 private:
  std::string_view kept_;
};

TEST(RunJobTest, SpoilsViewsThatAreKept) {
  const std::string value(100, 'v');
  const JobResult out = RunJob<KeepsViews>({{"0", value}}, {.map_tasks = 1});
  for (const auto& [key, kept] : out.records) EXPECT_NE(kept, value);
}

struct Rare {
  using State = int64_t;
  static void Add(State& state, std::string_view value) { state += ParseInt(value); }
  static void Merge(State& state, const State& other) { state += other; }
  static void Put(const State& state, FoldOutput& out) {
    if (state > 1) return out.Emit(state);
    out.context().output("rare")->Emit(out.key(), state);
    out.context().counter("rare")->Increment();
  }
};

TEST(RunJobTest, AFoldHasNamedOutputsAndCounters) {
  const JobResult out = RunJob<Words, Rare>({{"0", "a b a"}}, {.outputs = {"rare"}});
  EXPECT_EQ(out.failure, "");
  EXPECT_EQ(out.records, (Records{{"a", "2"}}));
  EXPECT_EQ(out.outputs.at("rare"), (Records{{"b", "1"}}));
  EXPECT_EQ(out.counters.at("rare"), 1);
  EXPECT_EQ(testing::RunFold<Rare>({{"b", {"1"}}}).outputs.at("rare"), (Records{{"b", "1"}}));
}

}  // namespace
}  // namespace quern
