#include "mapreduce/cli/foreground.h"

#include <atomic>
#include <csignal>

namespace quern::mr {
namespace {

std::atomic<pid_t> foreground_child = 0;

extern "C" void LeaveToChild(int) {}
extern "C" void PassOn(int number) {
  const pid_t child = foreground_child;
  if (child > 0) kill(child, number);
}

}  // namespace

ExitStatus WaitInForeground(Subprocess* child) {
  constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
  struct sigaction before[3] = {};
  foreground_child = child->pid();
  for (size_t i = 0; i < 3; ++i) {
    struct sigaction action = {};
    action.sa_handler = kSignals[i] == SIGINT ? LeaveToChild : PassOn;
    action.sa_flags = SA_RESTART;
    sigaction(kSignals[i], &action, &before[i]);
  }
  const ExitStatus exit = child->Wait();
  foreground_child = 0;
  for (size_t i = 0; i < 3; ++i) sigaction(kSignals[i], &before[i], nullptr);
  return exit;
}

int CodeOfEnding(const ExitStatus& exit) {
  const bool ended = exit.signal == SIGINT || exit.signal == SIGTERM || exit.signal == SIGHUP;
  return ended ? 128 + exit.signal : 0;
}

}  // namespace quern::mr
