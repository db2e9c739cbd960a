// Carries out forced seals, and tells servers of every seal.
//
// SEALING(n) is in the log before the first Fence leaves, SEALED(length, crc) before the first
// Finalize: whatever dies in between, a later attempt asks latched replicas and comes to the same
// end. One attempt per chunk runs at a time; others wait for its outcome.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/time/time.h>

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/status.h"
#include "common/thread.h"
#include "master/logic/seal_planner.h"
#include "master/service/cluster_state.h"
#include "master/service/committer.h"
#include "master/service/options.h"
#include "master/service/order_dispatcher.h"

namespace quern::master {

// Thread-safe.
class ChunkSealer {
 public:
  struct Complaint {
    std::string reason;
    // What the complaining writer was acknowledged, and who it is; none and 0 when nobody
    // complains.
    std::optional<uint64_t> acked_offset = std::nullopt;
    uint64_t producer = 0;
  };

  ChunkSealer(const MasterOptions& options, ClusterState* state, Committer* committer,
              OrderDispatcher* orders, Clock* clock);
  // Stops the background seals and waits for those under way.
  ~ChunkSealer();

  // Seals the chunk if it is not sealed yet; the row says how. Unavailable: too few replicas can be
  // asked at present; the chunk stays SEALING and is tried again when one of its servers returns.
  absl::StatusOr<pb::ChunkRow> Seal(ChunkId chunk, const Complaint& complaint);
  // The same in the background, unless it is sealed by then.
  void SealLater(ChunkId chunk, absl::Duration delay, std::string_view reason);
  // SEALED is in the log: tells all servers that hold a replica.
  void BroadcastFinalize(ChunkId chunk) { BroadcastFinalize(std::span(&chunk, 1)); }
  // The same within some milliseconds, together with others: nobody waits for it. Who reads the
  // chunk before its replicas have heard of the seal says how it was sealed.
  void FinalizeSoon(ChunkId chunk);

 private:
  absl::StatusOr<pb::ChunkRow> SealOnce(ChunkId chunk, const Complaint& complaint);
  absl::StatusOr<pb::ChunkRow> ReadRow(ChunkId chunk) const;
  struct Question {
    uint32_t attempt = 0;
    uint64_t producer = 0;
    uint64_t prefix_length = 0;
  };
  // One answer per server.
  std::vector<FenceAnswer> AskReplicas(ChunkId chunk, const std::vector<ServerId>& servers,
                                       const Question& question);
  // Asks until a decision is reached, or nobody else answers.
  SealDecision Decide(ChunkId chunk, const pb::ChunkRow& row, const Complaint& complaint);
  // The answer to somebody who comes after the seal.
  absl::StatusOr<pb::ChunkRow> Sealed(ChunkId chunk, pb::ChunkRow row, const Complaint& complaint);
  absl::StatusOr<pb::ChunkRow> AddLastSeq(ChunkId chunk, pb::ChunkRow row, uint64_t producer);
  struct Due {
    ChunkId chunk;
    std::string reason;
  };
  // One message to each server.
  void BroadcastFinalize(std::span<const ChunkId> chunks);
  // The same for those of its chain that hold no replica as far as is known: one that was told as
  // gone may have come back while the chunk could not be sealed.
  void FinalizeUnlisted(ChunkId chunk, const std::vector<ServerId>& chain);
  OrderDispatcher::Item FinalizeItem(const ChunkInfo& chunk);
  void RunFinalizer();
  // Waits for a put-off seal whose time has come; nullopt at the end.
  std::optional<Due> TakeDue();
  void RunBackground();

  const MasterOptions& options_;
  ClusterState& state_;
  Committer& committer_;
  OrderDispatcher& orders_;
  Clock& clock_;

  Mutex mutex_;
  CondVar changed_;
  absl::flat_hash_set<ChunkId> running_ ABSL_GUARDED_BY(mutex_);
  struct Waiting {
    absl::Time not_before;
    std::string reason;
  };
  // Each small file passes through here, for the time between its latch and its seal.
  absl::flat_hash_map<ChunkId, Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<absl::Time, ChunkId>> due_ ABSL_GUARDED_BY(mutex_);
  // One background thread waits for the time of the first one, the others for their turn to do so.
  bool somebody_waits_ ABSL_GUARDED_BY(mutex_) = false;
  CondVar first_changed_;
  CondVar turn_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<ChunkId> to_finalize_ ABSL_GUARDED_BY(mutex_);
  CondVar finalizer_;
  std::vector<Thread> threads_;
};

}  // namespace quern::master
