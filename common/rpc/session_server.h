// Streams that live long and say little: sessions of servers, watchers of health. A few threads
// serve any number of them; none waits with a stream, as the handlers of bulk streams do.
//
// Each stream belongs to one of the threads for its life: its handler is only called by that one.
// What is to be sent may come from any thread.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/status.h"

namespace grpc {
class ServerBuilder;
}

namespace quern::rpc {

// The sending half. Thread-safe; does nothing once the stream is over.
class SessionStream {
 public:
  virtual ~SessionStream() = default;
  // Queues a message; order is kept. A peer that takes so little that `kMaxUnsentBytes` wait for it
  // has its stream ended.
  virtual void Send(grpc::ByteBuffer message) = 0;
  // Ends the stream with this status after the queued messages; only the first one counts.
  virtual void Finish(const absl::Status& status) = 0;

  static constexpr size_t kMaxUnsentBytes = size_t{64} << 20;
};

// What a server does with one stream. Called by one thread, which serves others too: it must not
// wait for anything slow.
class SessionReceiver {
 public:
  virtual ~SessionReceiver() = default;
  virtual void OnMessage(const grpc::ByteBuffer& message) = 0;
  // The client sends no more. By default that is the end.
  virtual void OnEndOfMessages(SessionStream* stream) { stream->Finish(absl::OkStatus()); }
  // About once a second.
  virtual void OnTick() {}
  // The stream is over, whoever ended it. Called once, as the last.
  virtual void OnOver() = 0;
};

struct SessionMethod {
  std::string name;  // "/package.Service/Method"
  // Streams of this method at once; more are refused with ResourceExhausted.
  int max_streams = 0;
  std::function<std::unique_ptr<SessionReceiver>(std::shared_ptr<SessionStream> stream)> open;
};

class SessionServer {
 public:
  SessionServer(std::vector<SessionMethod> methods, int threads);
  ~SessionServer();

  // Before and after ServerBuilder::BuildAndStart.
  void Register(grpc::ServerBuilder* builder);
  void Start();
  // Before grpc::Server::Shutdown: ends all streams with Unavailable.
  void BeginStop();
  // After it: waits until all are over.
  void Stop();

 private:
  class Service;
  class Handle;
  class Stream;
  class Loop;

  const std::vector<SessionMethod> methods_;
  std::unique_ptr<Service> service_;
  std::vector<std::unique_ptr<Loop>> loops_;
  bool stopped_ = false;
};

}  // namespace quern::rpc
