// A fair sample of lines, the same one however the input is split and whichever machine reads it.
//
// Each line gets a number out of its place (path and offset) and the seed; the n lines with the
// smallest ones are taken, in the order of these numbers: shuffled. Params: n (1000), seed (1).
// Input: text or JSON lines. Output (raw): the lines. Run it with one reduce task.
#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <queue>
#include <string_view>

#include "jobs/params.h"
#include "mapreduce/api/mapreduce.h"

namespace {

size_t LinesToTake(quern::TaskContext& context) {
  return static_cast<size_t>(NumberParam(context, "n", "1000", 1, 10'000'000));
}

// Hands on each line whose number is among the n smallest so far: 8 bytes of each of those are held
// and no lines. Of N lines about n (1 + ln N / n) go to the reducer, which takes the first n.
class SampleMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    n_ = LinesToTake(context);
    seed_ = static_cast<uint64_t>(NumberParam(context, "seed", "1", 0, INT64_MAX));
    lines_ = context.counter("lines");
  }
  void Map(const quern::MapInput& in) override {
    lines_->Increment();
    const std::string_view path = in.source().path;
    const uint64_t offset = in.source().offset;
    // Offset by offset with the path as its seed, so that no two lines share a number in practice.
    const uint64_t number = XXH3_64bits_withSeed(
        &offset, sizeof(offset), XXH3_64bits_withSeed(path.data(), path.size(), seed_));
    if (smallest_.size() == n_) {
      if (number >= smallest_.top()) return;
      smallest_.pop();
    }
    smallest_.push(number);
    Emit(quern::Ordered(number), in.value());
  }

 private:
  size_t n_ = 0;
  uint64_t seed_ = 0;
  quern::Counter* lines_ = nullptr;
  std::priority_queue<uint64_t> smallest_;  // the greatest of them on top
};
QUERN_REGISTER_MAPPER(SampleMapper);

class SampleReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    left_ = LinesToTake(context);
    if (context.reduce_tasks() != 1) context.Fail("reduce.tasks: must be 1, to give one sample");
  }
  void Reduce(quern::ReduceInput* in) override {
    for (const std::string_view line : in->values()) {
      if (left_ == 0) return;
      --left_;
      Emit(line);
    }
  }

 private:
  size_t left_ = 0;
};
QUERN_REGISTER_REDUCER(SampleReducer);

}  // namespace
