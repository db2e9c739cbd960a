// The lines with the largest numbers: what word count leaves, say, largest first.
//
// Input: lines KEY<TAB>NUMBER (whole numbers). Lines of equal numbers come in the order of their
// keys. Params: n (10). Output (text): KEY<TAB>NUMBER, n lines. Counter: lines. Run it with one
// reduce task.
#include <charconv>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "jobs/params.h"
#include "mapreduce/api/mapreduce.h"

namespace {

size_t LinesToKeep(quern::TaskContext& context) {
  return static_cast<size_t>(NumberParam(context, "n", "10", 1, 1'000'000));
}

// Each task hands on no more than n lines.
class TopNMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    n_ = LinesToKeep(context);
    lines_ = context.counter("lines");
  }
  void Map(const quern::MapInput& in) override {
    const std::string_view line = in.value();
    const size_t tab = line.rfind('\t');
    if (tab == std::string_view::npos) context().SkipRecord("no tab");
    int64_t number = 0;
    const auto [end, error] = std::from_chars(line.data() + tab + 1, line.end(), number);
    if (error != std::errc() || end != line.end()) context().SkipRecord("no whole number");
    lines_->Increment();
    if (best_.size() == n_ && number < std::prev(best_.end())->first) return;
    best_.emplace(number, line.substr(0, tab));
    if (best_.size() > n_) best_.erase(std::prev(best_.end()));
  }
  void Finish() override {
    for (const auto& [number, key] : best_) Emit(quern::Ordered(quern::Desc(number), key), "");
  }

 private:
  struct LargestFirst {
    bool operator()(const auto& a, const auto& b) const {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    }
  };
  size_t n_ = 0;
  quern::Counter* lines_ = nullptr;
  std::multiset<std::pair<int64_t, std::string>, LargestFirst> best_;
};
QUERN_REGISTER_MAPPER(TopNMapper);

class TopNReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    left_ = LinesToKeep(context);
    if (context.reduce_tasks() != 1) context.Fail("reduce.tasks: must be 1, to give one list");
  }
  void Reduce(quern::ReduceInput* in) override {
    const auto [number, key] = quern::Decode<int64_t, std::string>(in->key());
    for ([[maybe_unused]] std::string_view same : in->values()) {
      if (left_ == 0) return;
      --left_;
      Emit(key, number);
    }
  }

 private:
  size_t left_ = 0;
};
QUERN_REGISTER_REDUCER(TopNReducer);

}  // namespace
