#include "mapreduce/cli/interrupt_watch.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

namespace quern::mr {
namespace {

int interrupt_pipe[2] = {-1, -1};

extern "C" void OnInterrupt(int) {
  const char byte = 0;
  [[maybe_unused]] const ssize_t n = write(interrupt_pipe[1], &byte, 1);
}

}  // namespace

InterruptWatch::InterruptWatch(CoordinatorClient* client) {
  if (pipe2(interrupt_pipe, O_CLOEXEC) != 0) return;
  struct sigaction action = {};
  action.sa_handler = OnInterrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // a second Ctrl-C ends the process at once
  sigaction(SIGINT, &action, nullptr);
  thread_ = Thread("interrupt", [this, client] {
    char byte = 0;
    if (read(interrupt_pipe[0], &byte, 1) == 1 && !done_) {
      interrupted_ = true;
      client->CancelWatch();
    }
  });
}

InterruptWatch::~InterruptWatch() {
  done_ = true;
  OnInterrupt(0);
  thread_.Join();
  signal(SIGINT, SIG_DFL);
  close(interrupt_pipe[0]);
  close(interrupt_pipe[1]);
}

}  // namespace quern::mr
