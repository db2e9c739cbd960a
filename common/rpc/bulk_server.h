// Accepts bulk streams for a server: every method that no registered service has comes here.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/mutex.h"
#include "common/rpc/bulk.h"

namespace quern::rpc {

// One acceptor thread; one handler thread per stream, kept for the next stream when it ends.
// Streams beyond `max_streams` are refused with ResourceExhausted, unknown methods with Unimplemented.
class BulkServer {
 public:
  BulkServer(std::vector<BulkMethod> methods, int max_streams);
  ~BulkServer();

  // Before and after ServerBuilder::BuildAndStart.
  void Register(grpc::ServerBuilder* builder);
  void Start();
  // After grpc::Server::Shutdown: ends the handlers and waits for them.
  void Stop();

 private:
  struct Incoming;
  void Accept();
  void AcceptLoop();
  void Dispatch(std::unique_ptr<Incoming> incoming);
  void HandlerLoop();
  void Handle(Incoming* incoming);

  const std::vector<BulkMethod> methods_;
  const int max_streams_;
  grpc::AsyncGenericService service_;
  std::unique_ptr<grpc::ServerCompletionQueue> accept_queue_;
  std::thread acceptor_;

  Mutex mutex_;
  CondVar work_;
  std::deque<std::unique_ptr<Incoming>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> handlers_ ABSL_GUARDED_BY(mutex_);
  int idle_handlers_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<Incoming*> active_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace quern::rpc
