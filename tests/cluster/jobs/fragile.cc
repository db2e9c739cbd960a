// Word count that breaks at one record: params.how says in which way, params.map_bad and
// params.reduce_bad which word does it.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "mapreduce/api/mapreduce.h"

namespace {

// And goes on.
void CloseFrom(int first, int last) {
  for (int fd = first; fd <= last; ++fd) close(fd);
}

void Break(std::string_view how) {
  if (how == "segfault") std::raise(SIGSEGV);
  if (how == "exit") std::_Exit(0);
  if (how == "throw") throw std::runtime_error("cannot stand this word");
  if (how == "close all") CloseFrom(0, 1023);
  if (how == "close streams") CloseFrom(0, 2);
  while (how == "hang") pause();
}

class FragileWords : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    how_ = context.param("how");
    bad_ = context.param("map_bad");
  }
  void Map(const quern::MapInput& in) override {
    if (in.value().starts_with("skip")) context().SkipRecord("wants to be skipped");
    for (std::string_view word : quern::text::Words(in.value())) {
      if (word == bad_) Break(how_);
      Emit(word, 1);
    }
  }

 private:
  std::string how_;
  std::string bad_;
};
QUERN_REGISTER_MAPPER(FragileWords);

class FragileSum : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    how_ = context.param("how");
    bad_ = context.param("reduce_bad");
  }
  void Reduce(quern::ReduceInput* in) override {
    int64_t total = 0;
    for (std::string_view value : in->values()) {
      total += quern::ParseInt(value);
      if (in->key() == bad_) Break(how_);
      if (in->key() == "odd") context().SkipRecord("an odd word");
    }
    Emit(total);
  }

 private:
  std::string how_;
  std::string bad_;
};
QUERN_REGISTER_REDUCER(FragileSum);

}  // namespace
