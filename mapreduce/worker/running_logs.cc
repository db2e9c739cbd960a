#include "mapreduce/worker/running_logs.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/log.h"
#include "common/status.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {

RunningLogs::RunningLogs()
    : inotify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)), stop_(eventfd(0, EFD_CLOEXEC)) {
  if (!inotify_ || !stop_) {
    LogWarning("logs_not_watched", {{"status", ErrnoStatus(errno, "inotify")}});
    return;
  }
  listener_ = Thread("log-watch", [this] { Listen(); });
}

RunningLogs::~RunningLogs() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(stop_.get(), &one, sizeof(one));
  listener_.Join();
}

void RunningLogs::Started(const pb::AttemptId& id) {
  MutexLock lock(&mutex_);
  running_.insert(AttemptKey(id));
  WakeFollowers(AttemptKey(id));
}

void RunningLogs::Opened(const pb::AttemptId& id) {
  MutexLock lock(&mutex_);
  WakeFollowers(AttemptKey(id));
}

void RunningLogs::Ended(const pb::AttemptId& id) {
  MutexLock lock(&mutex_);
  running_.erase(AttemptKey(id));
  WakeFollowers(AttemptKey(id));
}

bool RunningLogs::Runs(const pb::AttemptId& id) const {
  MutexLock lock(&mutex_);
  return running_.contains(AttemptKey(id));
}

void RunningLogs::WakeFollowers(const std::string& attempt) {
  for (const auto& [number, following] : followers_) {
    if (following.attempt == attempt) following.wake();
  }
}

RunningLogs::Follower::Follower(RunningLogs* logs, const pb::AttemptId& id,
                                std::function<void()> wake)
    : logs_(logs), number_(logs->Add(id, std::move(wake))) {}

RunningLogs::Follower::~Follower() { logs_->Remove(number_); }

void RunningLogs::Follower::WatchFile(const std::string& path) { logs_->Watch(number_, path); }

uint64_t RunningLogs::Add(const pb::AttemptId& id, std::function<void()> wake) {
  MutexLock lock(&mutex_);
  followers_[++last_number_] = {AttemptKey(id), std::move(wake)};
  return last_number_;
}

void RunningLogs::Remove(uint64_t number) {
  MutexLock lock(&mutex_);
  DropWatch(&followers_.at(number));
  followers_.erase(number);
}

void RunningLogs::Watch(uint64_t number, const std::string& path) {
  MutexLock lock(&mutex_);
  Following& following = followers_.at(number);
  const int before = following.watch;
  const int watch =
      inotify_ ? inotify_add_watch(inotify_.get(), path.c_str(), IN_MODIFY | IN_DELETE_SELF)
               : kNoWatch;
  if (watch != before) DropWatch(&following);
  following.watch = watch;
}

// The kernel's watch goes with its last follower.
void RunningLogs::DropWatch(Following* following) {
  const int watch = std::exchange(following->watch, kNoWatch);
  if (watch == kNoWatch) return;
  const bool others = std::any_of(followers_.begin(), followers_.end(),
                                  [&](const auto& other) { return other.second.watch == watch; });
  if (!others) inotify_rm_watch(inotify_.get(), watch);
}

void RunningLogs::Listen() {
  alignas(inotify_event) char buffer[16 << 10];
  while (true) {
    pollfd fds[2] = {{inotify_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    const ssize_t bytes = read(inotify_.get(), buffer, sizeof(buffer));
    for (ssize_t at = 0; at < bytes;) {
      inotify_event event;
      std::memcpy(&event, buffer + at, sizeof(event));
      OnChange(event.wd, (event.mask & IN_IGNORED) != 0);
      at += static_cast<ssize_t>(sizeof(event)) + event.len;
    }
  }
}

void RunningLogs::OnChange(int watch, bool gone) {
  MutexLock lock(&mutex_);
  for (auto& [number, following] : followers_) {
    // -1 comes with an overflow: everybody may have missed something.
    if (watch >= 0 && following.watch != watch) continue;
    if (gone) following.watch = kNoWatch;
    following.wake();
  }
}

}  // namespace quern::mr
