// Accepts bulk streams for a server: every method that no registered service has comes here.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server_builder.h>

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/rpc/bulk.h"
#include "common/thread.h"

namespace quern::rpc {

// One acceptor thread; one handler thread per stream, kept for the next stream when it ends.
// Streams beyond `max_streams` are refused with ResourceExhausted, unknown methods with
// Unimplemented.
class BulkServer {
 public:
  BulkServer(std::vector<BulkMethod> methods, int max_streams);
  ~BulkServer();

  // Before and after ServerBuilder::BuildAndStart.
  void Register(grpc::ServerBuilder* builder);
  void Start();
  // Before grpc::Server::Shutdown: tells the handlers (kStopping); new streams are refused.
  void BeginStop();
  // After it: waits for the handlers.
  void Stop();

 private:
  struct Incoming;
  void Accept();
  void AcceptLoop();
  void Dispatch(std::unique_ptr<Incoming> incoming);
  void HandlerLoop();
  // Why the next stream cannot be taken; OK if it can.
  absl::Status CheckRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Handle(Incoming* incoming, const absl::Status& refusal);

  const std::vector<BulkMethod> methods_;
  const int max_streams_;
  grpc::AsyncGenericService service_;
  std::unique_ptr<grpc::ServerCompletionQueue> accept_queue_;
  Thread acceptor_;
  bool stopped_ = false;

  Mutex mutex_;
  CondVar work_;
  std::deque<std::unique_ptr<Incoming>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<Thread> handlers_ ABSL_GUARDED_BY(mutex_);
  int idle_handlers_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<Incoming*> active_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace quern::rpc
