// The standard health service (grpc.health.v1.Health) as two session methods.
//
// gRPC's own implementation is not used: it runs on the callback API, whose extra polling threads
// take the events of bulk streams away from the threads that wait for them.
#pragma once

#include <memory>
#include <vector>

#include "common/mutex.h"
#include "common/rpc/session_server.h"

namespace quern::rpc {

// Thread-safe.
class Health {
 public:
  // Check answers at once; Watch sends the state now and whenever it changes.
  std::vector<SessionMethod> Methods();
  void SetServing(bool serving);

 private:
  class OneRequest;
  class Check;
  class Watch;
  static grpc::ByteBuffer Response(bool serving);
  void AddWatcher(std::shared_ptr<SessionStream> watcher);
  void RemoveWatcher(const std::shared_ptr<SessionStream>& watcher);

  Mutex mutex_;
  bool serving_ ABSL_GUARDED_BY(mutex_) = true;
  std::vector<std::shared_ptr<SessionStream>> watchers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::rpc
