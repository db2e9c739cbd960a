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

namespace pb = quern::dfs::v1;

// Thread-safe. Whether the master may be obeyed has been checked before (Session).
class OrderExecutor {
 public:
  explicit OrderExecutor(const Services& services);

  // The disk that the order will work on, with the room that it takes. None: there is no such
  // replica here, no room, or the disk hangs. Waits for nothing.
  OrderQueue::Place Route(const pb::Order& order);
  // Carries the order out on this disk, after the mark of its master has been written there;
  // without a disk it says why not. Everything that the result says is durable.
  pb::ServerMessage::OrderResult Execute(const pb::Order& order, std::optional<size_t> disk);
  // Makes long orders fail soon.
  void Stop();

 private:
  using Result = pb::ServerMessage::OrderResult;
  absl::Status PauseUnlessStopping(absl::Duration pause);
  absl::Status WithoutDisk(const pb::Order& order, Result* result);
  absl::Status Dispatch(const pb::Order& order, size_t disk, Result* result);
  absl::Status Create(const pb::Order::Create& order, size_t disk, Result* result);
  absl::Status Fence(const pb::Order::Fence& order, Result* result);
  absl::Status Finalize(const pb::Order::Finalize& order, Result* result);
  absl::Status Copy(const pb::Order::Copy& order, size_t disk, Result* result);
  absl::Status Delete(const pb::Order::Delete& order, size_t disk);
  absl::Status Verify(const pb::Order::Verify& order, size_t disk, Result* result);
  absl::Status Quarantine(const pb::Order::Quarantine& order, Result* result);

  const Services& services_;
  ChunkCopier copier_;
  // By disk; used by the one thread of each disk that verifies.
  std::vector<Pace> paces_;

  Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace quern::chunkserver
