#include "mapreduce/cli/private_dir.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "common/storage/file_io.h"
#include "common/temporary_root.h"

namespace quern::mr {
namespace {

// The command may be about to write into it.
constexpr int kMaxRemovals = 100;

int ending_pipe[2] = {-1, -1};

extern "C" void OnEnding(int number) {
  const char byte = static_cast<char>(number);
  [[maybe_unused]] const ssize_t n = write(ending_pipe[1], &byte, 1);
}

// What is ignored stays so.
void ReplaceHandlers(void (*known)(int), void (*handler)(int)) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action = {};
    if (sigaction(number, nullptr, &action) != 0 || action.sa_handler != known) continue;
    action = {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigaction(number, &action, nullptr);
  }
}

}  // namespace

absl::Status PrivateDir::Make(std::string_view name) {
  if (pipe2(ending_pipe, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  watch_ = Thread("private_dir", [this] {
    char number = 0;
    if (read(ending_pipe[0], &number, 1) != 1 || number == 0) return;
    for (int i = 0; i < kMaxRemovals && FileSystem::Real()->Exists(path_); ++i) {
      FileSystem::Real()->RemoveTree(path_).IgnoreError();
    }
    signal(number, SIG_DFL);
    kill(getpid(), number);
  });
  std::string path = fmt::format("{}/quern-{}-XXXXXX", TemporaryRoot(), name);
  if (mkdtemp(path.data()) == nullptr) return ErrnoStatus(errno, path);
  path_ = std::move(path);
  ReplaceHandlers(SIG_DFL, OnEnding);
  return absl::OkStatus();
}

PrivateDir::~PrivateDir() {
  if (!watch_.running()) return;
  ReplaceHandlers(OnEnding, SIG_DFL);
  OnEnding(0);
  watch_.Join();
  for (const int end : ending_pipe) close(end);
  if (!path_.empty()) FileSystem::Real()->RemoveTree(path_).IgnoreError();
}

}  // namespace quern::mr
