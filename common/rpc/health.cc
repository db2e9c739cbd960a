#include "common/rpc/health.h"

#include <grpcpp/support/slice.h>

#include <utility>

namespace quern::rpc {
namespace {

constexpr int kMaxChecks = 1024;
constexpr int kMaxWatchers = 1024;
// A stream whose request does not come is ended.
constexpr int kRequestTicks = 10;

}  // namespace

// One request, and then its answers.
class Health::OneRequest : public SessionReceiver {
 public:
  explicit OneRequest(std::shared_ptr<SessionStream> stream) : stream_(std::move(stream)) {}
  void OnMessage(const grpc::ByteBuffer&) final {
    if (!std::exchange(asked_, true)) OnRequest();
  }
  void OnEndOfMessages(SessionStream* stream) final {
    if (!asked_) stream->Finish(InvalidArgumentError("no request"));
  }
  void OnTick() final {
    if (!asked_ && ++ticks_ == kRequestTicks) {
      stream_->Finish(DeadlineExceededError("no request within {} s", kRequestTicks));
    }
  }

 protected:
  virtual void OnRequest() = 0;
  const std::shared_ptr<SessionStream> stream_;

 private:
  bool asked_ = false;
  int ticks_ = 0;
};

class Health::Check final : public OneRequest {
 public:
  Check(Health* health, std::shared_ptr<SessionStream> stream)
      : OneRequest(std::move(stream)), health_(*health) {}
  void OnRequest() override {
    {
      MutexLock lock(&health_.mutex_);
      stream_->Send(Response(health_.serving_));
    }
    stream_->Finish(absl::OkStatus());
  }
  void OnOver() override {}

 private:
  Health& health_;
};

class Health::Watch final : public OneRequest {
 public:
  Watch(Health* health, std::shared_ptr<SessionStream> stream)
      : OneRequest(std::move(stream)), health_(*health) {}
  void OnRequest() override { health_.AddWatcher(stream_); }
  void OnOver() override { health_.RemoveWatcher(stream_); }

 private:
  Health& health_;
};

std::vector<SessionMethod> Health::Methods() {
  return {
      {"/grpc.health.v1.Health/Check", kMaxChecks,
       [this](std::shared_ptr<SessionStream> stream) {
         return std::make_unique<Check>(this, std::move(stream));
       }},
      {"/grpc.health.v1.Health/Watch", kMaxWatchers, [this](std::shared_ptr<SessionStream> stream) {
         return std::make_unique<Watch>(this, std::move(stream));
       }}};
}

void Health::SetServing(bool serving) {
  MutexLock lock(&mutex_);
  if (serving == serving_) return;
  serving_ = serving;
  for (const auto& watcher : watchers_) watcher->Send(Response(serving));
}

// HealthCheckResponse{status = 1: SERVING = 1, NOT_SERVING = 2}.
grpc::ByteBuffer Health::Response(bool serving) {
  const char bytes[2] = {0x08, static_cast<char>(serving ? 1 : 2)};
  const grpc::Slice slice(bytes, sizeof bytes);
  return {&slice, 1};
}

void Health::AddWatcher(std::shared_ptr<SessionStream> watcher) {
  MutexLock lock(&mutex_);
  watcher->Send(Response(serving_));
  watchers_.push_back(std::move(watcher));
}

void Health::RemoveWatcher(const std::shared_ptr<SessionStream>& watcher) {
  MutexLock lock(&mutex_);
  std::erase(watchers_, watcher);
}

}  // namespace quern::rpc
