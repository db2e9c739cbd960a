// The chunkserver's session with the master: registers, sends heartbeats and every change at once,
// takes orders, sends their results. Reconnects for ever, with backoff, logged once.
//
// Before anything is obeyed: the cluster must be ours, and the master must know all that has been
// seen here (OrderGuard). A disk has this in its log before an order changes anything on it.
//
// The session's thread waits for no disk: a disk that hangs must not cost the server its heartbeat.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chunkserver/logic/order_guard.h"
#include "chunkserver/service/disk_keeper.h"
#include "chunkserver/service/order_executor.h"
#include "chunkserver/service/order_queue.h"
#include "chunkserver/service/order_results.h"
#include "chunkserver/service/services.h"
#include "common/mutex.h"
#include "common/rpc/session_client.h"
#include "quern/dfs/v1/cluster.pb.h"

namespace quern::chunkserver {

namespace pb = quern::dfs::v1;

// Thread-safe.
class Session : private rpc::SessionClient::Handler {
 public:
  struct Self {
    std::string address;       // HOST:PORT of the data plane, as others reach it
    std::string http_address;  // of the pages
    std::string node;
    std::string rack;
  };
  explicit Session(const Services& services);
  ~Session() override;

  void Start(Self self);
  void Stop();

  struct State {
    bool admitted = false;
    ServerId server;
    std::string cluster_id;
    uint64_t term = 0;
    std::string master;       // HOST:PORT of its RPC
    std::string master_http;  // of its pages
    std::string trouble;      // why there is no session
    size_t orders = 0;        // waiting or under way
  };
  State state() const;

 private:
  // --- By the session's thread.
  rpc::SessionClient::Target Connect() override;
  void Register(rpc::BulkStream* stream) override;
  absl::Status OnMessage(rpc::BulkStream* stream, const grpc::ByteBuffer& buffer) override;
  // With the changes that could wait.
  void SendHeartbeat(rpc::BulkStream* stream) override;
  // Pressing changes as extra heartbeats, and an inventory that was asked for, page by page.
  absl::StatusOr<bool> SendNews(rpc::BulkStream* stream) override;
  void Collect(rpc::Outbox* outbox) override;
  void OnEnd() override;

  absl::Status OnAdmitted(const pb::MasterMessage::Admitted& admitted);
  // Replicas whose removal an ended session ordered and has not come to its end: a master that
  // counted on them would remove others in their place.
  void WithholdLeaving();
  void TellStayed();
  void OnOrder(pb::Order order);
  absl::Status Obey(const pb::Order& order);
  absl::Status OnProgress(uint64_t log_index);
  void Remember();

  void StartInventory(const pb::MasterMessage::InventoryWanted& wanted);
  void SendInventoryPage(rpc::BulkStream* stream);
  void SendHeartbeat(rpc::BulkStream* stream, const std::vector<ReplicaReport>& changes);
  void AddDigests(pb::ServerMessage::Heartbeat* heartbeat);

  const Services& services_;
  Self self_;  // set before the thread starts
  OrderExecutor executor_;
  OrderQueue queue_;
  DiskKeeper keeper_;

  // Used by the session's thread only.
  OrderGuard guard_;
  bool tried_ = false;
  uint64_t heartbeat_seq_ = 0;
  // An inventory that is being listed; its first page says the buckets.
  struct Listing {
    pb::ServerMessage::Inventory page;
    std::vector<std::shared_ptr<Replica>> left;  // taken from the end
  };
  std::optional<Listing> listing_;
  absl::flat_hash_map<ChunkId, std::shared_ptr<Replica>> withheld_;
  // Of the present session.
  std::shared_ptr<OrderResults> results_;
  bool digests_wanted_ = false;

  mutable Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_);

  rpc::SessionClient client_;
};

}  // namespace quern::chunkserver
