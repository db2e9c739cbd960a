// The gRPC face of the master: hands each call to its handler in rpc/, counts and times it.
#pragma once

#include <memory>
#include <vector>

#include "common/metrics.h"
#include "common/rpc/session_server.h"
#include "master/service/master.h"
#include "master/service/session_handler.h"

namespace grpc {
class Service;
}
namespace quern::rpc {
class AsyncMethod;
}

namespace quern::master {

class MasterServices {
 public:
  // All must outlive it.
  MasterServices(Master* master, SessionHandler* sessions, Metrics* metrics);
  ~MasterServices();

  // For rpc::Server::Start.
  std::vector<grpc::Service*> services();
  std::vector<rpc::SessionMethod> session_methods();
  std::vector<rpc::AsyncMethod*> async_methods();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quern::master
