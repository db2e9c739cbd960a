// The chunkserver's session with the master: registers, sends heartbeats and every change at once,
// takes orders, sends their results. Reconnects for ever, with backoff, logged once.
//
// Before anything is obeyed: the cluster must be ours, and the master must know all that has been
// seen here (OrderGuard); what was seen is made durable before an order goes to the queue.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "chunkserver/logic/order_guard.h"
#include "chunkserver/service/order_executor.h"
#include "chunkserver/service/order_queue.h"
#include "chunkserver/service/services.h"
#include "common/mutex.h"
#include "common/rpc/bulk.h"
#include "common/thread.h"
#include "quern/dfs/v1/cluster.pb.h"

namespace quern::chunkserver {

// Thread-safe.
class Session {
 public:
  struct Self {
    std::string address;       // HOST:PORT of the data plane, as others reach it
    std::string http_address;  // of the pages
    std::string node;
    std::string rack;
  };
  explicit Session(const Services& services);
  ~Session();

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
  using OrderResult = dfs::v1::ServerMessage::OrderResult;

  void Run();
  // One session, from connecting to its end.
  absl::Status RunOnce();
  absl::Status Serve(rpc::BulkLoop* loop);
  absl::Status OnMessage(rpc::BulkStream* stream, const grpc::ByteBuffer& buffer, bool* admitted);
  absl::Status OnAdmitted(const dfs::v1::MasterMessage::Admitted& admitted);
  void OnOrder(dfs::v1::Order order);
  absl::Status Obey(const dfs::v1::Order& order);
  absl::Status OnProgress(uint64_t log_index);
  absl::Status Follow(uint64_t log_index);

  void SendRegister(rpc::BulkStream* stream);
  void SendInventory(rpc::BulkStream* stream,
                     const dfs::v1::MasterMessage::InventoryWanted& wanted);
  void SendHeartbeat(rpc::BulkStream* stream, const std::vector<ReplicaReport>& changes);
  // Results of orders, and changes as extra heartbeats.
  void SendNews(rpc::BulkStream* stream);

  void AddResult(OrderResult result);
  std::deque<OrderResult> TakeResults();
  void Wake();
  void SetTrouble(const absl::Status& status);
  bool stopping() const;
  bool SleepUnlessStopping(absl::Duration duration);

  const Services& services_;
  Self self_;  // set before the thread starts
  OrderExecutor executor_;
  OrderQueue queue_;

  // Used by the session's thread only.
  OrderGuard guard_;
  uint64_t heartbeat_seq_ = 0;
  absl::Duration heartbeat_every_ = absl::Seconds(1);
  absl::Time next_heartbeat_;

  mutable Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  rpc::BulkLoop* loop_ ABSL_GUARDED_BY(mutex_) = nullptr;  // of the present session
  std::deque<OrderResult> results_ ABSL_GUARDED_BY(mutex_);
  State state_ ABSL_GUARDED_BY(mutex_);

  Thread thread_;
};

}  // namespace quern::chunkserver
