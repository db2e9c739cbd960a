#include "common/cli/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <limits>
#include <string>

#include "common/clean_text.h"
#include "common/cli/cli.h"

namespace quern {

Output::Output(std::FILE* file) : file_(file), terminal_(isatty(fileno(file)) == 1) {}

void Output::Failed(int error_number) {
  int none = 0;
  error_.compare_exchange_strong(none, error_number == 0 ? EIO : error_number);
}

void Output::Print(std::string_view text) {
  std::string clean;
  if (terminal_) text = clean = CleanText(text, std::numeric_limits<size_t>::max());
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) Failed(errno);
}

absl::Status Output::Write(std::string_view bytes) {
  RETURN_IF_ERROR(Flush());
  const int fd = fileno(file_);
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      Failed(errno);
      return Flush();
    }
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status Output::Flush() {
  errno = 0;
  if (std::fflush(file_) != 0) Failed(errno);
  const int error = error_.load();
  return error == 0 ? absl::OkStatus() : ErrnoStatus(error, "writing the output");
}

absl::Status Output::End() {
  RETURN_IF_ERROR(Flush());
  const int copy = fcntl(fileno(file_), F_DUPFD_CLOEXEC, 0);
  if (copy < 0 ? errno == EBADF : close(copy) != 0) Failed(errno);
  return Flush();
}

bool Output::broken_pipe() const { return error_.load() == EPIPE; }

Output& Out() {
  static auto* const out = new Output(stdout);
  return *out;
}

Output& Err() {
  static auto* const err = new Output(stderr);
  return *err;
}

void ClaimStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one. Opened the wrong way round, so that reads of stdin and
    // writes to stdout fail as they would.
    const int opened = open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_WRONLY);
    if (opened >= 0 && opened != fd) close(opened);
  }
}

int EndOutput(std::string_view who, int exit_code) {
  return EndOutput(who, exit_code, &Out(), &Err());
}

int EndOutput(std::string_view who, int exit_code, Output* out, Output* err) {
  const absl::Status written = out->End();
  if (written.ok()) return exit_code;
  if (!out->broken_pipe()) err->Print(ErrorLine(who, written));
  return exit_code == kExitOk ? int{kExitFailed} : exit_code;
}

void EndProcess(int exit_code) {
#ifdef QUERN_ASAN
  std::exit(exit_code);  // looks for leaks
#else
  _exit(exit_code);
#endif
}

}  // namespace quern
