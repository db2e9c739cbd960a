// User code that harms whatever it can reach; params.how says in which way.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string>

#include "mapreduce/api/mapreduce.h"

namespace {

class Poison : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    context_ = &context;
    how_ = context.param("how");
    fifo_ = context.param("fifo");
  }
  void Map(const quern::MapInput& in) override {
    if (how_ == "odd log") OddLog();
    if (how_ == "long line") LongLine();
    if (how_ == "throw") throw std::runtime_error("bad record: " + std::string(in.value()));
    if (how_ == "counters") Counters(250'000);
    if (how_ == "many counters") Counters(1'000);
    if (how_ == "long counter") context_->counter(std::string(9'000'000, 'c'))->Increment();
    if (how_ == "long status") context_->SetStatus(std::string(9'000'000, 's'));
    if (how_ == "kill parent") kill(getppid(), SIGKILL);
    if (how_ == "daemon") Daemon();
    if (how_ == "hang with daemon") {
      Daemon();
      while (true) pause();
    }
    Emit(in.value(), 1);
  }

 private:
  static void OddLog() {
    std::fprintf(stderr, "log \xff\xfe bytes\n");
    std::abort();
  }
  static void LongLine() {
    std::string line;
    for (int i = 0; i < 3000; ++i) line += "\u00e9";
    std::fprintf(stderr, "%sx", line.c_str());
    std::abort();
  }
  void Counters(int number) {
    for (int i = 0; i < number; ++i) {
      context_->counter("domain." + std::to_string(i) + ".example.org")->Increment();
    }
  }
  // Leaves group and session, and lives for ever. Whoever reads the fifo sees its death.
  void Daemon() const {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("pipe");
    const pid_t child = fork();
    if (child != 0) {
      waitpid(child, nullptr, 0);
      // The task goes on when the daemon has written.
      char byte = 0;
      close(ends[1]);
      static_cast<void>(!read(ends[0], &byte, 1));
      close(ends[0]);
      return;
    }
    setsid();
    if (fork() != 0) _exit(0);
    const int fd = open(fifo_.c_str(), O_WRONLY);
    static_cast<void>(!write(fd, "x", 1));
    close(ends[1]);
    while (true) pause();
  }

  quern::TaskContext* context_ = nullptr;
  std::string how_;
  std::string fifo_;
};
QUERN_REGISTER_MAPPER(Poison);

// Computes for params.value_ms of processor time over each value.
class SlowCount : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    value_ms_ = quern::ParseInt(context.param("value_ms", "0"));
  }
  void Reduce(quern::ReduceInput* in) override {
    int64_t count = 0;
    for ([[maybe_unused]] std::string_view value : in->values()) {
      const std::clock_t end = std::clock() + value_ms_ * CLOCKS_PER_SEC / 1000;
      while (std::clock() < end) continue;
      ++count;
    }
    Emit(count);
  }

 private:
  int64_t value_ms_ = 0;
};
QUERN_REGISTER_REDUCER(SlowCount);

}  // namespace
