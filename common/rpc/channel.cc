#include "common/rpc/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <cstdlib>

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

std::shared_ptr<grpc::Channel> ChannelCache::Get(const std::string& address, ChannelKind kind) {
  MutexLock lock(&mutex_);
  auto& channel = channels_[{address, kind}];
  if (channel == nullptr) channel = MakeChannel(address, kind);
  return channel;
}

void ChannelCache::Forget(const std::string& address) {
  MutexLock lock(&mutex_);
  channels_.erase({address, ChannelKind::kControl});
  channels_.erase({address, ChannelKind::kBulk});
}

}  // namespace quern::rpc
