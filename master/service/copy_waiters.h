// Requests that wait until the sealed chunks of a file have enough copies on disks: Complete, and
// Sync after a forced seal. No thread waits with them; one looks at those that wait whenever
// something has changed.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/ids.h"
#include "common/mutex.h"
#include "common/status.h"
#include "master/service/background_task.h"

namespace quern::master {

class Master;

// Thread-safe.
class CopyWaiters {
 public:
  explicit CopyWaiters(Master* master);
  // Answers those that still wait with Unavailable.
  ~CopyWaiters();

  struct Request {
    InodeId inode;
    std::string writer_token;
    absl::Time deadline;  // on the clock of the master, monotonic
    // Called once, by the thread that looks: OK when every chunk has its copies. Unavailable: not
    // in time.
    std::function<void(const absl::Status&)> done;
  };
  // Beyond `kMaxWaiting` it is answered with ResourceExhausted at once.
  void Add(Request request);
  // Something has changed.
  void Wake() { task_->Wake(); }
  // All are answered with Unavailable, those that wait soon and later ones at once.
  void Stop();

 private:
  struct Waiter {
    Request request;
    // From then on, replicas that are still to become durable are replaced.
    absl::Time end_of_patience;
    std::string name;
    uint32_t replication = 0;
    std::vector<ChunkId> chunks;
    size_t next = 0;  // those before it have their copies
  };
  absl::Duration Work();
  // From the rows: what it waits for.
  absl::Status ReadFile(Waiter* waiter) const;
  // OK when it need not wait any more, Cancelled to go on waiting. Lets others have the lock of the
  // state in between: a file may have hundreds of thousands of chunks.
  absl::Status Look(Waiter* waiter, absl::Time now) const;
  // At a slice of its chunks. OK when these have their copies.
  absl::Status LookAtSome(Waiter* waiter, absl::Time now) const;

  static constexpr size_t kMaxWaiting = 100'000;
  Master& master_;
  Mutex mutex_;
  std::vector<Request> arrived_ ABSL_GUARDED_BY(mutex_);
  size_t waiting_count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Waiter> waiters_;  // of the task
  std::unique_ptr<BackgroundTask> task_;
};

}  // namespace quern::master
