// One input into three outputs beside the main one: lines of a log by their severity, and how
// often each program has said anything (docs/writing-jobs.md shows it).
#include <string>

#include "mapreduce/api/mapreduce.h"

namespace {

// "ERROR program: text". Parameter: output, where lines of no severity go.
class SplitLog : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    errors_ = context.output("errors");
    warnings_ = context.output("warnings");
    others_ = context.param("others", "others");
  }
  void Map(const quern::MapInput& in) override {
    const std::string_view line = in.value();
    const size_t space = line.find(' ');
    const std::string_view severity = line.substr(0, space);
    if (severity == "ERROR") {
      errors_->Emit("", line);
    } else if (severity == "WARN") {
      warnings_->Emit("", line);
    } else {
      context().output(others_)->Emit(in.key(), line);
    }
    if (space == std::string_view::npos) return;
    Emit(line.substr(space + 1, line.find(':') - space - 1), 1);
  }

 private:
  quern::NamedOutput* errors_ = nullptr;
  quern::NamedOutput* warnings_ = nullptr;
  std::string others_;
};
QUERN_REGISTER_MAPPER(SplitLog);

// Programs that have said something once only go elsewhere.
class CountLines : public quern::Reducer {
 public:
  void Reduce(quern::ReduceInput* in) override {
    int64_t lines = 0;
    for (std::string_view value : in->values()) lines += quern::ParseInt(value);
    if (lines > 1) return Emit(lines);
    context().output("rare")->Emit(in->key(), lines);
  }
};
QUERN_REGISTER_REDUCER(CountLines);

// The same as a fold.
struct FoldLines {
  using State = int64_t;
  static void Add(State& state, std::string_view value) { state += quern::ParseInt(value); }
  static void Merge(State& state, const State& other) { state += other; }
  static void Put(const State& state, quern::FoldOutput& out) {
    if (state > 1) return out.Emit(state);
    out.context().output("rare")->Emit(out.key(), state);
    out.context().counter("rare")->Increment();
  }
};
QUERN_REGISTER_FOLD(FoldLines);

// A combiner may run any number of times, so it has no outputs.
class BadCombiner : public quern::Combiner {
 public:
  void Combine(quern::ReduceInput* in) override { context().output("rare")->Emit(in->key(), ""); }
};
QUERN_REGISTER_COMBINER(BadCombiner);

}  // namespace
