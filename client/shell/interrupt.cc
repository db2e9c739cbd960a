#include "client/shell/interrupt.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

#include "common/cli/cli.h"

namespace quern::shell {
namespace {

std::atomic<bool> interrupted{false};
std::atomic<bool> ends_soon{false};
pthread_t main_thread;
constexpr unsigned kSoonSeconds = 2;

extern "C" void OnSignal(int signal) {
  // Any thread may get it, but only the main one waits for terminals and pipes.
  if (pthread_equal(pthread_self(), main_thread) == 0) {
    pthread_kill(main_thread, signal);
    return;
  }
  if (interrupted.exchange(true)) _exit(kExitInterrupted);
  if (ends_soon.load()) alarm(kSoonSeconds);
}

extern "C" void OnAlarm(int) { _exit(kExitInterrupted); }

void Handle(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;  // without SA_RESTART: a read from a terminal returns
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard(Patience patience) {
  main_thread = pthread_self();
  ends_soon = patience == Patience::kEndSoon;
  if (ends_soon) std::signal(SIGALRM, OnAlarm);
  Handle(OnSignal);
}
InterruptGuard::~InterruptGuard() { Handle(SIG_DFL); }

bool Interrupted() { return interrupted.load(); }

absl::Status CheckInterrupt() {
  return Interrupted() ? CancelledError("interrupted") : absl::OkStatus();
}

}  // namespace quern::shell
