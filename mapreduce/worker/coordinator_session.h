// The worker's session with the coordinator: one stream, opened again for ever.
//
// Reports are pushed as they happen. Those that a broken session swallows are not lost: the next
// registration says everything that matters anew.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/rpc/session_client.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

class CoordinatorSession : private rpc::SessionClient::Handler {
 public:
  struct Handlers {
    // Called by the session's thread, all of them. A registration of any size.
    std::function<pb::WorkerMessage::Register()> make_register;
    // What it says is true after everything that was sent before.
    std::function<pb::WorkerMessage::Heartbeat()> make_heartbeat;
    // Called before each heartbeat: what should be said once more.
    std::function<std::vector<pb::WorkerMessage>()> late_reports;
    // Another cluster's coordinator answered than the one before: true drops the session, to
    // register again without what was cleared away.
    std::function<bool(const pb::CoordinatorMessage::Admitted&)> admitted;
    std::function<void(const pb::WorkerOrder&)> order;
    std::function<void(const pb::CoordinatorMessage::Acknowledged&)> acknowledged;
  };

  // HOST:PORTs; they are tried in turn.
  CoordinatorSession(std::vector<std::string> addresses, Handlers handlers);
  ~CoordinatorSession() override { Shutdown(); }

  void Start() { session_.Start(); }
  void Shutdown() { session_.Stop(); }
  // Any thread. Dropped while there is no session, and, with a line in the log, when it is too
  // long: it would end the session, and every one after it.
  void Send(const pb::WorkerMessage& message);
  bool connected() const { return session_.state().admitted; }

 private:
  rpc::SessionClient::Target Connect() override;
  void Register(rpc::BulkStream* stream) override;
  absl::Status OnMessage(rpc::BulkStream* stream, const grpc::ByteBuffer& buffer) override;
  void SendHeartbeat(rpc::BulkStream* stream) override;
  absl::Status OnAdmitted(const pb::CoordinatorMessage::Admitted& admitted);
  void OnOrder(const pb::WorkerOrder& order);

  const std::vector<std::string> addresses_;
  const Handlers handlers_;
  // Of the session's thread.
  size_t tries_ = 0;
  uint64_t beats_ = 0;
  std::string cluster_id_;
  uint64_t term_ = 0;

  rpc::SessionClient session_;
};

}  // namespace quern::mr
