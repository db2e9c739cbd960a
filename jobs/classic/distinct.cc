// How many different values there are.
//
// Input: lines; a value is a line, or with params.column = N its N-th column between tabs. Params:
// column (none); method: exact (each value is brought together with its equals), or estimate
// (HyperLogLog: 16 KiB a task, a standard error of 0.81 %; run it with one reduce task). Output:
// exact: a line VALUE<TAB>count for each, and the counter `distinct`; estimate: one line
// distinct<TAB>N, and the same counter.
#include <xxhash.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "jobs/classic/columns.h"
#include "jobs/classic/hyper_log_log.h"
#include "jobs/params.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::classic::HyperLogLog;

bool IsEstimate(quern::TaskContext& context) {
  const std::string_view method = context.param("method", "exact");
  if (method != "exact" && method != "estimate") {
    context.Fail("params.method = '" + std::string(method) + "': must be exact or estimate");
  }
  return method == "estimate";
}

class DistinctMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    if (IsEstimate(context)) sketch_ = std::make_unique<HyperLogLog>();
    if (ParamIfSet(context, "column").has_value()) {
      column_ = quern::classic::ColumnParam(context, "column", "1");
    }
  }
  void Map(const quern::MapInput& in) override {
    std::string_view value = in.value();
    if (column_ > 0) {
      const auto column = quern::classic::Column(value, column_);
      if (!column) context().SkipRecord("too few columns");
      value = *column;
    }
    if (sketch_ == nullptr) return Emit(value, "1");
    sketch_->Add(XXH3_64bits(value.data(), value.size()));
  }
  void Finish() override {
    if (sketch_ != nullptr) Emit("", sketch_->bytes());
  }

 private:
  size_t column_ = 0;
  std::unique_ptr<HyperLogLog> sketch_;
};
QUERN_REGISTER_MAPPER(DistinctMapper);

// Of exact counts; sketches, which a task has one of, pass unchanged.
class DistinctCombiner : public quern::Combiner {
 public:
  void Start(quern::TaskContext& context) override { estimate_ = IsEstimate(context); }
  void Combine(quern::ReduceInput* in) override {
    int64_t count = 0;
    for (const std::string_view value : in->values()) {
      if (estimate_) {
        Emit(value);
      } else {
        count += quern::ParseInt(value);
      }
    }
    if (!estimate_) Emit(count);
  }

 private:
  bool estimate_ = false;
};
QUERN_REGISTER_COMBINER(DistinctCombiner);

class DistinctReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    estimate_ = IsEstimate(context);
    if (estimate_ && context.reduce_tasks() != 1) {
      context.Fail("reduce.tasks: must be 1, to give one estimate");
    }
    distinct_ = context.counter("distinct");
  }
  void Reduce(quern::ReduceInput* in) override {
    if (estimate_) return MergeSketches(in);
    int64_t count = 0;
    for (const std::string_view value : in->values()) count += quern::ParseInt(value);
    distinct_->Increment();
    Emit(count);
  }
  // Files without contents have no map task, and so no sketch.
  void Finish() override {
    if (estimate_ && !is_emitted_) Emit("distinct", 0);
  }

 private:
  void MergeSketches(quern::ReduceInput* in) {
    HyperLogLog whole;
    for (const std::string_view value : in->values()) {
      const auto sketch = HyperLogLog::FromBytes(value);
      if (!sketch) context().Fail("a sketch of a map task is broken");
      whole.Merge(*sketch);
    }
    const int64_t distinct = std::llround(whole.Estimate());
    distinct_->Increment(distinct);
    Emit("distinct", distinct);
    is_emitted_ = true;
  }

  bool estimate_ = false;
  bool is_emitted_ = false;
  quern::Counter* distinct_ = nullptr;
};
QUERN_REGISTER_REDUCER(DistinctReducer);

}  // namespace
