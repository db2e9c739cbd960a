#include "client/shell/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

#include "common/cli.h"

namespace quern::shell {
namespace {

std::atomic<bool> interrupted{false};

extern "C" void OnSignal(int) {
  if (interrupted.exchange(true)) _exit(kExitInterrupted);
}

void Handle(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;  // without SA_RESTART: a read from a terminal returns
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() { Handle(OnSignal); }
InterruptGuard::~InterruptGuard() { Handle(SIG_DFL); }

bool Interrupted() { return interrupted.load(); }

absl::Status CheckInterrupt() {
  return Interrupted() ? CancelledError("interrupted") : absl::OkStatus();
}

}  // namespace quern::shell
