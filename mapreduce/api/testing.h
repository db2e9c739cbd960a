// Runs a mapper or reducer on records inside a unit test, without any engine:
//
//   auto out = quern::testing::RunMapper<WordCount>({{"0", "a b a"}});
//   EXPECT_EQ(out.records, (Records{{"a", "1"}, {"b", "1"}, {"a", "1"}}));
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mapreduce/api/mapreduce.h"

namespace quern::testing {

using Record = std::pair<std::string, std::string>;
using Records = std::vector<Record>;
using Params = std::map<std::string, std::string>;
// Key and values.
using Groups = std::vector<std::pair<std::string, std::vector<std::string>>>;

struct Result {
  Records records;  // in the order of the emits
  std::map<std::string, int64_t> counters;
  std::string status;  // the last one set
};

// Keeps what is emitted. It never opens a window, so every Append comes here.
class RecordingBuffer : public EmitBuffer {
 public:
  Records records;

 private:
  void AppendSlow(std::string_view key, std::string_view value) override {
    records.emplace_back(key, value);
  }
};

class FakeContext : public TaskContext {
 public:
  explicit FakeContext(Params params) : params_(std::move(params)) {}
  std::string_view param(std::string_view name, std::string_view fallback) const override {
    const auto found = params_.find(std::string(name));
    return found == params_.end() ? fallback : std::string_view(found->second);
  }
  Counter* counter(std::string_view name) override { return &counters_[std::string(name)]; }
  void SetStatus(std::string_view text) override { status_ = text; }
  [[noreturn]] void Fail(std::string_view reason) override {
    throw std::runtime_error(std::string(reason));
  }
  std::string_view input_format() const override { return param("input_format", "text"); }
  uint32_t task_index() const override { return 0; }
  uint32_t reduce_tasks() const override { return 1; }

  Result Take(Records records) const {
    Result result{std::move(records), {}, status_};
    for (const auto& [name, counter] : counters_) result.counters[name] = counter.value();
    return result;
  }

 private:
  const Params params_;
  std::map<std::string, Counter> counters_;
  std::string status_;
};

class FakeGroup : public ReduceInput {
 public:
  FakeGroup(std::string_view key, const std::vector<std::string>& values) : values_(values) {
    StartGroup(key);
    NextRun();
  }

 private:
  bool NextRun() override {
    if (next_ == values_.size()) return false;
    SetRun(values_[next_++], 1);
    return true;
  }
  const std::vector<std::string>& values_;
  size_t next_ = 0;
};

// Key and value of each input; offsets count up from 0.
template <typename MapperClass>
Result RunMapper(const Records& inputs, Params params = {}) {
  RecordingBuffer output;
  FakeContext context(std::move(params));
  MapperClass mapper;
  mapper.ConnectOutput(&output);
  mapper.Start(context);
  uint64_t offset = 0;
  for (const auto& [key, value] : inputs) mapper.Map(MapInput({"test", offset++}, key, value));
  mapper.Finish();
  return context.Take(std::move(output.records));
}

// For combiners too.
template <typename ReducerClass>
Result RunReducer(const Groups& groups, Params params = {}) {
  RecordingBuffer output;
  FakeContext context(std::move(params));
  ReducerClass reducer;
  reducer.ConnectOutput(&output);
  reducer.Start(context);
  for (const auto& [key, values] : groups) {
    FakeGroup group(key, values);
    reducer.EnterGroup(&group);
    reducer.Reduce(&group);
    reducer.EnterGroup(nullptr);
  }
  reducer.Finish();
  return context.Take(std::move(output.records));
}

}  // namespace quern::testing
