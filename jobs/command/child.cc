#include "jobs/command/child.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace quern::command {

namespace {

constexpr int kPipeBytes = 1 << 20;
constexpr size_t kReadBytes = size_t{256} << 10;
// How long processes that a command left behind may be silent.
constexpr int kGraceMillis = 5000;

[[noreturn]] void Throw(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

Pipe MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) Throw("pipe");
  fcntl(ends[0], F_SETPIPE_SZ, kPipeBytes);  // smaller ones only cost time
  return {ends[0], ends[1]};
}

void CloseIfOpen(int* fd) {
  if (*fd >= 0) close(std::exchange(*fd, -1));
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// A child has the signals of a fresh process.
void SetSignals(posix_spawnattr_t* attributes) {
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(attributes, &signals);
  sigaddset(&signals, SIGPIPE);
  posix_spawnattr_setsigdefault(attributes, &signals);
  posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

std::string Describe(int status) {
  // The shell says 128 + N of a command that signal N has ended.
  int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  if (code > 128 && code < 128 + NSIG) signal = code - 128;
  if (signal != 0)
    return "ended with signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  return code == 0 ? "" : "ended with exit code " + std::to_string(code);
}

}  // namespace

Child::Child(ChildOptions options) : options_(std::move(options)) {
  // Writing to one that reads no more must not end the task.
  std::signal(SIGPIPE, SIG_IGN);
  const Pipe in = MakePipe();
  const Pipe out = MakePipe();
  const Pipe err = MakePipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read_end, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write_end, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.write_end, STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&actions, options_.dir.c_str());
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  SetSignals(&attributes);
  const std::vector<std::string> words = {"sh", "-c", options_.command};
  const int error = posix_spawn(&pid_, "/bin/sh", &actions, &attributes, Pointers(words).data(),
                                Pointers(options_.environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  for (const int fd : {in.read_end, out.write_end, err.write_end}) close(fd);
  input_ = in.write_end;
  output_ = out.read_end;
  errors_ = err.read_end;
  for (const int fd : {input_, output_, errors_}) fcntl(fd, F_SETFL, O_NONBLOCK);
  if (error == 0) {
    process_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    return;
  }
  pid_ = -1;
  for (int* fd : {&input_, &output_, &errors_}) CloseIfOpen(fd);
  errno = error;
  Throw("start '" + options_.command + "'");
}

Child::~Child() {
  for (int* fd : {&input_, &output_, &errors_, &process_}) CloseIfOpen(fd);
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Child::CloseInput() {
  CloseIfOpen(&input_);
  pending_.clear();
  written_ = 0;
}

void Child::WriteSome() {
  while (input_ >= 0 && written_ < pending_.size()) {
    const ssize_t n = write(input_, pending_.data() + written_, pending_.size() - written_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0 && errno == EPIPE) return CloseInput();
    if (n < 0) Throw("write to '" + options_.command + "'");
    written_ += static_cast<size_t>(n);
  }
  pending_.clear();
  written_ = 0;
}

bool Child::ReadSome(int fd, std::string* buffer,
                     const std::function<void(std::string_view)>& take) {
  buffer->resize(kReadBytes);
  while (true) {
    const ssize_t n = read(fd, buffer->data(), buffer->size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return true;
    if (n < 0) Throw("read");
    if (n == 0) return false;
    take({buffer->data(), static_cast<size_t>(n)});
  }
}

void Child::Exchange(bool all) {
  while (true) {
    WriteSome();
    if (all && pending_.empty()) CloseIfOpen(&input_);
    if (output_ >= 0 && !ReadSome(output_, &buffer_, options_.take_output)) CloseIfOpen(&output_);
    if (errors_ >= 0 && !ReadSome(errors_, &buffer_, options_.take_errors)) CloseIfOpen(&errors_);
    if (all ? input_ < 0 && output_ < 0 && errors_ < 0 : pending_.empty()) return;
    if (WaitForNews()) continue;
    left_behind_ = output_ >= 0;
    CloseInput();
    for (int* fd : {&output_, &errors_}) CloseIfOpen(fd);
  }
}

bool Child::WaitForNews() {
  // A negative descriptor is passed over. Words on standard error keep nothing waiting: of one that
  // is left behind only its end is news.
  const short errors = exited_ ? 0 : POLLIN;
  pollfd events[] = {{pending_.empty() ? -1 : input_, POLLOUT, 0},
                     {output_, POLLIN, 0},
                     {errors_, errors, 0},
                     {process_, POLLIN, 0}};
  const int ready = poll(events, 4, exited_ ? kGraceMillis : -1);
  if (ready < 0 && errno != EINTR) Throw("poll");
  if (events[3].revents != 0) {
    exited_ = true;
    CloseIfOpen(&process_);
  }
  return ready != 0;
}

std::string Child::Finish() {
  Exchange(/*all=*/true);
  CloseInput();
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) Throw("wait for '" + options_.command + "'");
  }
  pid_ = -1;
  const std::string how = Describe(status);
  if (!how.empty() || !left_behind_) return how;
  return "ended with exit code 0, but it left a process in the background that holds its output "
         "and may still write. Try: wait for it in the command, or start it with >/dev/null";
}

}  // namespace quern::command
