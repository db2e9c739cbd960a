#include "mapreduce/task/held_descriptors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <new>

#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "mapreduce/engine/attempt_failure.h"

namespace quern::mr {

namespace {

using Noted = std::atomic<uint32_t>;
static_assert(Noted::is_always_lock_free);

Noted* SharedWord() {
  void* const page =
      mmap(nullptr, sizeof(Noted), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::bad_alloc();
  return new (page) Noted(0);
}

// Whatever the engine opens closes on exec. What a program was started with does not, nor most of
// what user code puts in its place. Where that does as well (freopen with "e", dup3), it can be
// printed to and is no socket; and files that the engine writes never have these numbers
// (common/storage/file_io.cc).
bool IsStream(int fd) {
  const int flags = fcntl(fd, F_GETFD);
  if (flags < 0) return false;
  if ((flags & FD_CLOEXEC) == 0) return true;
  struct stat file {};
  if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY || fstat(fd, &file) != 0) return false;
  return S_ISREG(file.st_mode) || S_ISCHR(file.st_mode) || S_ISFIFO(file.st_mode);
}

// Whose aborts are looked into.
std::atomic<const HeldDescriptors*> watched_for_aborts;

}  // namespace

HeldDescriptors::HeldDescriptors() : noted_(SharedWord()) {}

HeldDescriptors::~HeldDescriptors() {
  const HeldDescriptors* self = this;
  if (watched_for_aborts.compare_exchange_strong(self, nullptr)) std::signal(SIGABRT, SIG_DFL);
  munmap(noted_, sizeof(Noted));
}

void HeldDescriptors::Add(ClosedDescriptor kind, int fd) {
  held_.push_back({kind, fd, DescriptorIdentity::Of(fd)});
}

void HeldDescriptors::WatchAborts() {
  process_ = getpid();
  watched_for_aborts = this;
  struct sigaction action = {};
  action.sa_handler = OnAbort;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(SIGABRT, &action, nullptr);
}

// The signal comes once more when this returns, and ends the process.
void HeldDescriptors::OnAbort(int number) {
  const HeldDescriptors* const held = watched_for_aborts;
  // A child that user code has forked is not what anybody waits for.
  if (held != nullptr && held->process_ == getpid() && held->CutOff() != 0) {
    held->Note(held->Closed());
  }
  raise(number);
}

uint32_t HeldDescriptors::CutOff() const {
  uint32_t closed = 0;
  for (const Held& one : held_) {
    if (DescriptorIdentity::Of(one.fd) != one.identity) closed |= one.kind;
  }
  return closed;
}

uint32_t HeldDescriptors::Closed() const {
  uint32_t closed = CutOff();
  if (!IsStream(STDOUT_FILENO)) closed |= kClosedStdout;
  if (!IsStream(STDERR_FILENO)) closed |= kClosedStderr;
  return closed;
}

void HeldDescriptors::Note(uint32_t closed) const {
  if (closed == 0) return;
  noted_->store(closed);
  if (RecordPositionWriter* const page = page_.load()) page->SetClosed(closed);
}

void HeldDescriptors::EndIfClosed(RecordPositionWriter* task) const {
  const uint32_t closed = Closed();
  if (closed == 0) return;
  if (task != nullptr) task->SetClosed(closed);
  End(closed);
}

void HeldDescriptors::EndIfCutOff() const {
  if (CutOff() != 0) End(Closed());
}

void HeldDescriptors::End(uint32_t closed) const {
  Note(closed);
  // What has the number of stdout now is not where it belongs.
  if ((closed & kClosedStdout) == 0) std::fflush(stdout);
  if (speaks_ && (closed & kClosedStderr) == 0) {
    Err().Format("quern-task: {}\n", ClosedText(closed));
    Err().Flush().IgnoreError();
  }
  _exit(kExitFailed);
}

}  // namespace quern::mr
