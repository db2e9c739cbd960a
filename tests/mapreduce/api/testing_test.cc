// The fixture that users test their classes with.
#include "mapreduce/api/testing.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace quern {
namespace {

class CountsLongWords : public Mapper {
 public:
  void Start(TaskContext& context) override {
    longest_ = static_cast<size_t>(ParseInt(context.param("longest", "3")));
    long_words_ = context.counter("long");
    context.SetStatus("started");
  }
  void Map(const MapInput& in) override {
    for (std::string_view word : text::Words(in.value())) {
      if (word.size() > longest_) long_words_->Increment();
      Emit(word, 1);
    }
  }
  void Finish() override { Emit("end", 0); }

 private:
  size_t longest_ = 0;
  Counter* long_words_ = nullptr;
};

class CopiesBatches : public BatchMapper {
 public:
  void MapBatch(quern::MapBatch& in) override {
    for (size_t i = 0; i < in.size(); ++i) {
      const MapInput& record = in[i];
      if (record.value().empty()) context().SkipRecord("empty");
      Emit(record.key(), in.value(i));
    }
  }
};

class FirstTwo : public Reducer {
 public:
  void Reduce(ReduceInput* in) override {
    int taken = 0;
    for (std::string_view value : in->values()) {
      Emit(value);
      if (++taken == 2) break;
    }
    // A second loop goes on where the first one stopped.
    int64_t rest = 0;
    for (std::string_view value : in->values()) rest += ParseInt(value);
    Emit("rest of " + std::string(in->key()), rest);
  }
};

TEST(TestingTest, RunsAMapperWithParamsAndCounters) {
  const auto out = testing::RunMapper<CountsLongWords>({{"0", "to be or not"}}, {{"longest", "2"}});
  const testing::Records want = {{"to", "1"}, {"be", "1"}, {"or", "1"}, {"not", "1"}, {"end", "0"}};
  EXPECT_EQ(out.records, want);
  EXPECT_EQ(out.counters.at("long"), 1);
  EXPECT_EQ(out.status, "started");
}

class SplitsByLength : public Mapper {
 public:
  void Start(TaskContext& context) override { long_ = context.output("long"); }
  void Map(const MapInput& in) override {
    if (in.value().size() > 3) return long_->Emit(in.key(), in.value());
    Emit(in.key(), 1);
  }

 private:
  NamedOutput* long_ = nullptr;
};

TEST(TestingTest, KeepsNamedOutputsApart) {
  const auto out = testing::RunMapper<SplitsByLength>({{"0", "abcd"}, {"1", "ab"}});
  EXPECT_EQ(out.records, (testing::Records{{"1", "1"}}));
  EXPECT_EQ(out.outputs.at("long"), (testing::Records{{"0", "abcd"}}));
}

TEST(TestingTest, RunsAReducerOverGroups) {
  const auto out = testing::RunReducer<FirstTwo>({{"a", {"1", "2", "3", "4"}}, {"b", {"5"}}});
  // A value that was looked at and left there is still the present one.
  const testing::Records want = {
      {"a", "1"}, {"a", "2"}, {"rest of a", "9"}, {"b", "5"}, {"rest of b", "0"}};
  EXPECT_EQ(out.records, want);
}

class Looks : public Mapper {
 public:
  void Map(const MapInput& in) override {
    if (in.value().empty()) context().SkipRecord("empty");
    if (in.value() == "fail") context().Fail("as it says");
    Emit(in.value(), context().file("list"));
  }
};

TEST(TestingTest, SkipsRecordsAndHandsOutFiles) {
  const auto out =
      testing::RunMapper<Looks>({{"0", "a"}, {"1", ""}, {"2", "b"}}, {}, {{"list", "/tmp/list"}});
  EXPECT_EQ(out.records, (testing::Records{{"a", "/tmp/list"}, {"b", "/tmp/list"}}));
  EXPECT_EQ(out.skipped, std::vector<std::string>{"empty"});
  EXPECT_EQ(out.job_failure, "");
}

TEST(TestingTest, RunsAMapperOfBatches) {
  const auto out = testing::RunMapper<CopiesBatches>({{"0", "a"}, {"1", ""}, {"2", "b"}});
  EXPECT_EQ(out.records, (testing::Records{{"0", "a"}, {"2", "b"}}));
  EXPECT_EQ(out.skipped.size(), 1u);
}

TEST(TestingTest, AJobThatFailsDoesNothingMore) {
  const auto out = testing::RunMapper<Looks>({{"0", "fail"}, {"1", "b"}}, {}, {{"list", "/l"}});
  EXPECT_TRUE(out.records.empty());
  EXPECT_EQ(out.job_failure, "as it says");
  EXPECT_EQ(testing::RunMapper<Looks>({{"0", "a"}}).job_failure,
            "files: the job has none called 'list'");
}

struct Longest {
  struct State {
    uint32_t bytes = 0;
    uint32_t seen = 0;
  };
  static void Add(State& state, std::string_view value) {
    state.bytes = std::max(state.bytes, static_cast<uint32_t>(value.size()));
    ++state.seen;
  }
  static void Merge(State& state, const State& other) {
    state.bytes = std::max(state.bytes, other.bytes);
    state.seen += other.seen;
  }
  static void Put(const State& state, FoldOutput& out) {
    out.Emit(state.bytes);
    out.Emit(std::string(out.key()) + "!", state.seen);
  }
};

TEST(FoldTest, IsAddedToMergedAndPutOut) {
  const auto out = testing::RunFold<Longest>({{"a", {"xx", "xxxx", "x"}}, {"b", {"y"}}});
  EXPECT_EQ(out.records, (testing::Records{{"a", "4"}, {"a!", "3"}, {"b", "1"}, {"b!", "1"}}));
  EXPECT_EQ(testing::RunFold<SumOf>({{"k", {"-5", "7", "1"}}}).records,
            (testing::Records{{"k", "3"}}));
}

TEST(FoldTest, ItsFunctionsTakeAValueSeveralTimes) {
  testing::FakeTask task({});
  const quern_class fold = internal::MakeFold<Longest>("Longest");
  Longest::State state{9, 9};
  fold.fold->init(&state);
  EXPECT_EQ(fold.fold->add(nullptr, &task, &state, "xyz", 3, 5), QUERN_OK);
  EXPECT_EQ(state.seen, 5u);
  const quern_class sum = internal::MakeFold<SumOf>("SumOf");
  int64_t total = 1;
  EXPECT_EQ(sum.fold->add(nullptr, &task, &total, "20", 2, 3), QUERN_OK);
  EXPECT_EQ(total, 61);
  EXPECT_EQ(sum.fold->add(nullptr, &task, &total, "x", 1, 1), QUERN_FAILED);
}

TEST(ReducerTest, EmitWithoutAKeyNeedsAGroup) {
  class EmitsAtTheEnd : public Reducer {
   public:
    void Reduce(ReduceInput*) override {}
    void Finish() override { Emit("value"); }
  };
  EXPECT_THROW(testing::RunReducer<EmitsAtTheEnd>({}), std::logic_error);
}

}  // namespace
}  // namespace quern
