// User classes that behave as the test's parameter `how` tells them, at the line "bad".
#include <fcntl.h>
#include <unistd.h>

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
    context_ = &context;
    how_ = context.param("how");
    fifo_ = context.param("daemon_fifo");
    lines_ = context.counter("lines");
    std::printf("started\n");
  }
  void Map(const quern::MapInput& in) override {
    if (in.value() == "bad") Misbehave();
    lines_->Increment();
    for (std::string_view word : quern::text::Words(in.value())) Emit(word, 1);
  }

 private:
  void Misbehave() {
    if (how_ == "throw the record") {
      throw std::runtime_error("bad record: " + std::string(9 << 20, 'x') + "\n");
    }
    if (how_ == "parse") quern::ParseInt("12\xb5");
    if (how_ == "many counters" || how_ == "many counters, swallowed") {
      try {
        for (int i = 0; i < 100'000; ++i) context_->counter("n" + std::to_string(i))->Increment();
      } catch (...) {
        if (how_ == "many counters") throw;
      }
    }
    if (how_ == "long counter") context_->counter(std::string(9 << 20, 'c'))->Increment();
    if (how_ == "odd text") {
      context_->counter("odd\xff")->Increment();
      context_->SetStatus("\xff");
    }
    if (how_ == "throw") throw std::runtime_error("no good");
    if (how_ == "throw int") throw 7;
    if (how_ == "exit") std::exit(0);
    if (how_ == "crash") std::raise(SIGSEGV);
    if (how_ == "exit 200") std::exit(200);
    if (how_ == "close descriptors" || how_ == "close descriptors and wait") {
      for (int fd = 3; fd <= 200; ++fd) close(fd);
      while (how_ == "close descriptors and wait") pause();
    }
    if (how_ == "close streams") CloseStreams();
    if (how_ == "redirect streams") {
      const int nothing = open("/dev/null", O_WRONLY);
      for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) dup2(nothing, fd);
      close(nothing);
    }
    if (how_ == "kill parent") kill(getppid(), SIGKILL);
    if (how_ == "daemon" || how_ == "daemon and wait") StartDaemon(fifo_);
    while (how_ == "daemon and wait") pause();
  }
  static void CloseStreams() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(fd);
  }
  // A process that has left its group and session, and would live for ever. Returns when it has
  // written to the fifo.
  static void StartDaemon(const std::string& fifo) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("pipe");
    if (fork() != 0) {
      char byte = 0;
      close(ends[1]);
      static_cast<void>(!read(ends[0], &byte, 1));
      close(ends[0]);
      return;
    }
    setsid();
    if (fork() != 0) _exit(0);
    const int fd = open(fifo.c_str(), O_WRONLY);
    static_cast<void>(!write(fd, "x", 1));
    close(ends[1]);
    while (true) pause();
  }

  quern::TaskContext* context_ = nullptr;
  std::string fifo_;
  std::string how_;
  quern::Counter* lines_ = nullptr;
};
QUERN_REGISTER_MAPPER(Words);

// Tells where each record and the task come from.
class Describes : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override {
    const quern::InputSource source = in.source();
    Emit(std::string(source.tag()) + " " + std::string(source.path.substr(source.path.rfind('/'))) +
             " " + std::to_string(source.piece) + "+" + std::to_string(source.offset) + " '" +
             std::string(source.header("none")) + "'",
         in.value());
  }
  void Finish() override {
    const auto split = context().split();
    Emit("end", std::string(context().job_id()) + " " + std::to_string(context().attempt()) + " " +
                    std::string(context().input_tag()) + " " + std::to_string(split.size()) + " " +
                    std::to_string(split.front().length));
  }
};
QUERN_REGISTER_MAPPER(Describes);

// With the parameter `fifo`, each value takes as long as it takes to read a byte from there.
class Joined : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    const std::string fifo(context.param("fifo"));
    if (!fifo.empty()) fifo_ = std::fopen(fifo.c_str(), "r");
  }
  void Reduce(quern::ReduceInput* in) override {
    std::string all;
    for (std::string_view value : in->values()) {
      if (fifo_ != nullptr) std::fgetc(fifo_);
      all += value;
    }
    Emit(all);
  }

 private:
  std::FILE* fifo_ = nullptr;
};
QUERN_REGISTER_REDUCER(Joined);
QUERN_REGISTER_COMBINER(Joined);

// Does what the parameter `how` says when a key has not as many values as `values`.
class Complete : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    context_ = &context;
    how_ = context.param("how");
    values_ = quern::ParseInt(context.param("values"));
  }
  void Reduce(quern::ReduceInput* in) override {
    int64_t found = 0;
    for (std::string_view value : in->values()) found += value.empty() ? 0 : 1;
    if (found == values_) return;
    if (how_ == "crash") std::raise(SIGSEGV);
    if (how_ == "fail") context_->Fail("values are missing");
    throw std::runtime_error("values are missing");
  }

 private:
  quern::TaskContext* context_ = nullptr;
  std::string how_;
  int64_t values_ = 0;
};
QUERN_REGISTER_REDUCER(Complete);

class EmitsInFinish : public quern::Reducer {
 public:
  void Reduce(quern::ReduceInput*) override {}
  void Finish() override { Emit("key", "value"); }
};
QUERN_REGISTER_COMBINER(EmitsInFinish);

class EmitsInStart : public EmitsInFinish {
 public:
  void Start(quern::TaskContext&) override { Emit("key", "value"); }
};
QUERN_REGISTER_COMBINER(EmitsInStart);

// Lines "key=number", whatever becomes of them.
class Careless : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override {
    const size_t at = in.value().find('=');
    try {
      Emit(in.value().substr(0, at), in.value().substr(at + 1));
    } catch (...) {
    }
  }
};
QUERN_REGISTER_MAPPER(Careless);
struct Total {
  using State = int64_t;
  static void Add(State& state, std::string_view value) {
    if (value == "crash") std::raise(SIGSEGV);
    state += quern::ParseInt(value);
  }
  static void Merge(State& state, const State& other) { state += other; }
  static void Put(const State& state, quern::FoldOutput& out) { out.Emit(state); }
};
QUERN_REGISTER_FOLD(Total);

// Cannot take the words "crash" and "throw", and has no partition for "astray".
class Fragile : public quern::Partitioner {
 public:
  uint32_t Partition(std::string_view key, uint32_t partitions) const override {
    if (key == "crash") std::raise(SIGSEGV);
    if (key == "throw") throw std::runtime_error("what a word");
    return key == "astray" ? partitions : 0;
  }
};
QUERN_REGISTER_PARTITIONER(Fragile);

// All words that begin with a letter below n go to partition 0.
class ByLetter : public quern::Partitioner {
 public:
  uint32_t Partition(std::string_view key, uint32_t) const override { return key < "n" ? 0 : 1; }
};
QUERN_REGISTER_PARTITIONER(ByLetter);

}  // namespace
