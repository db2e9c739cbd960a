// One chunkserver's session: admits it, takes in its reports, carries orders to it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/status.h"
#include "master/service/cluster_state.h"
#include "master/service/committer.h"
#include "master/service/options.h"
#include "master/service/order_dispatcher.h"
#include "master/service/replica_reports.h"

namespace quern::rpc {
class BulkLoop;
class BulkStream;
}  // namespace quern::rpc

namespace quern::master {

// Thread-safe: Run is called by one thread per session.
class SessionHandler {
 public:
  struct Identity {
    std::string cluster_id;
    uint64_t term = 0;
    std::string http_address;
  };
  SessionHandler(const MasterOptions& options, Identity identity, ClusterState* state,
                 Committer* committer, OrderDispatcher* orders, ReplicaReports* reports,
                 Clock* clock)
      : options_(options),
        identity_(std::move(identity)),
        state_(*state),
        committer_(*committer),
        orders_(*orders),
        reports_(*reports),
        clock_(*clock) {}

  // The handler of /quern.dfs.v1.Cluster/Session.
  void Run(rpc::BulkLoop* loop, rpc::BulkStream* stream);

 private:
  class Pipe;
  struct Progress;
  absl::Status Serve(rpc::BulkLoop* loop, rpc::BulkStream* stream, Progress* progress);
  absl::Status OnMessage(const pb::ServerMessage& message, Progress* progress);
  absl::Status OnRegister(const pb::ServerMessage::Register& registration, Progress* progress);
  absl::Status CheckAllegiance(const pb::ServerMessage::Register& registration) const;
  // The durable id of a server: given at its first registration.
  absl::StatusOr<ServerId> IdOf(const pb::ServerMessage::Register& registration);
  absl::Status OnHeartbeat(const pb::ServerMessage::Heartbeat& heartbeat, Progress* progress);
  void OnInventory(const pb::ServerMessage::Inventory& inventory, Progress* progress);

  const MasterOptions& options_;
  const Identity identity_;
  ClusterState& state_;
  Committer& committer_;
  OrderDispatcher& orders_;
  ReplicaReports& reports_;
  Clock& clock_;
};

}  // namespace quern::master
