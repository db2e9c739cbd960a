// The only maker of gRPC channels: limits, keep-alive and buffer sizes are set here.
#pragma once

#include <absl/time/time.h>
#include <grpcpp/channel.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"

namespace quern::rpc {

enum class ChannelKind {
  kControl,  // many small calls over one shared connection
  kBulk,     // a connection of its own, so that a slow reader holds up nobody else
};

// Does not connect yet; calls fail with Unavailable while nobody listens at `address` (HOST:PORT).
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, ChannelKind kind);

// Waits until a try to connect has come to its end, well or badly: a call finds out which. False:
// neither within `patience`.
bool AwaitConnection(grpc::Channel* channel, absl::Duration patience);

// The bulk channels to one address: streams share one as long as it takes them. Not thread-safe,
// but what it gives may be dropped by any thread.
class SharedChannels {
 public:
  // For one stream, which counts as long as the result or a copy of it lives. `make` is called when
  // the others are full.
  std::shared_ptr<grpc::Channel> ForStream(
      const std::function<std::shared_ptr<grpc::Channel>()>& make);

 private:
  struct Connection {
    explicit Connection(std::shared_ptr<grpc::Channel> made) : channel(std::move(made)) {}
    const std::shared_ptr<grpc::Channel> channel;
    std::atomic<int> streams = 0;
  };
  std::vector<std::shared_ptr<Connection>> connections_;
};

// Keeps the channels to each address: one for control, and for bulk streams as many as they need.
// Thread-safe.
class ChannelCache {
 public:
  // A bulk channel is for one stream, as of SharedChannels.
  std::shared_ptr<grpc::Channel> Get(const std::string& address, ChannelKind kind);
  // Forgets the channels of an address whose server is gone, so that the next Get reconnects at
  // once instead of after gRPC's back-off.
  void Forget(const std::string& address);

 private:
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> control_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, SharedChannels> bulk_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::rpc
