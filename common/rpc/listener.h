// Takes the connections of a server and hands them to gRPC.
//
// gRPC's own listener ends for good with the first accept() that fails, as it does for want of
// descriptors. This one refuses the connection, whose client tries again, and goes on.
#pragma once

#include <grpcpp/server_builder.h>
#include <netdb.h>

#include <memory>
#include <vector>

#include "common/fd.h"
#include "common/host_port.h"
#include "common/status.h"
#include "common/thread.h"

namespace quern::rpc {

class Listener {
 public:
  using Acceptor = grpc::experimental::ExternalConnectionAcceptor;

  // Listens at every address that the name stands for; with port 0 at one free port. Connections
  // wait until Start. Unavailable when the port is taken or the address is not of this machine.
  static absl::StatusOr<std::unique_ptr<Listener>> Open(const HostPort& at);
  // Takes no connections any more and frees the port; connections that it took live on.
  ~Listener();

  int port() const { return port_; }
  // After the server has started.
  void Start(std::unique_ptr<Acceptor> acceptor);

 private:
  Listener() = default;
  // The port that it got.
  absl::StatusOr<int> Bind(const addrinfo& address, int port);
  void Run();
  // False when there is none, or it had to be refused.
  bool AcceptOne(int socket);
  // With the one descriptor that is kept for this.
  void RefuseOne(int socket);
  // False when it is time to stop.
  bool AwaitConnections();

  int port_ = 0;
  std::vector<UniqueFd> sockets_;
  UniqueFd stop_;
  UniqueFd reserve_;
  std::unique_ptr<Acceptor> acceptor_;
  Thread thread_;
};

}  // namespace quern::rpc
