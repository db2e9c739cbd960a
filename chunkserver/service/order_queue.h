// Carries out the master's orders: those of one chunk in the order they came, those of different
// chunks side by side, each by a thread of the disk that it works on. So a disk that hangs holds up
// its own orders and no others. Copies, which take long, have threads of their own, so that neither
// they nor the fdatasync of a Fence hold up another chunk; replicas are verified one at a time.
//
// An order whose disk hangs, or that no disk can carry out, is answered by a thread that never
// touches a disk.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "common/ids.h"
#include "common/mutex.h"
#include "common/status.h"
#include "common/thread.h"
#include "quern/dfs/v1/cluster.pb.h"

namespace quern::chunkserver {

namespace pb = quern::dfs::v1;

// Thread-safe.
class OrderQueue {
 public:
  struct Options {
    size_t disks = 1;
    // Of each disk.
    int threads = 4;
    int copy_threads = 2;
    size_t max_waiting = 200'000;
  };
  // Where an order is to be carried out; no disk: it can only be answered with an error.
  struct Place {
    std::optional<size_t> disk;
    std::shared_ptr<void> claim;  // kept until the order is done
  };
  using Result = pb::ServerMessage::OrderResult;
  // Asked when the orders of the same chunk before it are done; must not wait for a disk.
  using Route = std::function<Place(const pb::Order&)>;
  using Execute = std::function<Result(const pb::Order&, std::optional<size_t> disk)>;
  using Done = std::function<void(Result)>;

  // `execute` runs on the queue's threads.
  OrderQueue(const Options& options, Route route, Execute execute);
  ~OrderQueue();

  // `done` gets the result, from one of the queue's threads. ResourceExhausted when too many wait.
  absl::Status Add(pb::Order order, Done done);
  // The disk hangs: what waits for one of its threads is answered without it.
  void Abandon(size_t disk);
  // The session of all orders here has ended: those that have not begun are neither carried out nor
  // answered.
  void DropWaiting();
  // Chunks whose Delete has begun and not ended.
  std::vector<ChunkId> Removals() const;
  // Orders that wait or are being carried out.
  size_t size() const;
  // Drops what waits and returns when what is under way has ended.
  void Stop();

 private:
  enum Kind { kQuick, kCopy, kVerify, kKinds };
  struct Item {
    pb::Order order;
    Done done;
    Place place;
    bool begun = false;
  };
  // Chunks whose first order is ready for the threads of one kind of one disk.
  struct Lane {
    std::deque<ChunkId> ready;
    CondVar changed;
  };
  static Kind KindOf(const pb::Order& order);
  size_t LaneOf(const Item& item) const;
  void Run(size_t lane);
  // Puts the chunk where a thread of the right lane finds its first order.
  void MakeReady(ChunkId chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PutInLane(ChunkId chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const Route route_;
  const Execute execute_;

  mutable Mutex mutex_;
  // The first order of a chunk is the one that is ready or under way.
  absl::flat_hash_map<ChunkId, std::deque<Item>> waiting_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<ChunkId> removals_ ABSL_GUARDED_BY(mutex_);
  std::vector<Lane> lanes_ ABSL_GUARDED_BY(mutex_);  // by disk and kind; the last is of no disk
  size_t size_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::vector<Thread> threads_;
};

}  // namespace quern::chunkserver
