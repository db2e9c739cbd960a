// The lines with the largest numbers: what word count leaves, say, largest first.
//
// Input: lines KEY<TAB>NUMBER (whole numbers). Lines of equal numbers come in the order of their
// keys. Params: n (10). Output (text): KEY<TAB>NUMBER, n lines. Counter: lines. Run it with one
// reduce task.
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <queue>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/params.h"
#include "mapreduce/api/mapreduce.h"

namespace {

size_t LinesToKeep(quern::TaskContext& context) {
  return static_cast<size_t>(NumberParam(context, "n", "10", 1, 1'000'000));
}

// Of the lines that a task holds, each of which takes about so much beside its key.
constexpr size_t kMaxHeldBytes = size_t{32} << 20;
constexpr size_t kBytesBesideKey = 128;

// Holds the best n lines and hands them on at the end. Where they take too much memory, those so
// far are handed on before it, without the ones that cannot be among the first n: of each of these
// the number is held, 8 bytes. The reducer takes the first n. Where n lines take too much memory
// and the numbers ascend, that is every line: each was among the first n when it came.
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
    if (largest_.size() == n_) {
      if (number < largest_.top()) return;
      largest_.pop();
    }
    largest_.push(number);
    Hold(number, line.substr(0, tab));
  }
  void Finish() override { HandOn(); }

 private:
  void Hold(int64_t number, std::string_view key) {
    best_.emplace(number, key);
    held_bytes_ += key.size() + kBytesBesideKey;
    if (best_.size() > n_) {
      const auto worst = std::prev(best_.end());
      held_bytes_ -= worst->second.size() + kBytesBesideKey;
      best_.erase(worst);
    }
    if (held_bytes_ > kMaxHeldBytes) HandOn();
  }
  void HandOn() {
    for (const auto& [number, key] : best_) {
      if (largest_.size() == n_ && number < largest_.top()) break;
      Emit(quern::Ordered(quern::Desc(number), key), "");
    }
    best_.clear();
    held_bytes_ = 0;
  }

  struct LargestFirst {
    bool operator()(const auto& a, const auto& b) const {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    }
  };
  size_t n_ = 0;
  quern::Counter* lines_ = nullptr;
  // The n largest numbers, the smallest of them on top.
  std::priority_queue<int64_t, std::vector<int64_t>, std::greater<>> largest_;
  std::multiset<std::pair<int64_t, std::string>, LargestFirst> best_;  // not handed on yet
  size_t held_bytes_ = 0;
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
