// Word count that waits where a test tells it to, and one that misbehaves on a given word.
//
// A gate is a file: whoever holds its lock (flock, exclusively) keeps it shut, and opens it by
// letting go. So a test can stop a job in the middle of its maps or of its reduces, do harm, and
// let it go on.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "mapreduce/api/mapreduce.h"

namespace {

void WaitAtGate(std::string_view path) {
  if (path.empty()) return;
  const int fd = open(std::string(path).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  flock(fd, LOCK_SH);
  close(fd);
}

// Parameters: map_gate (a path), map_gate_from (first task that waits there).
class GatedWords : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    words_ = context.counter("words");
    const int64_t from = quern::ParseInt(context.param("map_gate_from", "0"));
    if (context.task_index() >= from) gate_ = context.param("map_gate");
  }
  void Map(const quern::MapInput& in) override {
    WaitAtGate(gate_);
    gate_ = {};
    for (std::string_view word : quern::text::Words(in.value())) {
      Emit(word, 1);
      words_->Increment();
    }
  }

 private:
  std::string gate_;
  quern::Counter* words_ = nullptr;
};
QUERN_REGISTER_MAPPER(GatedWords);

// Parameter: reduce_gate (a path).
class GatedSum : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override { gate_ = context.param("reduce_gate"); }
  void Reduce(quern::ReduceInput* in) override {
    WaitAtGate(gate_);
    gate_ = {};
    int64_t total = 0;
    for (std::string_view value : in->values()) total += quern::ParseInt(value);
    Emit(total);
  }

 private:
  std::string gate_;
};
QUERN_REGISTER_REDUCER(GatedSum);

// Parameters: how (segfault | exit | throw | abort), code (of exit); does it at the word "poison".
class Misbehaves : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    how_ = context.param("how", "segfault");
    code_ = static_cast<int>(quern::ParseInt(context.param("code", "0")));
  }
  void Map(const quern::MapInput& in) override {
    for (std::string_view word : quern::text::Words(in.value())) {
      if (word == "poison") Misbehave();
      Emit(word, 1);
    }
  }

 private:
  void Misbehave() const {
    static_cast<void>(write(STDERR_FILENO, "about to misbehave\n", 19));
    if (how_ == "exit") std::_Exit(code_);
    if (how_ == "throw") throw std::runtime_error("the poison was too strong");
    if (how_ == "abort") std::abort();
    if (how_.starts_with("close")) {  // and goes on
      for (int fd = 0; fd <= (how_ == "close streams" ? 2 : 1023); ++fd) close(fd);
      return;
    }
    std::raise(SIGSEGV);
  }
  std::string how_;
  int code_ = 0;
};
QUERN_REGISTER_MAPPER(Misbehaves);

}  // namespace
