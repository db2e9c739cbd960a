// What each order of the master does to the store.
#pragma once

#include "chunkserver/service/chunk_copier.h"
#include "chunkserver/service/services.h"
#include "quern/dfs/v1/cluster.pb.h"

namespace quern::chunkserver {

// Thread-safe. Whether the master may be obeyed has been checked before (Session).
class OrderExecutor {
 public:
  explicit OrderExecutor(const Services& services) : services_(services), copier_(services) {}

  // Carries the order out. Everything that the result says is durable.
  dfs::v1::ServerMessage::OrderResult Execute(const dfs::v1::Order& order);
  // Makes long orders fail soon.
  void Stop() { copier_.Stop(); }

 private:
  using Result = dfs::v1::ServerMessage::OrderResult;
  absl::Status Dispatch(const dfs::v1::Order& order, Result* result);
  absl::Status Create(const dfs::v1::Order::Create& order, Result* result);
  absl::Status NotHere(ChunkId chunk) const;
  absl::Status Fence(const dfs::v1::Order::Fence& order, Result* result);
  absl::Status Finalize(const dfs::v1::Order::Finalize& order, Result* result);
  absl::Status Copy(const dfs::v1::Order::Copy& order, Result* result);
  absl::Status Delete(const dfs::v1::Order::Delete& order);
  absl::Status Verify(const dfs::v1::Order::Verify& order, Result* result);
  absl::Status Quarantine(const dfs::v1::Order::Quarantine& order, Result* result);

  const Services& services_;
  ChunkCopier copier_;
};

}  // namespace quern::chunkserver
