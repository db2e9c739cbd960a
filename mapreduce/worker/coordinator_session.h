// The worker's session with the coordinator: one stream, opened again for ever.
//
// Reports are pushed as they happen. Those that a broken session swallows are not lost: the next
// registration says everything that matters anew.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/rpc/bulk.h"
#include "common/thread.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

class CoordinatorSession {
 public:
  struct Handlers {
    // Called by the session's thread.
    std::function<v1::WorkerMessage::Register()> make_register;
    // Another cluster's coordinator answered than the one before: true drops the session, to
    // register again without what was cleared away.
    std::function<bool(const v1::CoordinatorMessage::Admitted&)> admitted;
    std::function<void(const v1::WorkerOrder&)> order;
  };

  // HOST:PORTs; they are tried in turn.
  CoordinatorSession(std::vector<std::string> addresses, Handlers handlers);
  ~CoordinatorSession() { Shutdown(); }

  void Start();
  void Shutdown();
  // Any thread. Dropped while there is no session.
  void Send(v1::WorkerMessage message);
  bool connected() const;

 private:
  void Run();
  absl::Status RunOnce(const std::string& address);
  absl::Status Serve(rpc::BulkStream* stream);
  absl::Status OnMessage(const v1::CoordinatorMessage& message);
  void SendQueued(rpc::BulkStream* stream);
  bool stopping() const;

  const std::vector<std::string> addresses_;
  const Handlers handlers_;
  rpc::BulkLoop loop_;
  Thread thread_;
  // Of the session's thread.
  std::string cluster_id_;
  uint64_t term_ = 0;
  bool admitted_ = false;

  mutable Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  bool connected_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<v1::WorkerMessage> queue_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::mr
