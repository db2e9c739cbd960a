// Prints every line that it maps. At the line "wait" it waits at a gate (see gated_words.cc): the
// file params.gate, until whoever holds its lock lets go.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "mapreduce/api/mapreduce.h"

namespace {

class Chatty : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override { gate_ = context.param("gate"); }
  void Map(const quern::MapInput& in) override {
    const std::string line(in.value());
    std::printf("%s\n", line.c_str());
    if (line == "wait") WaitAtGate();
    Emit(line, 1);
  }

 private:
  void WaitAtGate() const {
    const int fd = open(gate_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    flock(fd, LOCK_SH);
    close(fd);
  }
  std::string gate_;
};
QUERN_REGISTER_MAPPER(Chatty);

}  // namespace
