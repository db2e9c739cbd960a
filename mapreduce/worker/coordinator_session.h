// The worker's session with the coordinator: one stream, opened again for ever.
//
// Reports are pushed as they happen. Those that a broken session swallows are not lost: the next
// registration says everything that matters anew.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/rpc/session_client.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

class CoordinatorSession : private rpc::SessionClient::Handler {
 public:
  struct Handlers {
    // Called by the session's thread, all of them. A registration of any size.
    std::function<v1::WorkerMessage::Register()> make_register;
    // What it says is true after everything that was sent before.
    std::function<v1::WorkerMessage::Heartbeat()> make_heartbeat;
    // Called before each heartbeat: what should be said once more.
    std::function<std::vector<v1::WorkerMessage>()> late_reports;
    // Another cluster's coordinator answered than the one before: true drops the session, to
    // register again without what was cleared away.
    std::function<bool(const v1::CoordinatorMessage::Admitted&)> admitted;
    std::function<void(const v1::WorkerOrder&)> order;
    std::function<void(const v1::CoordinatorMessage::Acknowledged&)> acknowledged;
  };

  // HOST:PORTs; they are tried in turn.
  CoordinatorSession(std::vector<std::string> addresses, Handlers handlers);
  ~CoordinatorSession() override { Shutdown(); }

  void Start() { session_.Start(); }
  void Shutdown() { session_.Stop(); }
  // Any thread. Dropped while there is no session, and, with a line in the log, when it is too
  // long: it would end the session, and every one after it.
  void Send(const v1::WorkerMessage& message);
  bool connected() const { return session_.state().admitted; }

 private:
  rpc::SessionClient::Target Connect() override;
  void Register(rpc::BulkStream* stream) override;
  absl::Status OnMessage(rpc::BulkStream* stream, const grpc::ByteBuffer& buffer) override;
  void SendHeartbeat(rpc::BulkStream* stream) override;
  absl::Status OnAdmitted(const v1::CoordinatorMessage::Admitted& admitted);
  void OnOrder(const v1::WorkerOrder& order);

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
