#include "chunkserver/service/channel_pool.h"

#include "common/rpc/channel.h"

namespace quern::chunkserver {
namespace {

constexpr size_t kMaxIdlePerAddress = 4;

}  // namespace

std::shared_ptr<grpc::Channel> ChannelPool::Acquire(const std::string& address) {
  {
    MutexLock lock(&mutex_);
    auto& idle = idle_[address];
    if (!idle.empty()) {
      auto channel = std::move(idle.back());
      idle.pop_back();
      return channel;
    }
  }
  return rpc::MakeChannel(address, rpc::ChannelKind::kBulk);
}

void ChannelPool::Release(const std::string& address, std::shared_ptr<grpc::Channel> channel) {
  MutexLock lock(&mutex_);
  auto& idle = idle_[address];
  if (idle.size() < kMaxIdlePerAddress) idle.push_back(std::move(channel));
}

}  // namespace quern::chunkserver
