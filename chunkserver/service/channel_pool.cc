#include "chunkserver/service/channel_pool.h"

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
  // Better one that is there than one connection more.
  auto& idle = idle_[address];
  return shared_[address].ForStream([&] {
    if (idle.empty()) return rpc::MakeChannel(address, rpc::ChannelKind::kBulk);
    auto channel = std::move(idle.back());
    idle.pop_back();
    return channel;
  });
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
