// The standard health service (grpc.health.v1.Health) as two bulk methods.
//
// gRPC's own implementation is not used: it runs on the callback API, whose extra polling threads
// take the events of bulk streams away from the threads that wait for them.
#pragma once

#include <vector>

#include "common/mutex.h"
#include "common/rpc/bulk.h"

namespace quern::rpc {

// Thread-safe.
class Health {
 public:
  // Check answers at once; Watch sends the state now and then whenever it changes.
  std::vector<BulkMethod> Methods();
  void SetServing(bool serving);

 private:
  grpc::ByteBuffer Response();
  void Watch(BulkLoop* loop, BulkStream* stream);

  Mutex mutex_;
  bool serving_ ABSL_GUARDED_BY(mutex_) = true;
  std::vector<BulkLoop*> watchers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::rpc
