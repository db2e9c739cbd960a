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

std::shared_ptr<grpc::Channel> ChannelPool::Share(const std::string& address) {
  MutexLock lock(&mutex_);
  std::shared_ptr<grpc::Channel>& shared = shared_[address];
  if (shared != nullptr) return shared;
  // Better one that is there than one connection more.
  auto& idle = idle_[address];
  if (idle.empty()) {
    shared = rpc::MakeChannel(address, rpc::ChannelKind::kBulk);
  } else {
    shared = std::move(idle.back());
    idle.pop_back();
  }
  return shared;
}

void ChannelPool::Forget(const std::string& address) {
  MutexLock lock(&mutex_);
  shared_.erase(address);
}

void ChannelPool::Release(const std::string& address, std::shared_ptr<grpc::Channel> channel) {
  MutexLock lock(&mutex_);
  auto& idle = idle_[address];
  if (idle.size() < kMaxIdlePerAddress) idle.push_back(std::move(channel));
}

}  // namespace quern::chunkserver
