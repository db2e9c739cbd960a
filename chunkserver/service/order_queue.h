// Carries out the master's orders: those of one chunk in the order they came, those of different
// chunks side by side. Copies, which take long, have threads of their own, so that neither they nor
// the fdatasync of a Fence hold up another chunk.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <deque>
#include <functional>
#include <vector>

#include "common/ids.h"
#include "common/mutex.h"
#include "common/status.h"
#include "common/thread.h"
#include "quern/dfs/v1/cluster.pb.h"

namespace quern::chunkserver {

// Thread-safe.
class OrderQueue {
 public:
  struct Options {
    int threads = 8;
    int copy_threads = 2;
    size_t max_waiting = 200'000;
  };
  using Result = dfs::v1::ServerMessage::OrderResult;
  using Execute = std::function<Result(const dfs::v1::Order&)>;
  using Done = std::function<void(Result)>;

  // `execute` runs on the queue's threads.
  OrderQueue(const Options& options, Execute execute);
  ~OrderQueue();

  // `done` gets the result, from one of the queue's threads. ResourceExhausted when too many wait.
  absl::Status Add(dfs::v1::Order order, Done done);
  // Orders that wait or are being carried out.
  size_t size() const;
  // Drops what waits and returns when what is under way has ended.
  void Stop();

 private:
  enum Lane { kQuick, kCopy };
  struct Item {
    dfs::v1::Order order;
    Done done;
  };
  static Lane LaneOf(const dfs::v1::Order& order);
  void Run(Lane lane);
  // Puts the chunk where a thread of the right lane finds its first order.
  void MakeReady(ChunkId chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const Execute execute_;

  mutable Mutex mutex_;
  CondVar changed_;
  // The first order of a chunk is the one that is ready or under way.
  absl::flat_hash_map<ChunkId, std::deque<Item>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::deque<ChunkId> ready_[2] ABSL_GUARDED_BY(mutex_);
  size_t size_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::vector<Thread> threads_;
};

}  // namespace quern::chunkserver
