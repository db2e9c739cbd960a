#include "deploy/local/process_identity.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "common/fd.h"

namespace quern::local {
namespace {

struct Stat {
  std::string state;
  uint64_t start_ticks = 0;  // 0: there is no such process
};

Stat StatOf(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  // "PID (name) S ppid ...": the name may hold blanks and brackets, so fields count from its end.
  const size_t name_end = line.rfind(')');
  if (pid <= 0 || name_end == std::string::npos) return {};
  std::istringstream fields(line.substr(name_end + 1));
  Stat stat;
  std::string skipped;
  fields >> stat.state;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  fields >> stat.start_ticks;
  return fields ? stat : Stat{};
}

}  // namespace

ProcessIdentity ProcessIdentity::Of(pid_t pid) {
  const Stat stat = StatOf(pid);
  if (stat.start_ticks == 0 || stat.state == "Z" || stat.state == "X") return {};
  return {pid, stat.start_ticks};
}

bool ProcessIdentity::IsAlive() const {
  return pid > 0 && Of(pid).start_ticks == start_ticks && start_ticks != 0;
}

bool ProcessIdentity::AwaitEnd(absl::Duration patience) const {
  const UniqueFd process(pid > 0 ? static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) : -1);
  // Looked at after the opening, so that the descriptor is of the process that is meant. One that
  // is a zombie may still have threads, which hold its files: only the kernel knows.
  if (!process || StatOf(pid).start_ticks != start_ticks) return true;
  pollfd ended{process.get(), POLLIN, 0};
  return poll(&ended, 1, static_cast<int>(absl::ToInt64Milliseconds(patience))) == 1;
}

absl::Status ProcessIdentity::Signal(int signal) const {
  if (!IsAlive() || kill(pid, signal) == 0 || errno == ESRCH) return absl::OkStatus();
  return PermissionDeniedError("process {}: {}. Try: as the user who started it", pid,
                               std::strerror(errno));
}

}  // namespace quern::local
