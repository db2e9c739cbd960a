// User classes that behave as the test's parameter `how` tells them, at the line "bad".
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "mapreduce/api/mapreduce.h"

namespace {

class Words : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    how_ = context.param("how");
    lines_ = context.counter("lines");
    std::printf("started\n");
  }
  void Map(const quern::MapInput& in) override {
    if (in.value() == "bad") Misbehave();
    lines_->Increment();
    for (std::string_view word : quern::text::Words(in.value())) Emit(word, 1);
  }

 private:
  void Misbehave() const {
    if (how_ == "throw") throw std::runtime_error("no good");
    if (how_ == "throw int") throw 7;
    if (how_ == "exit") std::exit(0);
    if (how_ == "crash") std::raise(SIGSEGV);
  }
  std::string how_;
  quern::Counter* lines_ = nullptr;
};
QUERN_REGISTER_MAPPER(Words);

class Joined : public quern::Reducer {
 public:
  void Reduce(quern::ReduceInput* in) override {
    std::string all;
    for (std::string_view value : in->values()) all += value;
    Emit(all);
  }
};
QUERN_REGISTER_REDUCER(Joined);
QUERN_REGISTER_COMBINER(Joined);

// All words that begin with a letter below n go to partition 0.
class ByLetter : public quern::Partitioner {
 public:
  uint32_t Partition(std::string_view key, uint32_t) const override { return key < "n" ? 0 : 1; }
};
QUERN_REGISTER_PARTITIONER(ByLetter);

}  // namespace
