// One chunkserver's session: admits it, takes in its reports, carries orders to it.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/rpc/session_server.h"
#include "common/serial_workers.h"
#include "common/status.h"
#include "master/service/cluster_state.h"
#include "master/service/committer.h"
#include "master/service/options.h"
#include "master/service/order_dispatcher.h"
#include "master/service/replica_reports.h"

namespace quern::master {

// Thread-safe. A registration may take long (a server with millions of replicas, a sync of the
// log), so messages are worked off by a few threads, those of one session in their order, and that
// a server has spoken is noted at once.
class SessionHandler {
 public:
  struct Identity {
    std::string cluster_id;
    std::string http_address;
  };
  // `on_standing` is called when what a server knows, or does not know any more, may halt this
  // master or let it go on.
  SessionHandler(const MasterOptions& options, Identity identity, ClusterState* state,
                 Committer* committer, OrderDispatcher* orders, ReplicaReports* reports,
                 Clock* clock, std::function<void()> on_standing)
      : options_(options),
        identity_(std::move(identity)),
        state_(*state),
        committer_(*committer),
        orders_(*orders),
        reports_(*reports),
        clock_(*clock),
        on_standing_(std::move(on_standing)) {}

  // A stream of /quern.dfs.v1.Cluster/Session begins.
  std::unique_ptr<rpc::SessionReceiver> Open(std::shared_ptr<rpc::SessionStream> stream);
  // When all streams are over: nothing is worked off any more.
  void Stop() { workers_.Stop(); }

 private:
  class Pipe;
  class Session;
  class Receiver;
  struct Progress;
  void OnEnd(const Progress& progress, const absl::Status& status);
  absl::Status OnMessage(const pb::ServerMessage& message, Progress* progress);
  absl::Status OnRegister(const pb::ServerMessage::Register& registration, Progress* progress);
  absl::Status CheckAllegiance(const pb::ServerMessage::Register& registration) const;
  // Which of us knows more?
  absl::Status CheckStanding(const pb::ServerMessage::Register& registration);
  pb::MasterMessage Admission(const pb::ServerMessage::Register& registration, ServerId server);
  void TellProgress(Progress* progress);
  // The durable id of a server: given at its first registration.
  // One registration of a server at a time: two would give a new one two ids. Aborted: there is
  // another, which waits for the disk.
  absl::StatusOr<ServerId> IdOf(const pb::ServerMessage::Register& registration);
  absl::StatusOr<ServerId> FindOrLogId(const pb::ServerMessage::Register& registration);
  absl::Status OnHeartbeat(const pb::ServerMessage::Heartbeat& heartbeat, Progress* progress);
  void OnInventory(const pb::ServerMessage::Inventory& inventory, Progress* progress);
  // Held while a message of a server's session is taken in. A server may open a new session while
  // messages of an old one still wait here: those must not come after the new one's digests.
  std::shared_ptr<Mutex> TurnOf(ServerId server);
  // False when a newer session of the same server has begun.
  bool IsPresent(const Progress& progress);
  // Now and then: does the table still say what the server has?
  void AskForDigests(Progress* progress);
  void CompareDigests(const pb::ServerMessage::Heartbeat& heartbeat, Progress* progress);

  const MasterOptions& options_;
  const Identity identity_;
  ClusterState& state_;
  Committer& committer_;
  OrderDispatcher& orders_;
  ReplicaReports& reports_;
  Clock& clock_;
  const std::function<void()> on_standing_;
  Mutex mutex_;
  absl::flat_hash_map<ServerId, std::shared_ptr<Mutex>> turns_ ABSL_GUARDED_BY(mutex_);
  // Uuids of servers that are being given their ids.
  std::set<std::string> registering_ ABSL_GUARDED_BY(mutex_);
  SerialWorkers workers_{"sessions", 8};
};

}  // namespace quern::master
