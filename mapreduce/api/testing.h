// Runs a mapper or reducer on records inside a unit test, without any engine:
//
//   auto out = quern::testing::RunMapper<WordCount>({{"0", "a b a"}});
//   EXPECT_EQ(out.records, (Records{{"a", "1"}, {"b", "1"}, {"a", "1"}}));
//
// A whole job: RunJob (testing_job.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mapreduce/api/mapreduce.h"
#include "mapreduce/api/testing_job.h"  // RunJob
#include "mapreduce/api/testing_types.h"

namespace quern::testing {

struct Result {
  Records records;  // in the order of the emits
  // Of context.output(NAME), whatever a spec would declare.
  std::map<std::string, Records> outputs;
  std::map<std::string, int64_t> counters;
  std::string status;                // the last one set
  std::vector<std::string> skipped;  // reasons of SkipRecord, in their order
  std::string job_failure;           // the reason of Fail, which ended the run
};

// Stands for Quern: keeps all that user code does. Used by one thread.
class FakeTask : public quern_task {
 public:
  explicit FakeTask(Params params, Files files = {})
      : quern_task(), params_(std::move(params)), files_(std::move(files)) {
    size = sizeof(quern_task);
    host = &kHost;
    output = &output_;
    job_id = {"job-test", 8};
    reduce_tasks = 1;
    const auto format = params_.emplace("input_format", "text").first;
    input_format = {format->second.data(), format->second.size()};
  }

  // Runs `call`; false when user code gave up with SkipRecord or Fail.
  template <typename Call>
  bool Run(Call call) {
    try {
      call();
      return true;
    } catch (const internal::UserStopped&) {
      return false;
    }
  }
  bool failed() const { return !result_.job_failure.empty(); }
  Result Take() {
    for (const auto& [name, counter] : counters_) result_.counters[name] = counter.value;
    return std::exchange(result_, {});
  }

 private:
  static FakeTask* Of(quern_task* task) { return static_cast<FakeTask*>(task); }
  static quern_bytes Param(quern_task* task, const char* name, size_t size) {
    const auto found = Of(task)->params_.find(std::string(name, size));
    if (found == Of(task)->params_.end()) return {nullptr, 0};
    return {found->second.data(), found->second.size()};
  }
  static quern_counter* FindCounter(quern_task* task, const char* name, size_t size) {
    return &Of(task)->counters_[std::string(name, size)];
  }
  static void SetStatus(quern_task* task, const char* text, size_t size) {
    Of(task)->result_.status.assign(text, size);
  }
  static int Report(quern_task* task, int result, const char* reason, size_t size) {
    Result& kept = Of(task)->result_;
    if (result == QUERN_SKIPPED) kept.skipped.emplace_back(reason, size);
    if (result == QUERN_JOB_FAILED) kept.job_failure.assign(reason, size);
    return result;
  }
  static quern_bytes Header(quern_task*, const char*, size_t) { return {nullptr, 0}; }
  static quern_bytes File(quern_task* task, const char* name, size_t size) {
    const auto found = Of(task)->files_.find(std::string(name, size));
    if (found == Of(task)->files_.end()) return {nullptr, 0};
    return {found->second.data(), found->second.size()};
  }
  static quern_output* FindOutput(quern_task* task, const char* name, size_t size) {
    FakeTask* const self = Of(task);
    const std::string key(name, size);
    // The maps never move what they hold.
    return &self->named_.try_emplace(key, &self->result_.outputs[key]).first->second;
  }
  static constexpr quern_host kHost = {
      sizeof(quern_host), QUERN_API_VERSION, Param, FindCounter, SetStatus, Report, Header, File,
      FindOutput};

  // It never opens a window, so every record comes here.
  struct Output : quern_output {
    explicit Output(Records* kept)
        : quern_output{sizeof(quern_output), 0, nullptr, nullptr, Keep}, records(kept) {}
    static int Keep(quern_output* output, const char* key, size_t key_size, const char* value,
                    size_t value_size) {
      static_cast<Output*>(output)->records->emplace_back(std::string(key, key_size),
                                                          std::string(value, value_size));
      return QUERN_OK;
    }
    Records* records;
  };

  Params params_;
  Files files_;
  std::map<std::string, quern_counter> counters_;
  Result result_;
  Output output_{&result_.records};
  std::map<std::string, Output> named_;
};

class FakeGroup : public quern_group {
 public:
  FakeGroup(std::string_view of, const std::vector<std::string>& values)
      : quern_group(), values_(values) {
    size = sizeof(quern_group);
    key = record_key = {of.data(), of.size()};
    next_run = Next;
    Next(this);
  }

 private:
  static void Next(quern_group* group) {
    FakeGroup* const self = static_cast<FakeGroup*>(group);
    self->repeats = self->next_ < self->values_.size() ? 1 : 0;
    if (self->repeats == 0) return;
    const std::string& next = self->values_[self->next_++];
    self->value = {next.data(), next.size()};
  }
  const std::vector<std::string>& values_;
  size_t next_ = 0;
};

// Key and value of each input; offsets count up from 0.
template <typename MapperClass>
Result RunMapper(const Records& inputs, Params params = {}, Files files = {}) {
  FakeTask task(std::move(params), std::move(files));
  MapperClass user;
  Mapper& mapper = user;
  mapper.Connect(&task);
  task.Run([&] { mapper.Start(mapper.context()); });
  const quern_source source = {sizeof(source), 0, {"test", 4}};
  uint64_t offset = 0;
  for (const auto& [key, value] : inputs) {
    if (task.failed()) break;
    const quern_record record = {
        sizeof(record), 0,      {key.data(), key.size()}, {value.data(), value.size()},
        offset++,       &source};
    task.Run([&] { mapper.Map(MapInput(&task, &record)); });
  }
  if (!task.failed()) task.Run([&] { mapper.Finish(); });
  return task.Take();
}

// For combiners too.
template <typename ReducerClass>
Result RunReducer(const Groups& groups, Params params = {}, Files files = {}) {
  FakeTask task(std::move(params), std::move(files));
  ReducerClass user;
  Reducer& reducer = user;
  reducer.Connect(&task);
  task.Run([&] { reducer.Start(reducer.context()); });
  for (const auto& [key, values] : groups) {
    if (task.failed()) break;
    FakeGroup group(key, values);
    task.Run([&] { reducer.ReduceGroup(&group); });
  }
  if (!task.failed()) task.Run([&] { reducer.Finish(); });
  return task.Take();
}

// What a fold makes of the values of each key.
template <typename F>
Result RunFold(const Groups& groups) {
  FakeTask task({});
  for (const auto& [key, values] : groups) {
    typename F::State state{};
    for (const std::string& value : values) {
      // Through a state of its own, as if each came from another map task.
      typename F::State one{};
      F::Add(one, value);
      F::Merge(state, one);
    }
    FoldOutput out(&task, {key.data(), key.size()});
    task.Run([&] { F::Put(state, out); });
  }
  return task.Take();
}

}  // namespace quern::testing
