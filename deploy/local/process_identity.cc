#include "deploy/local/process_identity.h"

#include <fmt/format.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <string>

namespace quern::local {

ProcessIdentity ProcessIdentity::Of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string stat;
  std::getline(file, stat);
  // "PID (name) S ppid ...": the name may hold blanks and brackets, so fields count from its end.
  const size_t name_end = stat.rfind(')');
  if (pid <= 0 || name_end == std::string::npos) return {};
  std::istringstream fields(stat.substr(name_end + 1));
  std::string state, skipped;
  fields >> state;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  ProcessIdentity identity{pid, 0};
  fields >> identity.start_ticks;
  if (!fields || state == "Z" || state == "X") return {};
  return identity;
}

bool ProcessIdentity::IsAlive() const {
  return pid > 0 && Of(pid).start_ticks == start_ticks && start_ticks != 0;
}

void ProcessIdentity::Signal(int signal) const {
  if (IsAlive()) kill(pid, signal);
}

}  // namespace quern::local
