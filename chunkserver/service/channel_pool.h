// Connections to other chunkservers for bulk streams: one stream per connection, so that no stream
// waits for another and each is served by the thread of its own loop; kept for the next stream.
// Chunks that come whole are small and many: their streams share one connection to each server.
#pragma once

#include <grpcpp/channel.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/rpc/channel.h"

namespace quern::chunkserver {

// Thread-safe.
class ChannelPool {
 public:
  std::shared_ptr<grpc::Channel> Acquire(const std::string& address);
  // Only of a channel whose stream ended well.
  void Release(const std::string& address, std::shared_ptr<grpc::Channel> channel);

  // For one stream, as long as the result lives; another one when one has as many as it takes.
  std::shared_ptr<grpc::Channel> Share(const std::string& address);
  // A shared one is in trouble: the next to ask gets another.
  void Forget(const std::string& address);

 private:
  Mutex mutex_;
  std::map<std::string, std::vector<std::shared_ptr<grpc::Channel>>> idle_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, rpc::SharedChannels> shared_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::chunkserver
