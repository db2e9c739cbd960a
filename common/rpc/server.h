// The only maker of gRPC servers: limits, health service, reflection, one port per server.
#pragma once

#include <absl/time/time.h>

#include <memory>
#include <string>
#include <vector>

#include "common/host_port.h"
#include "common/rpc/bulk.h"
#include "common/rpc/session_server.h"
#include "common/status.h"

namespace grpc {
class Service;
}

namespace quern::rpc {

class AsyncMethod;

struct ServerOptions {
  // HOST:PORT; port 0 = any free one. Beyond loopback only with insecure_network.
  std::string listen = "127.0.0.1:0";
  // The operator says that the network is private.
  bool insecure_network = false;
  // Threads that serve session streams, any number of them.
  int session_threads = 1;
  // Bulk streams at once, each of which takes a thread; more are refused.
  int max_bulk_streams = 512;
  // Unary calls (and synchronous streams) at once; more are refused with ResourceExhausted.
  int max_unary_threads = 1024;
  // Calls its own port now and then and ends the process when it does not answer three times: after
  // a burst that used up the file descriptors gRPC's listener can stay deaf for good.
  bool watchdog = true;
};

// Thread-safe after Start.
class Server {
 public:
  // Services and asynchronous methods are borrowed and must outlive the server. InvalidArgument for
  // a bad or forbidden address, Unavailable when the port is taken.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerOptions& options, std::vector<grpc::Service*> services,
      std::vector<BulkMethod> bulk_methods, std::vector<AsyncMethod*> async_methods = {},
      std::vector<SessionMethod> session_methods = {});
  ~Server();

  // The port that is listened on.
  int port() const;
  // HOST:PORT with the real port.
  const std::string& address() const;
  // What the standard health service answers; true after Start.
  void SetServing(bool serving);
  // Stops accepting, tells bulk handlers (kStopping), gives calls under way until `grace` to end,
  // cancels the rest, joins all threads; asynchronous calls must still be answered. Later calls do
  // nothing.
  void Shutdown(absl::Duration grace);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace quern::rpc
