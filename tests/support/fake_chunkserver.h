// A chunkserver for tests of the master: a real session over gRPC, replicas that are only numbers.
// It does what it is ordered at once; a test can make it answer otherwise, or not at all.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/ids.h"
#include "common/master_history.h"
#include "common/mutex.h"
#include "common/status.h"
#include "common/thread.h"
#include "quern/dfs/v1/cluster.pb.h"

namespace quern {

namespace pb = quern::dfs::v1;

// The CRC that every fake replica of this length has, so that replicas agree where they should.
inline uint32_t FakeCrc(uint64_t length) { return static_cast<uint32_t>(length * 2654435761u + 7); }

// Thread-safe.
class FakeChunkserver {
 public:
  using Order = pb::Order;
  using Result = pb::ServerMessage::OrderResult;

  struct Options {
    std::string master;  // HOST:PORT
    std::string node;    // also the base of uuid and address
    std::string rack = "/r";
    std::string cluster_id{};   // claimed at the registration
    FollowedMaster followed{};  // claimed at the first registration
    uint64_t free_bytes = uint64_t{100} << 30;
    absl::Duration heartbeat = absl::Milliseconds(50);
  };
  explicit FakeChunkserver(const Options& options);
  ~FakeChunkserver();

  // Opens a session and waits for the master's first word. The status of the session when refused.
  absl::Status Connect();
  // The process dies: the session breaks, the replicas stay.
  void Disconnect();
  // Dies and comes back: whatever was open is latched.
  absl::Status Restart();
  // Stops its heartbeats but not its session.
  void Freeze(bool frozen);

  ServerId id();
  std::string address() const { return options_.node + ":1"; }
  const std::string& node() const { return options_.node; }
  void SetMaster(std::string address);
  // Told with the next heartbeat.
  void SetFreeBytes(uint64_t free_bytes);
  // What it will claim to have followed.
  void SetFollowed(const FollowedMaster& followed);
  FollowedMaster followed();

  // The replica; REMOVED when it has none.
  pb::ReplicaReport Replica(ChunkId chunk);
  std::vector<ChunkId> Chunks();
  // Changes a replica without telling; REMOVED drops it.
  void SetReplica(ChunkId chunk, pb::ReplicaState state, uint64_t length);
  // Changes it and tells with the next heartbeat.
  void Report(ChunkId chunk, pb::ReplicaState state, uint64_t length);
  // Tells of a change that is not one. To be called by an override: the caller holds the lock.
  void TellOnly(ChunkId chunk, pb::ReplicaState state,
                uint64_t length) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  // Tells that a replica has been in quarantine for long enough.
  void ReportExpired(ChunkId chunk);
  // The replica's bytes change on the disk; nobody notices before it is verified.
  void Damage(ChunkId chunk);
  // Bytes arrive in an open replica.
  void Append(ChunkId chunk, uint64_t length) { SetReplica(chunk, pb::REPLICA_STATE_OPEN, length); }

  // Asked before each order is carried out: a result to give instead, or nullopt to carry it out.
  // A result with code -1 is not sent at all.
  using Override = std::function<std::optional<Result>(const Order&)>;
  void SetOverride(Override override);
  static Result Silence() {
    Result result;
    result.set_code(-1);
    return result;
  }
  static Result Failure(int code) {
    Result result;
    result.set_code(code);
    return result;
  }
  // All orders received so far.
  std::vector<Order> orders();
  int CountOrders(Order::KindCase kind);

 private:
  struct Session;
  void Read(Session* session);
  void Obey(Session* session, const Order& order) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Beat(Session* session);
  // One heartbeat, with all changes.
  void SendHeartbeat(Session* session) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Result CarryOut(const Order& order) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendInventory(Session* session, const pb::MasterMessage::InventoryWanted& wanted)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  pb::ServerMessage Registration() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  Mutex mutex_;
  CondVar changed_;
  std::string master_ ABSL_GUARDED_BY(mutex_);
  uint64_t free_bytes_ ABSL_GUARDED_BY(mutex_);
  std::map<ChunkId, pb::ReplicaReport> replicas_ ABSL_GUARDED_BY(mutex_);
  std::set<ChunkId> damaged_ ABSL_GUARDED_BY(mutex_);
  std::map<ChunkId, uint64_t> tokens_ ABSL_GUARDED_BY(mutex_);  // of the Creates
  std::vector<pb::ReplicaReport> deltas_ ABSL_GUARDED_BY(mutex_);
  std::vector<Order> orders_ ABSL_GUARDED_BY(mutex_);
  Override override_ ABSL_GUARDED_BY(mutex_);
  uint32_t id_ ABSL_GUARDED_BY(mutex_) = 0;
  bool frozen_ ABSL_GUARDED_BY(mutex_) = false;
  // Whose orders were last carried out.
  FollowedMaster followed_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Session> session_;
};

}  // namespace quern
