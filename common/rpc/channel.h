// The only maker of gRPC channels: limits, keep-alive and buffer sizes are set here.
#pragma once

#include <grpcpp/channel.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "common/mutex.h"

namespace quern::rpc {

enum class ChannelKind {
  kControl,  // many small calls over one shared connection
  kBulk,     // a connection of its own, so that a slow reader holds up nobody else
};

// Does not connect yet; calls fail with Unavailable while nobody listens at `address` (HOST:PORT).
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, ChannelKind kind);

// Keeps one channel per address and kind. Thread-safe.
class ChannelCache {
 public:
  std::shared_ptr<grpc::Channel> Get(const std::string& address, ChannelKind kind);
  // Forgets the channels of an address whose server is gone, so that the next Get reconnects at
  // once instead of after gRPC's back-off.
  void Forget(const std::string& address);

 private:
  Mutex mutex_;
  std::map<std::pair<std::string, ChannelKind>, std::shared_ptr<grpc::Channel>> channels_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::rpc
