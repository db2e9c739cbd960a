// What each order of the master does to the store.
#pragma once

#include <optional>
#include <vector>

#include "chunkserver/logic/pace.h"
#include "chunkserver/service/chunk_copier.h"
#include "chunkserver/service/order_queue.h"
#include "chunkserver/service/services.h"
#include "common/mutex.h"
#include "quern/dfs/v1/cluster.pb.h"

namespace quern::chunkserver {

// Thread-safe. Whether the master may be obeyed has been checked before (Session).
class OrderExecutor {
 public:
  explicit OrderExecutor(const Services& services);

  // The disk that the order will work on, with the room that it takes. None: there is no such
  // replica here, no room, or the disk hangs. Waits for nothing.
  OrderQueue::Place Route(const dfs::v1::Order& order);
  // Carries the order out on this disk, after the mark of its master has been written there;
  // without a disk it says why not. Everything that the result says is durable.
  dfs::v1::ServerMessage::OrderResult Execute(const dfs::v1::Order& order,
                                              std::optional<size_t> disk);
  // Makes long orders fail soon.
  void Stop();

 private:
  using Result = dfs::v1::ServerMessage::OrderResult;
  absl::Status PauseUnlessStopping(absl::Duration pause);
  absl::Status WithoutDisk(const dfs::v1::Order& order, Result* result);
  absl::Status Dispatch(const dfs::v1::Order& order, size_t disk, Result* result);
  absl::Status Create(const dfs::v1::Order::Create& order, size_t disk, Result* result);
  absl::Status Fence(const dfs::v1::Order::Fence& order, Result* result);
  absl::Status Finalize(const dfs::v1::Order::Finalize& order, Result* result);
  absl::Status Copy(const dfs::v1::Order::Copy& order, size_t disk, Result* result);
  absl::Status Delete(const dfs::v1::Order::Delete& order);
  absl::Status Verify(const dfs::v1::Order::Verify& order, size_t disk, Result* result);
  absl::Status Quarantine(const dfs::v1::Order::Quarantine& order, Result* result);

  const Services& services_;
  ChunkCopier copier_;
  // By disk; used by the one thread of each disk that verifies.
  std::vector<Pace> paces_;

  Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace quern::chunkserver
