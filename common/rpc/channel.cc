#include "common/rpc/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "common/rpc/deadline.h"
#include "common/rpc/grpc_process.h"
#include "common/rpc/settings.h"

namespace quern::rpc {
namespace {

// A channel that lost its server connects again only while somebody polls: between blocking calls
// that is gRPC's own backup poller alone, every 5 s unless told. Read when the first channel is
// made.
void PollBetweenCalls() {
  static const int done = setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "50", 0);
  static_cast<void>(done);
}

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address, ChannelKind kind) {
  PrepareGrpc();
  PollBetweenCalls();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  ForEachSharedSetting([&](const char* name, int value) { arguments.SetInt(name, value); });
  // A restarted server is found again within a second.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // The name misleads: it is how long one attempt to connect may take. A server on a busy machine
  // needs more than the pause between two attempts.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  // Proxies of the environment are for the world outside, not for the servers of a cluster.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (kind == ChannelKind::kBulk) arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

bool AwaitConnection(grpc::Channel* channel, absl::Duration patience) {
  const auto deadline = DeadlineAfter(patience);
  grpc_connectivity_state state = channel->GetState(/*try_to_connect=*/true);
  while (state == GRPC_CHANNEL_IDLE || state == GRPC_CHANNEL_CONNECTING) {
    if (!channel->WaitForStateChange(state, deadline)) return false;
    state = channel->GetState(/*try_to_connect=*/true);
  }
  return true;
}

std::shared_ptr<grpc::Channel> SharedChannels::ForStream(
    const std::function<std::shared_ptr<grpc::Channel>()>& make) {
  struct Use {
    explicit Use(std::shared_ptr<Connection> used) : connection(std::move(used)) {
      ++connection->streams;
    }
    ~Use() { --connection->streams; }
    const std::shared_ptr<Connection> connection;
  };
  auto found = std::ranges::find_if(connections_, [](const auto& connection) {
    return connection->streams < kStreamsPerConnection;
  });
  if (found == connections_.end()) {
    found = connections_.insert(found, std::make_shared<Connection>(make()));
  }
  const auto use = std::make_shared<Use>(*found);
  // Behind the one that had room nobody needs an empty one.
  connections_.erase(std::remove_if(std::next(found), connections_.end(),
                                    [](const auto& other) { return other->streams == 0; }),
                     connections_.end());
  return {use, use->connection->channel.get()};
}

std::shared_ptr<grpc::Channel> ChannelCache::Get(const std::string& address, ChannelKind kind) {
  MutexLock lock(&mutex_);
  if (kind == ChannelKind::kBulk) {
    return bulk_[address].ForStream([&] { return MakeChannel(address, kind); });
  }
  auto& channel = control_[address];
  if (channel == nullptr) channel = MakeChannel(address, kind);
  return channel;
}

void ChannelCache::Forget(const std::string& address) {
  MutexLock lock(&mutex_);
  control_.erase(address);
  bulk_.erase(address);
}

}  // namespace quern::rpc
