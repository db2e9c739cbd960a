// Tells followers of logs when there is something new to read.
//
// A log is a file that a task process writes. The kernel says when it changes (inotify), so nobody
// looks at it in vain; where the kernel has no more watches to give, followers look now and then.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "common/fd.h"
#include "common/mutex.h"
#include "common/thread.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

class RunningLogs {
 public:
  RunningLogs();
  ~RunningLogs();

  // An attempt runs from Started to Ended; its log is complete after that. Opened: its log is
  // there, perhaps in the place of another one. Each wakes the followers of the attempt.
  void Started(const pb::AttemptId& id);
  void Opened(const pb::AttemptId& id);
  void Ended(const pb::AttemptId& id);
  bool Runs(const pb::AttemptId& id) const;

  // While it lives, `wake` is called after every change, on any thread. It must not call back.
  class Follower {
   public:
    Follower(RunningLogs* logs, const pb::AttemptId& id, std::function<void()> wake);
    ~Follower();
    Follower(const Follower&) = delete;
    // Changes of this file count too; it replaces the file of the last call.
    void WatchFile(const std::string& path);

   private:
    RunningLogs* const logs_;
    const uint64_t number_;
  };

 private:
  static constexpr int kNoWatch = -1;
  struct Following {
    std::string attempt;  // AttemptKey
    std::function<void()> wake;
    int watch = kNoWatch;  // of inotify: one per file, whoever follows it
  };

  uint64_t Add(const pb::AttemptId& id, std::function<void()> wake);
  void Remove(uint64_t number);
  void Watch(uint64_t number, const std::string& path);
  void DropWatch(Following* following) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WakeFollowers(const std::string& attempt) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Listen();
  void OnChange(int watch, bool gone);

  const UniqueFd inotify_;
  const UniqueFd stop_;  // an eventfd
  mutable Mutex mutex_;
  std::set<std::string> running_ ABSL_GUARDED_BY(mutex_);  // by AttemptKey
  uint64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Following> followers_ ABSL_GUARDED_BY(mutex_);
  Thread listener_;
};

}  // namespace quern::mr
